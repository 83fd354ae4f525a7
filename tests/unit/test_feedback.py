"""Texts that may be written to the library."""

from __future__ import annotations

import pytest
from multidict import MultiDict, MultiDictProxy

from handlers.http.free_text import checked_text
from handlers.texts.errors import REASONS

MISSING, NOT_PRINTABLE = REASONS["text_missing"], REASONS["text_not_printable"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("065 号座位没有电\r\n\t请修一下", ""),
        ("你好，\u3000\u3000空调太冷了", ""),
        ("价格\u00a0多少", ""),
        ("谢谢 👨\u200d👩\u200d👧", ""),
        ("x" * 1000, ""),
        ("x" * 1001, REASONS["text_too_long"].format(most=1000, length=1001)),
        ("", MISSING),
        ("  \r\n ", MISSING),
        ("\u3000", MISSING),
        ("a\x00b", NOT_PRINTABLE),
        ("a\u202eb", NOT_PRINTABLE),
        ("a\ue000b", NOT_PRINTABLE),
    ],
)
def test_feedback_texts_are_accepted_or_refused_by_their_content(text: str, wrong: str) -> None:
    form = MultiDictProxy(MultiDict[str | bytes](text=text))
    content, refusal = checked_text(form)
    assert refusal == wrong
    assert wrong == MISSING or content == text.replace("\r\n", "\n")
