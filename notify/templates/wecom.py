"""Texts of a 企业微信 card, in addition to the message itself."""

from __future__ import annotations

from typing import Final

from languages.text import _

CARD_BUTTON: Final = _("查看")
NO_TAGS: Final = str.maketrans("<>", "〈〉")
"""A translation table that replaces the characters which WeCom would read as tags."""
