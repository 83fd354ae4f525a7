"""Finished pieces of pages, which readers share, and the pages that they are put into."""

from __future__ import annotations

import zlib
from typing import Final

_LEVEL: Final = 7
"""The level for pieces, which are compressed once. It makes up for what is lost between them."""
_RAW: Final = -zlib.MAX_WBITS
_WINDOW: Final = 2048
"""The end of a page refers back to this much of its piece."""
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
            packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW)
            self._packed = packer.compress(self.content) + packer.flush(zlib.Z_FULL_FLUSH)
        return self._packed


def gzipped(before: bytes, piece: Piece | None = None, after: bytes = b"") -> bytes:
    """The page of these parts, compressed. With a piece it is one gzip stream all the same."""
    if piece is None:
        packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
        return packer.compress(before) + packer.flush()
    first = zlib.compressobj(wbits=_RAW)
    last = zlib.compressobj(wbits=_RAW, zdict=piece.content[-_WINDOW:])
    size = len(before) + len(piece.content) + len(after)
    check = zlib.crc32(after, zlib.crc32(piece.content, zlib.crc32(before)))
    return b"".join(
        (
            _HEADER,
            first.compress(before),
            first.flush(zlib.Z_FULL_FLUSH),
            piece.packed,
            last.compress(after),
            last.flush(),
            check.to_bytes(4, "little"),
            size.to_bytes(4, "little"),
        )
    )
