"""研修间 in the console: the desk answers requests and sees who has which room."""

from __future__ import annotations

import re
from typing import Any

import pytest

from models.identity.roles import Role
from tests.api.console import WHEREFORE, log, post, staff
from tests.api.night import NIGHT, clock, open_by
from tests.api.rooms import of_annex
from tests.living import Client, Living

PAGE = "/console/rooms"
SMALL, SEMINAR, HALL = "r201", "r401", "r402"
"""A room without requests, one whose request is approved without an answer, one declined."""


async def book(service: Living, reader: Client, room: str, **other: Any) -> Any:
    """A booking of the room from 14:00 to 16:00 today."""
    usual = {"room_id": room, "date": service.today, "start": "14:00", "end": "16:00"}
    wish = usual | {"purpose": "讨论<b>毕业设计</b>"} | other
    return await reader.ok("POST", "/room-bookings", wish)


async def test_the_desk_answers_requests_and_sees_who_has_which_room(service: Living) -> None:
    asker, other, friend = [await service.reader() for _ in range(3)]
    desk = await staff(service)
    page = (await desk.get(PAGE)).body
    assert "没有待答复的申请" in page and "没有研修间的预约" in page
    first = await book(service, asker, SEMINAR)
    second = await book(service, other, HALL, date=service.tomorrow)
    third = await book(service, friend, SMALL)
    await friend.ok("POST", f"/room-invitations/{first['invitation']}/withdraw")
    page = (await desk.get(PAGE)).body
    assert "图书馆4层研讨室401 · 9月7日 周一" in page and "14:00–16:00" in page
    assert "讨论&lt;b&gt;毕业设计&lt;/b&gt;" in page and "已有 1 人确认" in page
    assert "请在 9月7日 周一 13:00 前答复；到时没有答复，自动同意。" in page
    assert "请在 9月8日 周二 13:00 前答复；到时没有答复，自动谢绝。" in page
    assert "9月7日 周一 12:00 前不足 4 人则自动释放" in page
    for reader in (asker, other, friend):
        assert f'href="/console/readers/{reader.reader_id}"' in page
    front = (await desk.get("/console")).body
    waiting = re.findall(r'quiet">研修间申请</span><a href="/console/rooms">([^<]+)', front)
    assert waiting == ["研讨室401 9月7日 14:00", "报告厅402 9月8日 14:00"]
    assert '<a href="/console/rooms">研修间</a>' in front

    approve, decline = f"{PAGE}/{first['id']}/approve", f"{PAGE}/{second['id']}/decline"
    assert (await post(service, desk, approve)).headers["Location"] == f"{PAGE}?done=approve_room"
    books = await service.books()
    refused = await post(service, desk, decline, reason="")
    assert refused.status == 400 and "请写明原因" in refused.body
    assert await service.books() == books and len(await log(service)) == 1
    assert (await post(service, desk, decline)).status == 303
    sees = await other.ok("GET", f"/room-bookings/{second['id']}")
    assert (sees["state"], sees["answer"]) == ("declined", WHEREFORE)
    # What has been decided meanwhile is said, and what was typed is still there.
    late = await post(service, desk, decline.replace(second["id"], first["id"]))
    assert late.status == 409 and WHEREFORE in late.body
    assert (await post(service, desk, f"{PAGE}/{'6' * 24}/approve")).status == 404
    page = (await desk.get(f"{PAGE}?done=decline_room")).body
    assert "已办理：谢绝研修间申请" in page and "没有待答复的申请" in page
    assert page.count("已预约") == 2 and "这一天" not in page
    assert "没有研修间的预约" in (await desk.get(f"{PAGE}?date={service.tomorrow}")).body
    assert "研修间201" in (await desk.get(f"{PAGE}?date={service.today}")).body
    assert (await desk.get(f"{PAGE}?date=x")).status == 400

    cancel = f"{PAGE}/{third['id']}/cancel"
    for _ in range(2):
        assert (await post(service, desk, cancel)).status == 303
    sees = await friend.ok("GET", f"/room-bookings/{third['id']}")
    assert (sees["state"], sees["answer"]) == ("cancelled", WHEREFORE)
    assert (await book(service, asker, SMALL, start="17:00", end="18:00"))["id"], "free again"
    assert (await post(service, desk, f"{PAGE}/{second['id']}/cancel")).status == 409
    assert await log(service) == [
        ("approve_room", f"room:{first['id']}", "done"),
        ("decline_room", f"room:{second['id']}", "done"),
        ("decline_room", f"room:{first['id']}", "wrong_state"),
        ("cancel", f"room:{third['id']}", "done"),
        ("cancel", f"room:{third['id']}", "done"),
        ("cancel", f"room:{second['id']}", "wrong_state"),
    ]


@pytest.mark.whole
async def test_all_people_of_a_booking_learn_that_the_library_has_cancelled_it(
    service: Living,
) -> None:
    booker, friend = [await service.reader() for _ in range(2)]
    booking = await book(service, booker, SMALL)
    await friend.ok("POST", f"/room-invitations/{booking['invitation']}/confirm")
    desk = await staff(service)
    assert (await post(service, desk, f"{PAGE}/{booking['id']}/cancel")).status == 303
    await service.settle()
    for reader in (booker, friend):
        (message,) = (await reader.ok("GET", "/messages"))["items"]
        assert "研修间201" in message["text"] and "已由图书馆取消" in message["text"]
        assert (WHEREFORE in message["text"]) is (reader is booker), "the reason is the booker's"
        assert (message["reservation_id"], message["room_booking_id"]) == (None, booking["id"])
    assert not (await booker.ok("GET", "/violations"))["items"]


async def test_who_may_not_answer_changes_nothing(service: Living) -> None:
    asker, friend = [await service.reader() for _ in range(2)]
    request, booking = await book(service, asker, SEMINAR), await book(service, friend, SMALL)
    viewer, elsewhere, reader = (
        await staff(service, Role.VIEWER),
        await of_annex(service),
        await staff(service, None),
    )
    books = await service.books()
    for who in (viewer, elsewhere, reader):
        for id, verb in (
            (request["id"], "approve"),
            (request["id"], "decline"),
            (booking["id"], "cancel"),
        ):
            assert (await post(service, who, f"{PAGE}/{id}/{verb}")).status == 403, verb
    assert await service.books() == books and await log(service) == []
    page = (await viewer.get(PAGE)).body
    assert "研讨室401" in page and '<form method="post"' not in page
    page = (await elsewhere.get(PAGE)).body
    assert "研讨室401" not in page and 'href="/console/rooms"' not in page
    assert "研讨室401" not in (await elsewhere.get("/console")).body
    assert (await reader.get(PAGE)).status == 403


@pytest.mark.whole
async def test_a_stay_over_midnight_stays_on_the_page_until_it_ends(service: Living) -> None:
    await open_by(service, NIGHT)
    reader = await service.reader()
    booking = await book(service, reader, SMALL, start="22:00", end="01:00")
    await clock(service, "22:00", 7)
    scanned = {"qr": await service.qr()}
    await reader.ok("POST", f"/room-bookings/{booking['id']}/check-in", scanned)
    await clock(service, "00:30", 8)
    desk = await staff(service)
    page, cancel = (await desk.get(PAGE)).body, f"{PAGE}/{booking['id']}/cancel"
    assert "9月7日 周一" in page and "22:00–次日01:00" in page and "使用中" in page
    assert cancel not in page and (await post(service, desk, cancel)).status == 409
    await clock(service, "01:00", 8)
    assert "没有研修间的预约" in (await desk.get(PAGE)).body
