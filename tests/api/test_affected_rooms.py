"""Bookings of rooms that hours or the room itself no longer allow: the staff see them before the
change, and all their people are told."""

from __future__ import annotations

from typing import Any, Final

import pytest

from models.identity.roles import Role
from models.library.rooms import RoomId
from models.staff.audit import AuditQuery
from tests.api.browsing import Browser
from tests.api.calendar_page import ask as ask_calendar
from tests.api.console import WHEREFORE, post, staff
from tests.api.room_bookings import ANNEX, OTHER, SEMINAR, SMALL, book, state, with_annex
from tests.living import Client, Living

SETTINGS: Final = "/console/room-settings"
PAGE: Final = "/console/affected-bookings"


async def tomorrow(service: Living, reader: Client, room: str = SMALL, **other: Any) -> Any:
    return await book(service, reader, room, date=service.tomorrow, **other)


async def texts(service: Living, reader: Client) -> list[str]:
    await service.settle()
    return [message["text"] for message in (await reader.ok("GET", "/messages"))["items"]]


async def operate(service: Living, who: Browser, operation: str, **form: str) -> Any:
    base = service.inside.reference.rooms[RoomId(SMALL)].rev
    fields = {"base": str(base), "operation": operation, **form}
    return await post(service, who, f"{SETTINGS}/{SMALL}", **fields)


async def last_entry(service: Living, action: str) -> Any:
    ((entry, *_), _) = await service.inside.stored.audit_log.page_of(
        AuditQuery(action=action), 0, 1
    )
    return entry


async def test_a_closed_day_cancels_bookings_of_rooms_with_a_message_to_all_their_people(
    service: Living,
) -> None:
    await with_annex(service)
    head = await staff(service, Role.ADMINISTRATOR)
    booker, friend, asker, elsewhere, seated = [await service.reader() for _ in range(5)]
    booking, request = (
        await tomorrow(service, booker, SMALL),
        await tomorrow(service, asker, SEMINAR),
    )
    await friend.ok("POST", f"/room-invitations/{booking['invitation']}/confirm")
    there = await tomorrow(service, elsewhere, ANNEX.id)
    seat = await seated.reserve("2f-hall-010", "14:00", "16:00", service.tomorrow)
    closed = {"place": "v:library", "first": service.tomorrow}
    question = await ask_calendar(service, head, **closed)
    assert question.status == 200 and "<b>3</b> 个预约不再符合" in question.body
    for shown in ("研修间201", "研讨室401", "研修间的预约只取消，不另留房间"):
        assert shown in question.body, shown
    assert "Gruppenraum" not in question.body and 'value="offer" checked' in question.body
    assert await state(booker, booking) == "reserved", "nothing has changed yet"

    done = await ask_calendar(service, head, **closed, confirmed="yes", bookings="offer")
    assert done.status == 303
    assert [await state(booker, booking), await state(asker, request)] == ["cancelled"] * 2
    assert await state(elsewhere, there) == "reserved"
    assert (await seated.ok("GET", f"/reservations/{seat['id']}"))["state"] == "cancelled"
    for reader, sees in ((booker, True), (friend, False), (asker, True)):
        (text,) = await texts(service, reader)
        assert "已由图书馆取消" in text and ("馆长办公会" in text) is sees
        assert not (await reader.ok("GET", "/violations"))["items"]
    assert await texts(service, elsewhere) == []
    entry = await last_entry(service, "rules")
    assert entry.after["cancelled"] == 3 and entry.after["version"] == 2
    assert (await service.inside.rooms.get(booking["id"])).history[-1].by == "librarian"


