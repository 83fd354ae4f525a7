"""通知公告: what is shown, in which order, and that no text of theirs can do harm."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handlers.http.markdown import html_of
from models.notices.entities import Notice
from tests.living import MONDAY_8, Living

HOUR = timedelta(hours=1)


async def test_what_is_shown_and_when(service: Living) -> None:
    notices = service.inside.stored.notices
    for id, begins, ends, pinned in (
        ("over", -2 * HOUR, -HOUR, False),
        ("ends", -2 * HOUR, HOUR, False),
        ("newest", -HOUR, None, False),
        ("first", -3 * HOUR, None, True),
        ("later", HOUR, None, True),
    ):
        until = MONDAY_8 + ends if ends is not None else None
        await notices.add(Notice(id, id, "…", MONDAY_8 + begins, pinned, until))
    user = await service.wx_user()  # who is not bound yet may read them
    seeded = ["how-to-book", "bind-once"]
    listed = await user.ok("GET", "/notices")
    assert [n["id"] for n in listed["items"]] == ["first", seeded[0], "newest", "ends", seeded[1]]
    assert listed["total"] == 5
    page = await user.ok("GET", "/notices?page=2&page_size=2")
    assert [n["id"] for n in page["items"]] == ["newest", "ends"]
    for hidden in ("over", "later", "nothing"):
        assert (await user.get(f"/notices/{hidden}")).code == "not_found"
    await service.move("09:00")
    assert [n["id"] for n in (await user.ok("GET", "/notices"))["items"]] == [
        *("later", "first", seeded[0], "newest", seeded[1])
    ]
    one = await user.ok("GET", f"/notices/{seeded[0]}")
    assert "<strong>今天和明天</strong>" in one["body_html"]
    assert (await service.anonymous.get("/notices")).code == "unauthenticated"


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
def test_no_text_can_do_harm(text: str, harmless: str | None) -> None:
    made = html_of(text).strip()
    assert made == harmless if harmless else "<img" not in made
