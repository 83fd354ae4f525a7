from __future__ import annotations

import unicodedata
from typing import Final

from handlers.http.forms import Form
from handlers.http.pages import form_text
from handlers.texts.errors import REASONS
from models.feedback.entities import MAX_LENGTH

_INVISIBLE: Final = frozenset({"Cc", "Cs", "Co", "Cn"})
_DIRECTION_MARKS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that change the writing direction, so that a text looks different from its content."""


def checked_text(form: Form) -> tuple[str, str]:
    """The form's field ``text``, and the error to show beside it (empty if the text is valid)."""
    text = form_text(form, "text").replace("\r\n", "\n")
    if not text:
        return text, REASONS["text_missing"]
    if len(text) > MAX_LENGTH:
        return text, REASONS["text_too_long"].format(most=MAX_LENGTH, length=len(text))
    invisible = any(unicodedata.category(c) in _INVISIBLE and c not in "\n\t" for c in text)
    if invisible or _DIRECTION_MARKS & set(text):
        return text, REASONS["text_not_printable"]
    return text, ""