@pytest.mark.whole
async def test_a_kept_booking_is_listed_and_counted_until_it_is_cancelled(service: Living) -> None:
    await with_annex(service)
    head = await staff(service, Role.ADMINISTRATOR)
    booker, other, elsewhere = [await service.reader() for _ in range(3)]
    early = await tomorrow(service, booker, SMALL, start="09:00", end="10:00")
    late = await tomorrow(service, other, OTHER)
    await tomorrow(service, elsewhere, ANNEX.id)
    assert "没有受影响的预约" in (await head.get(PAGE)).body
    hours = {"place": "v:library", "kind": "open", "opens": "08:00", "closes": "15:00"}
    kept = await ask_calendar(
        service, head, **hours, first=service.tomorrow, confirmed="yes", bookings="keep"
    )
    assert kept.status == 303 and await state(other, late) == "reserved"
    page = (await head.get(PAGE)).body
    assert "研修间202" in page and "研修间201" not in page and "Gruppenraum" not in page
    assert f"/console/rooms?date={service.tomorrow}" in page and "已预约" in page
    assert "受影响的预约 1" in (await head.get("/console")).body
    books = await service.books()
    assert (await post(service, head, PAGE, bookings="cancel", reason="")).status == 400
    assert await service.books() == books
    assert (await post(service, head, PAGE, bookings="cancel")).status == 303
    assert [await state(booker, early), await state(other, late)] == ["reserved", "cancelled"]
    (text,) = await texts(service, other)
    assert WHEREFORE in text
    assert "没有受影响的预约" in (await head.get(PAGE)).body
    assert (await last_entry(service, "affected_bookings")).after == {"cancelled": 1}


async def test_a_room_is_retired_or_closed_earlier_with_its_bookings(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    booker, other, inside = [await service.reader() for _ in range(3)]
    now = await book(service, inside, start="08:00", end="10:00")
    scanned = {"qr": await service.qr()}
    await inside.ok("POST", f"/room-bookings/{now['id']}/check-in", scanned)
    early = await tomorrow(service, booker, SMALL, start="09:00", end="10:00")
    late = await tomorrow(service, other, SMALL)
    form = {
        **{"name": "研修间201", "floor": "2", "least": "2", "most": "4", "equipment": "白板"},
        **{"min_minutes": "30", "max_minutes": "240", "step_minutes": "30", "days_ahead": "7"},
        **{"bookings_a_week": "3", "buffer_minutes": "0", "opens": "08:00", "closes": "15:00"},
    }
    question = await operate(service, head, "change", **form)
    assert question.status == 200 and "<b>1</b> 个预约不再符合" in question.body
    assert 'name="closes" value="15:00"' in question.body, "what was typed goes along"
    assert 'value="offer"' not in question.body, "no other room is offered"
    assert service.inside.reference.rooms[RoomId(SMALL)].hours is None
    unanswered = await operate(service, head, "change", **form, confirmed="yes")
    assert unanswered.status == 200 and "又有预约受影响" in unanswered.body
    books = await service.books()
    wordless = {"confirmed": "yes", "bookings": "cancel", "reason": ""}
    assert (await operate(service, head, "change", **form, **wordless)).status == 400
    assert await service.books() == books
    answered = {"confirmed": "yes", "bookings": "cancel"}
    assert (await operate(service, head, "change", **form, **answered)).status == 303
    assert [await state(booker, early), await state(other, late)] == ["reserved", "cancelled"]
    assert WHEREFORE in (await texts(service, other))[0]
    assert (await last_entry(service, "room")).after["cancelled"] == 1

    question = await operate(service, head, "retire")
    assert "<b>1</b> 个预约不再符合" in question.body
    assert "<b>1</b> 位读者正在使用" in question.body, "whom nobody sends away"
    assert (await operate(service, head, "retire", **answered)).status == 303
    assert [await state(booker, early), await state(inside, now)] == ["cancelled", "in_use"]
    # Kept, a booking of a room that is out of use is listed.
    assert (await operate(service, head, "restore")).status == 303
    again = await tomorrow(service, other, SMALL, start="09:00", end="10:00")
    kept = {"confirmed": "yes", "bookings": "keep"}
    assert (await operate(service, head, "retire", **kept)).status == 303
    assert await state(other, again) == "reserved"
    assert "研修间201" in (await head.get(PAGE)).body
