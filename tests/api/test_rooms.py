"""研修间: a reader books a room as a whole, others confirm that they take part."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from models.identity.api_tokens import Scope
from models.identity.roles import Role
from models.kernel.time_range import TimeRange
from models.library.entities import PresenceSource
from models.library.rooms import RoomId
from models.readers.personal_data_repository import export
from tests.api.api_tokens import program
from tests.api.browsing import Browser
from tests.api.changes import suspended, with_visit
from tests.api.console import WHEREFORE, librarian, log
from tests.api.presence_methods import choose
from tests.api.rooms import (
    GROUP,
    HALL,
    SEMINAR,
    SMALL,
    book,
    confirm,
    state,
    taken,
    wish,
    with_room,
)
from tests.api.seat_labels import label
from tests.api.wishes import annex_code, with_library_changed
from tests.living import SEAT, Client, Living


async def test_a_seminar_asks_for_a_room_confirms_and_uses_it(service: Living) -> None:
    asker, *friends, passer_by = [await service.reader() for _ in range(5)]
    desk = await librarian(service)
    asked = await book(service, asker, SEMINAR)
    assert await book(service, asker, SEMINAR) == asked, "sent once more"
    assert (asked["state"], asked["people"], asked["own"]) == ("requested", 1, True)
    deadlines = [asked[name][11:16] for name in ("confirm_by", "answer_by", "check_in_from")]
    assert deadlines == ["12:00", "13:00", "13:30"]
    assert await taken(passer_by, SEMINAR) == ["14:00-16:30"], "with the time to tidy up"
    later = wish(service, SEMINAR, start="16:00", end="17:00")
    await passer_by.refused("409 room_taken", "POST", "/room-bookings", later)
    (request,) = (await desk.ok("GET", "/staff/room-requests"))["items"]
    assert (request["purpose"], request["reader_id"]) == ("讨论毕业设计", asker.reader_id)
    reading = await program(service, Scope.RESERVATIONS_READ)
    (request,) = (await reading.ok("GET", "/staff/room-requests"))["items"]
    assert asker.reader_id not in str(request), "a program sees a pseudonym"
    approve = f"/staff/room-requests/{asked['id']}/approve"
    for _ in range(2):
        assert (await desk.ok("POST", approve))["state"] == "reserved"
    assert not (await desk.ok("GET", "/staff/room-requests"))["items"]
    assert (await log(service))[-1] == ("approve_room", f"room:{asked['id']}", "done")
    link = f"/room-invitations/{asked['invitation']}"
    invitation = await friends[0].ok("GET", link)
    for own_fact in (asker.reader_id, asked["id"], "讨论毕业设计"):
        assert own_fact not in str(invitation), "nobody is named"
    await confirm(asked, *friends, friends[0], asker)
    theirs = await friends[0].ok("GET", f"/room-bookings/{asked['id']}")
    assert (theirs["people"], theirs["own"], theirs["purpose"], theirs["answer"]) == (
        *(4, False),
        *("", ""),
    )
    assert theirs["invitation"] == asked["invitation"], "by it they can withdraw"
    assert [b["id"] for b in (await friends[0].ok("GET", "/room-bookings"))["items"]] == [
        asked["id"]
    ]
    seat = {"seat_id": "2f-hall-030", "date": service.today, "start": "15:00", "end": "16:00"}
    await friends[0].refused("409 own_overlap", "POST", "/reservations", seat)
    await service.move("12:00")
    assert await state(asker, asked) == "reserved", "enough have confirmed"
    await friends[2].ok("POST", f"{link}/withdraw")
    await friends[2].refused("404 not_found", "GET", f"/room-bookings/{asked['id']}")
    assert (await friends[2].ok("GET", link))["people"] == 3
    await friends[2].ok("POST", "/reservations", seat)
    await service.move("13:40")
    there = f"/room-bookings/{asked['id']}"
    scanned = {"qr": await service.qr()}
    for _ in range(2):
        assert (await friends[1].ok("POST", f"{there}/check-in", scanned))["state"] == "in_use"
    await service.move("15:10")
    await friends[0].refused("404 not_found", "POST", f"{there}/finish")
    for _ in range(2):
        assert (await asker.ok("POST", f"{there}/finish"))["state"] == "finished"
    assert await taken(passer_by, SEMINAR) == ["14:00-16:00"]
    assert (await book(service, passer_by, SEMINAR, start="16:00", end="17:00"))["id"]


async def test_a_booking_that_too_few_confirm_is_released(service: Living) -> None:
    asker, friend = [await service.reader() for _ in range(2)]
    booking = await book(service, asker, GROUP)
    await confirm(booking, friend)
    await service.move("12:59")
    assert await state(asker, booking) == "reserved"
    await service.move("13:00")
    assert await state(friend, booking) == "released" and await taken(asker, GROUP) == []
    late, path = await service.reader(), f"/room-invitations/{booking['invitation']}/confirm"
    await asker.refused("409 wrong_state", "POST", f"/room-bookings/{booking['id']}/cancel")
    no = await late.refused("409 wrong_state", "POST", path)
    assert "人数不足" in no.body["error"]["message"]
    for reader in (asker, friend):
        await reader.reserve("2f-hall-030" if reader is asker else "2f-hall-031")
    for start in range(17, 20):  # it does not count in the week
        await book(service, asker, start=f"{start}:00", end=f"{start + 1}:00")
    again = wish(service, start="20:00", end="21:00")
    no = await asker.refused("422 weekly_limit", "POST", "/room-bookings", again)
    assert no.details == {"limit": 3}


async def test_a_request_without_an_answer_gets_that_of_the_rules(service: Living) -> None:
    asker, other = [await service.reader() for _ in range(2)]
    approved, declined = await book(service, asker, SEMINAR), await book(service, other, HALL)
    friends = [await service.reader() for _ in range(3)]
    await confirm(approved, *friends)
    await service.move("12:59")
    assert [await state(asker, approved), await state(other, declined)] == ["requested"] * 2
    await service.move("13:00")
    assert [await state(asker, approved), await state(other, declined)] == ["reserved", "declined"]
    # It is too late for a request: a room that is approved anyway is booked at once.
    friend = await service.reader()
    soon = {"start": "now", "end": "13:30"}
    no = await friend.refused("422 request_too_late", "POST", "/room-bookings", wish(service, HALL))
    assert no.details["until"][11:16] == "13:00"
    assert (await book(service, friend, SEMINAR, **soon))["state"] == "reserved"


async def test_a_request_is_declined_with_a_reason_or_withdrawn(service: Living) -> None:
    asker, friend = [await service.reader() for _ in range(2)]
    desk = await librarian(service)
    first = await book(service, asker, SEMINAR)
    await confirm(first, friend)
    answer = f"/staff/room-requests/{first['id']}"
    assert (await desk.ok("POST", f"{answer}/decline", {"reason": WHEREFORE}))[
        "state"
    ] == "declined"
    await desk.refused("409 wrong_state", "POST", f"{answer}/approve")
    sees = [
        (await reader.ok("GET", f"/room-bookings/{first['id']}"))["answer"]
        for reader in (asker, friend)
    ]
    assert sees == [WHEREFORE, ""] and await taken(asker, SEMINAR) == []
    second = await book(service, asker, SEMINAR)
    await friend.refused("404 not_found", "POST", f"/room-bookings/{second['id']}/cancel")
    for _ in range(2):
        done = await asker.ok("POST", f"/room-bookings/{second['id']}/cancel")
        assert done["state"] == "cancelled"
    await desk.refused(
        "409 wrong_state", "POST", f"/staff/room-requests/{second['id']}/decline", {"reason": "x"}
    )
    for verb, body in (("approve", None), ("decline", {"reason": "x"})):
        path = f"/staff/room-requests/{'6' * 24}/{verb}"
        await desk.refused("404 not_found", "POST", path, body)


async def test_who_does_not_come_has_a_violation_and_is_suspended_after_three(
    service: Living,
) -> None:
    asker, friend = [await service.reader() for _ in range(2)]
    for n in range(3):
        booking = await book(service, asker, start="18:00", end="20:00")
        await confirm(booking, friend)
        await service.move("18:30")
        assert await state(friend, booking) == "no_show" and await taken(friend, SMALL) == []
        mine = (await asker.ok("GET", "/violations"))["items"]
        assert len(mine) == n + 1 and mine[0]["kind"] == "no_show"
        assert mine[0]["reservation"]["seat"]["label"] == "图书馆2层研修间201"
        await service.move(timedelta(hours=14))
    assert not (await friend.ok("GET", "/violations"))["items"], "only the booker's"
    web = Browser(await service.web_reader(asker))
    page = await web.get("/reservations/violations")
    assert page.status == 200 and "研修间201" in page.body
    desk = Browser(await service.web_reader(role=Role.LIBRARIAN))
    appeal = f"/violations/{mine[0]['id']}/appeal"
    await asker.ok("POST", appeal, {"text": "当天停电"})
    page = await desk.get("/console/appeals")
    assert page.status == 200 and "研修间201" in page.body
    await asker.refused("422 suspended", "POST", "/room-bookings", wish(service))
    waive = f"/staff/violations/{mine[0]['id']}/waive"
    assert (await (await librarian(service)).ok("POST", waive, {"reason": WHEREFORE}))["waived"]
    # The bookings of the week are still counted when the claims of past days are dropped.
    await service.settle({"prune"})
    numbered = {"claims": {"$regex": f"^q:{asker.reader_id}:"}}
    assert await service.db["reservations"].count_documents(numbered) == 3
    await service.leap(timedelta(days=9))
    await service.settle({"prune"})
    assert await service.db["reservations"].count_documents(numbered) == 0


@pytest.mark.whole
async def test_a_downtime_or_shorter_hours_of_the_room_are_nobodys_fault(service: Living) -> None:
    asker = await service.reader()
    booking = await book(service, asker)
    waits = await book(service, await service.reader(), GROUP, start="15:30", end="16:30")
    shortened = await service.reader()
    cut = await book(service, shortened, "r202", start="16:00", end="18:00")
    room = service.inside.reference.rooms[RoomId("r202")]
    await service.inside.stored.rooms.put([replace(room, hours=(time(8), time(17)))])
    await service.inside.reference.refresh()
    until = service.clock.now().replace(hour=6, minute=30)  # 14:30 here
    extension = service.inside.extension
    outage = TimeRange(until - timedelta(minutes=10), until + timedelta(minutes=5))
    for _ in range(2):
        await extension.extend_deadlines(outage)
    seen = await asker.ok("GET", f"/room-bookings/{booking['id']}")
    assert (seen["check_in_until"][11:16], seen["excused"]) == ("14:45", True)
    await service.move("14:44")
    for id in (booking["id"], waits["id"]):
        row = await service.db["reservations"].find_one({"_id": id})
        assert row is not None and row["room_state"] == "reserved"
    await service.move("14:45")
    assert await state(asker, booking) == "no_show"
    row = await service.db["reservations"].find_one({"_id": waits["id"]})
    assert row is not None and row["room_state"] == "released"
    await service.move("16:31")
    assert await state(shortened, cut) == "no_show"
    for reader in (asker, shortened):
        assert not (await reader.ok("GET", "/violations"))["items"]


async def test_a_booking_of_a_room_is_refused_by_its_rules(service: Living) -> None:
    asker, other = [await service.reader() for _ in range(2)]
    await book(service, other)
    for changed, refusal in (
        ({}, "409 room_taken"),
        ({"room_id": "nowhere"}, "404 not_found"),
        ({"start": "07:00"}, "422 in_the_past"),
        ({"date": "2026-09-15"}, "422 outside_horizon"),
        ({"room_id": SEMINAR, "start": "20:00", "end": "22:00"}, "422 closed"),
        ({"room_id": SEMINAR, "start": "08:30", "end": "10:00"}, "422 closed"),
        ({"start": "21:00", "end": "23:00"}, "422 closed"),
        ({"start": "18:00", "end": "17:00"}, "422 end_before_start"),
        ({"start": "16:10", "end": "18:00"}, "422 off_grid"),
        ({"start": "now", "end": "08:20"}, "422 too_short"),
        ({"start": "16:30", "end": "21:00"}, "422 too_long"),
        ({"room_id": SEMINAR, "purpose": " "}, "400 malformed"),
        ({"purpose": "一\n二"}, "400 malformed"),
    ):
        no = await asker.refused(refusal, "POST", "/room-bookings", wish(service, **changed))
        words = no.body["error"]["message"]
        assert "座位" not in words and "区域" not in words, words
    await asker.reserve("2f-hall-030", "17:00", "18:00")
    overlapping = wish(service, start="17:30", end="18:30")
    await asker.refused("409 own_overlap", "POST", "/room-bookings", overlapping)
    await suspended(service, asker, True)
    free = wish(service, start="19:00", end="20:00")
    await asker.refused("422 suspended", "POST", "/room-bookings", free)
    await suspended(service, asker, False)
    await with_visit(service, asker, date(2026, 9, 6))
    await asker.refused("422 not_admitted", "POST", "/room-bookings", free)
    await asker.refused("400 malformed", "GET", "/rooms?date=0001-01-01")
    assert (await asker.ok("GET", "/rooms?venue_id=nowhere"))["items"] == []
    rooms = (await asker.ok("GET", f"/rooms?date={service.tomorrow}&venue_id=library"))["items"]
    hall = next(each for each in rooms if each["room"]["id"] == HALL)
    assert len(rooms) == 8 and hall["rules"]["approval"] and hall["taken"] == []
    assert [span["start"][11:16] for span in hall["open"]] == ["09:00"]


async def test_a_person_takes_part_by_their_own_rules(service: Living) -> None:
    asker, *friends = [await service.reader() for _ in range(5)]
    busy, late, gone = friends[0], friends[1], friends[2]
    booking = await book(service, asker, GROUP)
    link = f"/room-invitations/{booking['invitation']}"
    await busy.reserve("2f-hall-030", "15:00", "17:00")
    await busy.refused("409 own_overlap", "POST", f"{link}/confirm")
    for reader in (late, gone):
        await suspended(service, reader, True)
        await reader.refused("422 suspended", "POST", f"{link}/confirm")
        await suspended(service, reader, False)
    await with_visit(service, friends[3], date(2026, 9, 6))
    await friends[3].refused("422 not_admitted", "POST", f"{link}/confirm")
    for wrong in (booking["invitation"][:-1] + "x", booking["id"] + "0" * 32, "x"):
        for method, path in (("GET", ""), ("POST", "/confirm"), ("POST", "/withdraw")):
            await late.refused("404 not_found", method, f"/room-invitations/{wrong}{path}")
    await asker.refused("409 wrong_state", "POST", f"{link}/withdraw")
    await service.jump("13:00")
    await late.refused("422 too_late", "POST", f"{link}/confirm")
    full = await book(service, asker, start="17:00", end="18:00")
    people = [await service.reader() for _ in range(4)]
    await confirm(full, *people[:3])
    path = f"/room-invitations/{full['invitation']}/confirm"
    no = await people[3].refused("409 room_full", "POST", path)
    assert no.details == {"most": 4}


async def test_the_check_in_of_a_room(service: Living) -> None:
    await with_library_changed(service)
    asker, other = [await service.reader() for _ in range(2)]
    await with_room(service, GROUP, confirm_minutes=0)
    first = await book(service, asker, "r202", start="08:30", end="09:00")
    booking = await book(service, asker, start="09:00", end="10:00")
    lacking = await book(service, asker, GROUP, start="10:00", end="11:00")
    path, lacks = (f"/room-bookings/{b['id']}/check-in" for b in (booking, lacking))

    async def refused(refusal: str, qr: str, path: str = path, by: Client = asker) -> None:
        await by.refused(refusal, "POST", path, {"qr": qr})

    await refused("422 too_early", await service.qr())
    await refused("422 qr_invalid", "nothing")
    await refused("404 not_found", await service.qr(), by=other)
    await asker.refused("409 wrong_state", "POST", f"/room-bookings/{booking['id']}/finish")
    await service.jump("08:40")
    old = await service.qr()
    await service.jump("08:41")
    await refused("422 qr_expired", old)
    once = await service.qr()
    await asker.ok("POST", f"/room-bookings/{first['id']}/check-in", {"qr": once})
    await refused("422 qr_used", once)
    await refused("422 presence_method_off", label(service))
    await choose(service, PresenceSource.KIOSK, PresenceSource.SEAT_LABEL)
    await refused("422 wrong_seat", label(service))
    await asker.refused("422 wrong_venue", "POST", path, await annex_code(service))
    guesses = {"n": 20 * 1000, "until": service.clock.now() + timedelta(minutes=10)}
    of_reader = {"_id": f"qr:{asker.reader_id}"}
    await service.db["attempt_limits"].update_one(of_reader, {"$set": guesses}, upsert=True)
    await refused("429 too_many_attempts", await service.qr())
    await service.db["attempt_limits"].delete_one(of_reader)
    await service.jump("09:29:50")
    used = await service.qr()
    await service.jump("09:30")
    await refused("422 too_late", await service.qr())
    await service.jump("09:29:52")
    await asker.ok("POST", path, {"qr": used})
    await service.jump("09:30")
    await refused("422 too_few_people", await service.qr(), lacks)
    await with_room(service, GROUP)
    third = await book(service, other, GROUP, start="12:00", end="13:00")
    await other.ok("POST", f"/room-bookings/{third['id']}/cancel")
    await refused(
        "409 wrong_state", await service.qr(), f"/room-bookings/{third['id']}/check-in", other
    )


@pytest.mark.whole
async def test_what_is_left_of_erased_people(service: Living) -> None:
    asker, friend = [await service.reader() for _ in range(2)]
    desk = await librarian(service)
    own, theirs = (
        await book(service, asker, SEMINAR),
        await book(service, friend, start="17:00", end="18:00"),
    )
    await confirm(own, friend)
    await confirm(theirs, asker)
    await desk.ok("POST", f"/staff/room-requests/{own['id']}/decline", {"reason": WHEREFORE})
    data = await export(service.db, service.inside.stored.cipher, asker.reader_id)
    rows = [row for row in data["reservations"] if "room" in row]
    assert [(row["own"], row["purpose"], row["answer"]) for row in rows] == [
        (True, "讨论毕业设计", WHEREFORE),
        (False, "", ""),
    ]
    assert friend.reader_id not in str(rows)
    stored = await service.all_documents()
    assert "讨论毕业设计" not in stored and WHEREFORE not in stored, "encrypted"
    reader = await service.inside.stored.readers.get(asker.reader_id)
    assert reader is not None
    await service.inside.erasure.erase(reader, service.clock.now())
    assert asker.reader_id not in await service.all_documents()
    left = await friend.ok("GET", f"/room-bookings/{theirs['id']}")
    assert (left["state"], left["people"]) == ("reserved", 1)
    row = await service.db["reservations"].find_one({"_id": own["id"]})
    assert row is not None and row["purpose"] == row["answer"] == ""
    # Much later the bookings are deleted.
    await service.leap(timedelta(days=10))
    await service.settle()
    keeping = service.clock.now() + timedelta(days=1)
    await service.inside.stored.past.forget(service.inside.reference.zone, keeping, 1000)
    assert not await service.db["reservations"].count_documents({})


async def test_a_request_refused_on_repetition_takes_no_room_later(service: Living) -> None:
    """The first attempt was never answered; it may still arrive when the room is free again."""
    other, reader = await service.reader(), await service.reader()
    booked = await book(service, other)
    lost = {"Idempotency-Key": "lost", "Idempotency-Repeat": "1"}
    body = wish(service)
    refusal = await reader.call("POST", "/room-bookings", body, **lost)
    assert (refusal.status, refusal.code) == (409, "room_taken")
    await other.ok("POST", f"/room-bookings/{booked['id']}/cancel")
    first = {"Idempotency-Key": "lost"}
    await reader.refused("409 request_refused", "POST", "/room-bookings", body, **first)
    assert (await reader.ok("GET", "/room-bookings"))["items"] == []
    # A key that was not repeated in vain has one effect, also after the booking was cancelled.
    key = {"Idempotency-Key": "k"}
    made = await reader.ok("POST", "/room-bookings", body, **key)
    await reader.ok("POST", f"/room-bookings/{made['id']}/cancel")
    again = await reader.ok("POST", "/room-bookings", body, **key)
    assert (again["id"], again["state"]) == (made["id"], "cancelled")
    assert await taken(reader, SMALL) == []
    seat = {"seat_id": SEAT, "date": service.today, "start": "18:00", "end": "19:00"}
    await reader.ok("POST", "/reservations", seat, **key)  # keys of seats are others
