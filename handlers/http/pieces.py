"""Finished pieces of pages, which readers share, and the pages that they are put into."""

from __future__ import annotations

import zlib
from typing import Final

_LEVEL: Final = 7
"""The level for pieces, which are compressed once. It makes up for what is lost between them."""
_WINDOW: Final = 2048
"""The end of a page refers back to this much of its piece."""
_FEWEST_BITS: Final = 9
_MORE_BITS: Final = 7
"""zlib at a memLevel has tables for as many bytes as a window of so many more bits."""
_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"


class Piece:
    """A large part of a page, encoded and compressed by itself, so that a page with it compresses
    only the rest. It has nothing of a single reader."""

    __slots__ = ("_packed", "content")

    def __init__(self, text: str) -> None:
        self.content = text.encode()
        self._packed = b""

    @property
    def packed(self) -> bytes:
        """The content as deflated blocks that refer to nothing before them."""
        if not self._packed:
            self._packed = _deflated(self.content, zlib.Z_FULL_FLUSH, level=_LEVEL)
        return self._packed


def gzipped(before: bytes, piece: Piece | None = None, after: bytes = b"") -> bytes:
    """The page of these parts, compressed. With a piece it is one gzip stream all the same."""
    if piece is None:
        whole, packed = before, _deflated(before)
    else:
        whole = before + piece.content + after
        last = _deflated(after, dictionary=piece.content[-_WINDOW:])
        packed = _deflated(before, zlib.Z_FULL_FLUSH) + piece.packed + last
    check, size = zlib.crc32(whole), len(whole)
    return _HEADER + packed + check.to_bytes(4, "little") + size.to_bytes(4, "little")


def _deflated(
    content: bytes,
    until: int = zlib.Z_FINISH,
    *,
    dictionary: bytes = b"",
    level: int = zlib.Z_DEFAULT_COMPRESSION,
) -> bytes:
    """The content, compressed. The compressor is for this size: to clear the tables of one for any
    size takes longer than to compress 2 KB."""
    bits = min(max((len(dictionary) + len(content)).bit_length(), _FEWEST_BITS), zlib.MAX_WBITS)
    packer = zlib.compressobj(level, wbits=-bits, memLevel=bits - _MORE_BITS, zdict=dictionary)
    return packer.compress(content) + packer.flush(until)
