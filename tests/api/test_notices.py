"""通知公告: visibility and order."""

from __future__ import annotations

from datetime import timedelta

from models.notices.entities import Notice
from tests.living import MONDAY_8, Living

HOUR = timedelta(hours=1)


async def test_current_notices_are_listed_pinned_first_then_newest(service: Living) -> None:
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
