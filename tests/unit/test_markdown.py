"""Rendering a notice's text as HTML."""

from __future__ import annotations

import pytest

from handlers.http.markdown import html_of


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
        ("<img src=x onerror=alert(1)>", "<p>&lt;img src=x onerror=alert(1)&gt;</p>"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        ("[x](data:text/html,x)", "<p>[x](data:text/html,x)</p>"),
        ("![x](https://elsewhere.example/x.png)", None),
        ("**好** [规则](/rules)", '<p><strong>好</strong> <a href="/rules">规则</a></p>'),
    ],
)
def test_harmful_markdown_is_made_harmless(text: str, harmless: str | None) -> None:
    made = html_of(text).strip()
    assert made == harmless if harmless else "<img" not in made
