"""The Merkle tree of RFC 6962 over the leaves of a season's list: its root is published while the
list is secret, and a path shows that a leaf is in the list. All hashes are SHA-256 in hexadecimal;
docs/draw.md specifies the tree."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def root(leaves: Sequence[str]) -> str:
    """The root of the tree over the leaves in the given order."""
    if not leaves:
        return hashlib.sha256(b"").hexdigest()
    level = [_of_leaf(leaf) for leaf in leaves]
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        # A node without a neighbour moves up unchanged, which gives the tree of RFC 6962.
        level = [_of_pair(*pair) for pair in pairs] + level[len(level) & ~1 :]
    return level[0]


def path(leaves: Sequence[str], index: int) -> list[str]:
    """The neighbours on the way from the leaf with the index to the root, the lowest first."""
    level, hashes = [_of_leaf(leaf) for leaf in leaves], []
    while len(level) > 1:
        if index ^ 1 < len(level):
            hashes.append(level[index ^ 1])
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [_of_pair(*pair) for pair in pairs] + level[len(level) & ~1 :]
        index >>= 1
    return hashes


def root_by_path(leaf: str, index: int, count: int, hashes: Sequence[str]) -> str | None:
    """The root of a tree of ``count`` leaves that the path leads to; None if the path does not
    have the length for that index."""
    if not 0 <= index < count:
        return None
    remaining, last, node = iter(hashes), count - 1, _of_leaf(leaf)
    while last:
        if index & 1 or index < last:
            neighbour = next(remaining, None)
            if neighbour is None:
                return None
            node = _of_pair(neighbour, node) if index & 1 else _of_pair(node, neighbour)
        index, last = index >> 1, last >> 1
    return node if next(remaining, None) is None else None


def _of_leaf(leaf: str) -> str:
    return hashlib.sha256(b"\x00" + bytes.fromhex(leaf)).hexdigest()


def _of_pair(left: str, right: str) -> str:
    return hashlib.sha256(b"\x01" + bytes.fromhex(left + right)).hexdigest()
