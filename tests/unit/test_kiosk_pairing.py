"""What a screen shows beside its pairing code."""

from __future__ import annotations

from handlers.texts.check_words import CHECK_WORD_TEXT
from models.kiosks.entities import CHECK_WORDS


def test_each_check_word_is_another() -> None:
    assert len(set(CHECK_WORD_TEXT)) == len(CHECK_WORD_TEXT) == CHECK_WORDS
