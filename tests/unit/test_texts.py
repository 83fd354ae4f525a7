"""The catalogue has a text for each code that the domain gives instead of a sentence."""

from __future__ import annotations

import ast
from pathlib import Path
from string import Formatter

from handlers.texts.errors import REASONS, reason_text, text_of
from models.library import plan_editing
from models.library.entities import REMOVED_FROM_PLAN


def test_each_reason_against_a_plan_has_a_text_with_its_facts() -> None:
    tree = ast.parse(Path(plan_editing.__file__).read_text(encoding="utf-8"))
    raised: dict[str, set[str | None]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Malformed":
            reason = node.args[1]
            assert isinstance(reason, ast.Constant) and isinstance(reason.value, str)
            raised[reason.value] = {keyword.arg for keyword in node.keywords}
    assert raised
    for code, facts in raised.items():
        assert facts_in(REASONS[code]) == facts, code


def facts_in(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_a_reason_is_worded_from_its_code_or_kept_as_text() -> None:
    assert reason_text(
        {"field": "seats", "reason": "seats_overlap", "no": "012", "other": "011"}
    ) == ("011 号与 012 号重叠")
    assert reason_text({"field": "title", "reason": "标题为 1–40 字"}) == "标题为 1–40 字"
    assert text_of("seat_disabled", {"reason": REMOVED_FROM_PLAN}) == (
        "该座位暂停使用（已从平面图移除），请换一个座位"
    )
    assert "（维修）" in text_of("seat_disabled", {"reason": "维修"})
