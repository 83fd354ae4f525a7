"""Texts of a card of 企业微信, besides the message."""

from __future__ import annotations

from typing import Final

CARD_BUTTON: Final = "查看"
NO_TAGS: Final = str.maketrans("<>", "〈〉")
"""Replacements of characters that WeCom would read as tags."""
