"""What people may write on one line."""

from __future__ import annotations

from typing import Final

_ALSO: Final = "\u3000\u00a0\u200d"
"""The full-width space of Chinese texts, the space that does not break, the joiner of emoji."""


def is_printable_line(text: str) -> bool:
    """No control characters, no marks that turn the direction, no lone surrogates."""
    return all(character.isprintable() or character in _ALSO for character in text)
