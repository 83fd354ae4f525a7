"""消息与公告: the page of a reader's messages and of the notices; visibility and order."""

from __future__ import annotations

import re
from datetime import timedelta

from models.messages.entities import Message, Template
from models.notices.entities import Notice
from tests.api.browsing import Browser
from tests.api.stored_reads import commands_of
from tests.api.waitlist import ONE, held_seat, join, offers
from tests.living import MONDAY_8, Living

HOUR = timedelta(hours=1)
ANSWERS = [(Template.ANSWER, end) for end in ("answer", "waived", "announced")]


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


async def test_the_page_behind_the_bell_has_unread_messages_before_notices(service: Living) -> None:
    person, new = await service.web_reader(), Browser(await service.web_reader())
    made = await person.reserve("2f-hall-001", "09:00", "11:00")
    await service.settle()
    await service.inside.stored.messages.add(
        [
            Message(f"m{n}:{end}", person.reader_id, template, f"<{end}>", "面谈", MONDAY_8, {})
            for n in range(8)
            for template, end in (*ANSWERS, (Template.SUSPENDED, "ban"))
        ]
    )
    browser = Browser(await service.web_reader(person))
    page = (await browser.get("/notices")).body
    messages, notices = page.split('id="notices"')
    assert messages.count('<li class="unread">') == 20 and "33 条未读" in messages
    assert 'href="/notices/how-to-book"' in notices
    older = (await browser.get("/notices?page=2")).body
    assert older.count('<li class="unread">') == 13 and 'id="notices"' not in older
    of_all = messages + older
    assert f'<a href="/reservations/{made["id"]}">' in of_all
    assert '<a href="/contact">&lt;answer&gt;</a>' in of_all
    for end in ("waived", "ban"):
        assert f'<a href="/reservations/violations">&lt;{end}&gt;</a>' in of_all
    assert of_all.count("&lt;announced&gt;</b>") == 8, "an announcement leads nowhere"
    assert (await browser.get("/notices?page=3")).headers["Location"] == "/notices?page=2"
    read = {"csrf": await browser.token("/notices"), "ids": "x"}
    marked = await browser.post("/me/read", read, service.base)
    assert marked.headers["Location"] == "/notices"
    for path in ("/notices", "/notices?page=2"):
        seen = (await browser.get(path)).body
        assert "unread" not in re.sub("data-unread", "", seen) and "全部已读" not in seen
    assert "还没有消息" in (await new.get("/notices")).body
    sent = await commands_of(service, browser.get("/notices"))
    assert sent == {"messages": 3, "notices": 2, "reservations": 1}


async def test_an_offered_seat_comes_first_on_the_page_behind_the_bell(service: Living) -> None:
    owner, made = await held_seat(service)
    reader = await service.reader()
    await join(service, reader, seats=[ONE])
    browser = Browser(await service.web_reader(reader))
    assert "/accept" not in (await browser.get("/notices")).body
    await owner.ok("POST", f"/reservations/{made['id']}/cancel")
    (held,) = await offers(reader)
    page = (await browser.get("/notices")).body
    assert page.index(f"/reservations/{held['id']}/accept") < page.index("<h1")
    await reader.ok("POST", f"/reservations/{held['id']}/accept")
    assert "/accept" not in (await browser.get("/notices")).body
