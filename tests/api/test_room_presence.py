"""Coming to a study room: by the label at its door, and at the desk."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from models.identity.api_tokens import Scope
from models.identity.roles import Role
from models.library.entities import PresenceSource
from models.reservations.presence import PresenceMethod
from tests.api.api_tokens import program
from tests.api.browsing import Browser
from tests.api.changes import suspended
from tests.api.console import WHEREFORE, librarian, log, post, staff
from tests.api.page_forms import send
from tests.api.presence_methods import choose, nothing_proves, proofs
from tests.api.rooms import GROUP, HALL, SEMINAR, SMALL, book, confirm, of_annex, state, taken
from tests.api.seat_labels import label, room_label
from tests.living import Living


async def with_labels(service: Living) -> None:
    await choose(service, PresenceSource.KIOSK, PresenceSource.SEAT_LABEL)


def check_in(booking: Any) -> str:
    return f"/room-bookings/{booking['id']}/check-in"


async def test_a_seminar_comes_and_one_who_takes_part_scans_the_rooms_label(
    service: Living,
) -> None:
    await with_labels(service)
    asker, *friends, blocked, busy, passer_by = [await service.reader() for _ in range(7)]
    desk = await librarian(service)
    asked = await book(service, asker, SEMINAR)
    assert (asked["state"], asked["room"]["check_in_by"]) == ("requested", "kiosk_or_label")
    link = f"/room-invitations/{asked['invitation']}/confirm"
    # Of six who are invited, three confirm, besides the booker.
    await suspended(service, blocked, True)
    await blocked.refused("422 suspended", "POST", link)
    await busy.reserve("2f-hall-030", "15:00", "16:00")
    await busy.refused("409 own_overlap", "POST", link)
    await confirm(asked, *friends[:2])
    await service.move("11:59")
    await desk.ok("POST", f"/staff/room-requests/{asked['id']}/approve")
    await confirm(asked, friends[2])
    await service.move("12:00")
    seen = await asker.ok("GET", f"/room-bookings/{asked['id']}")
    assert (seen["state"], seen["people"]) == ("reserved", 4), "the deadline has passed"
    body = {"qr": room_label(service, SEMINAR)}
    await service.move("13:29")
    await friends[1].refused("422 too_early", "POST", check_in(asked), body)
    await service.move("13:31")
    await passer_by.refused("404 not_found", "POST", check_in(asked), body)
    await busy.refused("404 not_found", "POST", check_in(asked), body)
    no = await friends[1].refused(
        "422 wrong_room", "POST", check_in(asked), {"qr": room_label(service, HALL)}
    )
    assert no.details == {"room_id": HALL}
    no = await friends[1].refused("422 wrong_seat", "POST", check_in(asked), {"qr": label(service)})
    assert no.details == {"seat_id": "2f-hall-065"}
    forged = room_label(service, HALL).replace(HALL, SEMINAR)
    await friends[1].refused("422 qr_invalid", "POST", check_in(asked), {"qr": forged})
    await nothing_proves(service)
    path = check_in(asked)
    for _ in range(2):  # a label is never used up
        assert (await friends[1].ok("POST", path, body))["state"] == "in_use"
    assert (await proofs(service)).keys() == {PresenceMethod.SEAT_LABEL}
    assert await state(asker, asked) == "in_use"
    await service.move("15:00")
    assert (await asker.ok("POST", f"/room-bookings/{asked['id']}/finish"))["state"] == "finished"
    assert not (await asker.ok("GET", "/violations"))["items"]
    await friends[1].refused("409 wrong_state", "POST", check_in(asked), body)


async def test_a_label_is_refused_where_the_venue_does_not_accept_labels(service: Living) -> None:
    reader = await service.reader()
    booking = await book(service, reader, start="now", end="10:00")
    body = {"qr": room_label(service, SMALL)}
    no = await reader.refused("422 presence_method_off", "POST", check_in(booking), body)
    assert no.details == {"method": "seat_label"}
    web = Browser(await service.web_reader(reader))
    page = await web.get(room_label(service, SMALL)[len(service.base) :])
    assert page.status == 422 and "不用这种方式签到" in page.body
    assert "扫房间码" not in (await web.get(f"/rooms/{SMALL}")).body


async def test_the_label_of_a_room_is_no_proof_at_a_seat(service: Living) -> None:
    await with_labels(service)
    reader = await service.reader()
    made = await reader.reserve(start="now", end="12:00")
    body, books = {"qr": room_label(service, SMALL)}, await service.books()
    for action, more in (("check-in", {}), ("return", {}), ("report", {"kind": "occupied"})):
        path = f"/reservations/{made['id']}/{action}"
        no = await reader.refused("422 wrong_room", "POST", path, body | more)
        assert no.details == {"room_id": SMALL}
    assert await service.books() == books


@pytest.mark.whole
async def test_a_label_opened_in_a_browser_checks_in_or_shows_the_rooms_day(
    service: Living,
) -> None:
    await with_labels(service)
    booker, friend, other = [await service.reader() for _ in range(3)]
    booking = await book(service, booker, start="08:30", end="10:00")
    await confirm(booking, friend)
    link, here = room_label(service, SMALL)[len(service.base) :], f"/s/room/{SMALL}/check-in"
    web, by = [Browser(await service.web_reader(reader)) for reader in (friend, other)]
    assert (await web.get(f"/s/room/nowhere?c={'0' * 32}")).status == 404
    assert (await web.get("/s/room/nowhere/check-in")).status == 404
    assert (await web.get(f"/s/room/{SMALL}?c={'0' * 32}")).status == 422
    # Without a booking: the room's day.
    page = (await by.get(here)).body
    assert "现在空着，到 08:30" in page and "已约 08:30–10:00" in page
    assert f'href="/rooms/{SMALL}"' in page and "您没有这个研修间的预约" in page
    assert "请重新扫描房间门上的码" in (await web.get(here)).body
    form = {"csrf": await web.token(), "room": booking["id"]}
    assert (await web.post(here, form, service.base)).headers["Location"] == here
    assert await state(booker, booking) == "reserved", "without a scan"
    # A note of another room's label is none of this one.
    await web.get(room_label(service, HALL)[len(service.base) :])
    assert (await web.post(here, form, service.base)).headers["Location"] == here
    assert await state(booker, booking) == "reserved"
    opened = await web.get(link)
    assert (opened.status, opened.headers["Location"]) == (303, here)
    done = await send(service, web, (await web.get(here)).body, here)
    assert done.headers["Location"] == f"/room-bookings/{booking['id']}?done=check-in"
    assert "已签到" in (await web.get(here)).body
    assert await state(booker, booking) == "in_use"
    await service.move("08:40")
    assert "现在已被约，10:00 起空着" in (await by.get(here)).body
    await book(service, other, "r202", start="20:00", end="21:00", date=service.tomorrow)
    page = (await by.get("/s/room/r202/check-in")).body
    assert "19:30–20:30 可以签到" in page and "9月8日" in page
    await service.move("22:40")
    late = Browser(await service.web_reader(other))
    assert "现在不开放" in (await late.get(here)).body


@pytest.mark.whole
async def test_administrators_print_the_labels_of_rooms(service: Living) -> None:
    head, desk = await staff(service, Role.ADMINISTRATOR), await staff(service)
    elsewhere, page = await of_annex(service), "/console/room-settings/labels"
    assert f'href="{page}"' in (await head.get("/console/room-settings")).body
    assert page not in (await desk.get("/console/room-settings")).body
    assert (await desk.get(page)).status == 403
    shown = (await head.get(page)).body
    assert shown.count("<svg") >= 8 and 'lang="en">Scan to check in<' in shown
    assert "现在不用座位码和房间码签到" in shown
    await with_labels(service)
    shown = (await head.get(f"{page}?room={SMALL}")).body
    assert "研修间201" in shown and "研修间202" not in shown
    assert "现在不用座位码和房间码签到" not in shown
    assert (await head.get(f"{page}?room=nowhere")).status == 404
    assert "研修间201" not in (await elsewhere.get(page)).body
    assert (await elsewhere.get(f"{page}?room={SMALL}")).status == 404


async def test_the_desk_checks_a_group_in_and_ends_its_stay(service: Living) -> None:
    booker, friend, passer_by = [await service.reader() for _ in range(3)]
    booking = await book(service, booker, start="10:00", end="12:00")
    await confirm(booking, friend)
    desk, viewer = await staff(service), await staff(service, Role.VIEWER)
    elsewhere = await of_annex(service)
    day = f"/console/rooms?date={service.today}"
    found = (await desk.get(f"/console/readers/{friend.reader_id}")).body
    assert f'href="{day}#{booking["id"]}"' in found, "also by one who takes part"
    here = f"/console/rooms/{booking['id']}"
    assert f"{here}/check_in" not in (await desk.get(day)).body
    assert (await post(service, desk, f"{here}/check_in")).status == 422
    await service.move("09:40")
    books = await service.books()
    page = (await post(service, desk, f"{here}/check_in", reason="")).body
    assert "请写明原因" in page
    for who in (viewer, elsewhere):
        assert (await post(service, who, f"{here}/check_in")).status == 403
    assert await service.books() == books
    await nothing_proves(service)
    assert f'action="{here}/check_in"' in (await desk.get(day)).body
    done = await post(service, desk, f"{here}/check_in", reason="都到了")
    assert done.headers["Location"] == "/console/rooms?done=check_in"
    assert (await proofs(service)).keys() == {PresenceMethod.DESK}
    assert await state(friend, booking) == "in_use"
    page = (await desk.get(f"{day}&done=check_in")).body
    assert f"{here}/finish" in page and f"{here}/check_in" not in page
    await service.move("11:00")
    for _ in range(2):  # a form that is sent twice
        done = await post(service, desk, f"{here}/finish", reason="已离开")
        assert done.headers["Location"] == "/console/rooms?done=finish"
    assert await state(booker, booking) == "finished"
    assert await taken(passer_by, SMALL) == []
    room = f"room:{booking['id']}"
    assert await log(service) == [
        ("check_in", room, "too_early"),
        ("check_in", room, "done"),
        ("finish", room, "done"),
        ("finish", room, "done"),
    ]


async def test_a_program_checks_in_as_the_desk_does(service: Living) -> None:
    booker, late, few = [await service.reader() for _ in range(3)]
    booking = await book(service, booker, start="10:00", end="12:00")
    missed = await book(service, late, "r202", start="now", end="10:00")
    lacks = await book(service, few, GROUP, start="08:30", end="10:00")
    desk = await program(service, Scope.RESERVATIONS_READ, Scope.RESERVATIONS_WRITE)
    listed = (await desk.ok("GET", f"/staff/room-bookings?date={service.today}"))["items"]
    assert {b["id"] for b in listed} == {booking["id"], missed["id"], lacks["id"]}
    assert booker.reader_id not in str(listed)
    assert (await desk.ok("GET", f"/staff/room-bookings?date={date(2026, 9, 9)}"))["items"] == []
    await desk.refused("400 malformed", "GET", "/staff/room-bookings?date=1999-01-01")
    reason = {"reason": WHEREFORE}

    def path(b: Any, verb: str = "check-in") -> str:
        return f"/staff/room-bookings/{b['id']}/{verb}"

    for verb in ("check-in", "finish"):
        nothing = path({"id": "6" * 24}, verb)
        await desk.refused("404 not_found", "POST", nothing, reason)
    await desk.refused("422 too_early", "POST", path(booking), reason)
    await desk.refused("422 too_few_people", "POST", path(lacks), reason)
    await desk.refused("409 wrong_state", "POST", path(booking, "finish"), reason)
    await desk.refused("400 malformed", "POST", path(booking), {"reason": "一\n二"})
    await service.jump("08:31")
    await desk.refused("422 too_late", "POST", path(missed), reason)
    await service.move("09:45")
    for _ in range(2):
        assert (await desk.ok("POST", path(booking), reason))["state"] == "in_use"
    for _ in range(2):
        assert (await desk.ok("POST", path(booking, "finish"), reason))["state"] == "finished"
    await desk.refused("409 wrong_state", "POST", path(booking), reason)
    await desk.refused("409 wrong_state", "POST", path(missed), reason)
