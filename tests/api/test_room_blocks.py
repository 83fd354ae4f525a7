"""占用: the library's own stays in study rooms, one or a series, over HTTP."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from miniapp_server.cli.library import library_of, take_in
from models.identity.api_tokens import Scope
from models.policy.entities import OpeningRule
from models.transfer.errors import TransferError
from tests.api.api_tokens import program
from tests.api.berlin import in_berlin
from tests.api.browsing import Browser
from tests.api.console import librarian, log
from tests.api.night import clock
from tests.api.room_blocks import BLOCKS, EXAMS, make, series
from tests.api.rooms import (
    SEMINAR,
    SMALL,
    administrator_of_annex,
    book,
    day_of,
    taken,
    wish,
)
from tests.living import Client, Living

TO_ANOTHER_DAY = {"date": "2026-09-08", "following": True}


async def blocks(desk: Client) -> list[Any]:
    return list((await desk.ok("GET", BLOCKS))["items"])


async def closed_on(service: Living, day: date, reason: str) -> None:
    reference = service.inside.reference
    rule = OpeningRule(None, None, day, day, reason=reason)
    policy = replace(
        reference.policy,
        version=reference.policy.version + 1,
        opening=(*reference.policy.opening, rule),
    )
    await reference.publish(policy, service.clock.now())


async def test_a_librarian_blocks_a_room_over_the_exams_around_a_booking_and_a_closed_day(
    service: Living,
) -> None:
    reader, friend, desk = await service.reader(), await service.reader(), await librarian(service)
    theirs = await book(service, reader, SEMINAR, date="2026-09-09", start="15:30", end="17:30")
    await closed_on(service, date(2026, 9, 11), "校运会")
    exams = series(
        service, last="2026-09-18", weekdays=[1, 2, 3, 4, 5], but=["2026-09-10"], keeps_buffer=True
    )
    books = await service.books()
    preview = await desk.ok("POST", f"{BLOCKS}/preview", exams)
    said = [(d["date"][8:], d["error"]) for d in preview["dates"]]
    fits = ["07", "08", "14", "15", "16", "17", "18"]
    assert said == [
        *(("07", None), ("08", None), ("09", "room_taken"), ("11", "closed")),
        *((day, None) for day in fits[2:]),
    ]
    (way,) = preview["dates"][2]["in_the_way"]
    assert (way["kind"], way["id"], way["title"]) == ("booking", theirs["id"], "")
    assert reader.reader_id not in str(preview), "who has the room is said at the desk only"
    body = exams | {"id": preview["id"], "all": True}
    no = await desk.refused("409 series_does_not_fit", "POST", BLOCKS, body)
    assert no.details == {"dates": ["2026-09-09", "2026-09-11"]}
    assert await service.books() == books, "nothing is stored"

    # A reader books a day between the preview and the storing: the answer says so.
    await book(service, friend, SEMINAR, date="2026-09-15")
    for _ in range(2):
        done = await desk.ok("POST", BLOCKS, body | {"all": False})
        stored = [d["date"][8:] for d in done["dates"] if d["stored"]]
        assert stored == [day for day in fits if day != "15"], "sent twice it is one"
        lost = {d["date"][8:]: d["error"] for d in done["dates"] if not d["stored"]}
        assert lost == {"09": "room_taken", "11": "closed", "15": "room_taken"}
    assert [b["date"][8:] for b in await blocks(desk)] == stored
    assert {b["room_id"] for b in await blocks(desk)} == {SEMINAR}
    log_of_room = [entry for entry in await log(service) if entry[0] == "block_room"]
    assert log_of_room == [
        ("block_room", f"room:{SEMINAR}", "series_does_not_fit"),
        *(2 * [("block_room", f"room:{SEMINAR}", "done")]),
    ]

    # Readers see what the room is needed for; nobody else's booking reaches into it.
    (event,) = (await day_of(reader, SEMINAR))["events"]
    assert (event["title"], event["start"][11:16], event["end"][11:16]) == (EXAMS, "14:00", "16:00")
    assert await taken(reader, SEMINAR) == ["14:00-16:30"], "with the time to tidy up"
    for times in (("13:00", "14:00"), ("16:00", "17:00"), ("15:00", "16:00")):
        want = wish(service, SEMINAR, start=times[0], end=times[1])
        await reader.refused("409 room_taken", "POST", "/room-bookings", want)
    page = (await Browser(await service.web_reader(reader)).get(f"/rooms/{SEMINAR}")).body
    assert f"14:00–16:00 {EXAMS}" in page and "14:00–16:30" in page
    assert (await book(service, friend, SEMINAR, start="17:00", end="18:00"))["id"]

    # The first one is ended early, the following ones are cancelled, and both can be undone.
    first, *others = await blocks(desk)
    await service.move("14:30")
    (ended,) = (await desk.ok("POST", f"{BLOCKS}/{first['id']}/end", {}))["items"]
    assert ended["ended_at"] and await taken(reader, SEMINAR) == ["17:00-18:30"]
    end = f"{BLOCKS}/{others[1]['id']}/end"
    for number in (4, 1):
        gone = (await desk.ok("POST", end, {"following": True}))["items"]
        assert len(gone) == number, "a repetition has nothing more to cancel"
    assert [b["date"][8:] for b in await blocks(desk)] == ["08"]
    await book(service, await service.reader(), SEMINAR, date="2026-09-17")
    back = (await desk.ok("POST", f"{BLOCKS}/{others[1]['id']}/restore"))["items"]
    assert [b["date"][8:] for b in back if b["ended_at"]] == ["17"], "booked meanwhile"
    assert [b["date"][8:] for b in await blocks(desk)] == ["08", "14", "16", "18"]
    await desk.ok("POST", f"{BLOCKS}/{others[1]['id']}/restore")

    # A day that is over has neither claims nor a way back.
    await clock(service, "18:00", 8)
    desk = await librarian(service)
    over = f"{BLOCKS}/{others[0]['id']}"
    for verb in ("end", "restore"):
        answer = await desk.call("POST", f"{over}/{verb}", {} if verb == "end" else None)
        assert answer.status == (409 if verb == "end" else 200)
    await clock(service, "18:00", 10)
    await service.inside.stored.room_blocks.drop_past_claims(date(2026, 9, 9))
    row = await service.db["reservations"].find_one({"_id": others[0]["id"]})
    assert row is not None and row["claims"] == [] and not row["live"]
    assert await service.inside.stored.reservations.find_double_bookings() == []


async def test_a_refused_block_changes_nothing(service: Living) -> None:
    desk, reader = await librarian(service), await service.reader()
    reads = await program(service, Scope.RESERVATIONS_READ)
    writes = await program(service, Scope.RESERVATIONS_WRITE)
    (made,) = await make(service, writes, "a", room_id=SMALL)
    (gone,) = await make(service, desk, "b", room_id=SMALL, start="18:00", end="19:00")
    await desk.ok("POST", f"{BLOCKS}/{gone['block']}/end", {})
    await book(service, reader, SMALL, start="18:00", end="19:00")
    assert [b["id"] for b in (await reads.ok("GET", BLOCKS))["items"]] == [made["block"]]
    other = series(service, room_id=SMALL) | {"id": "c" * 24, "all": True}
    books = await service.books()
    for refused, path, body in (
        ("404 not_found", f"{BLOCKS}/preview", series(service, room_id="r999")),
        ("404 not_found", BLOCKS, other | {"room_id": "r999"}),
        ("409 series_does_not_fit", BLOCKS, other),
        ("409 idempotency_key_reused", BLOCKS, other | {"id": "a" * 24, "title": "另一个"}),
        ("409 idempotency_key_reused", BLOCKS, other | {"id": "a" * 24, "room_id": SEMINAR}),
        ("400 malformed", BLOCKS, other | {"start": "14:10"}),
        ("400 malformed", BLOCKS, other | {"last": "2026-09-01"}),
        ("400 malformed", BLOCKS, other | {"last": "2027-09-01"}),
        ("400 malformed", BLOCKS, other | {"first": "0001-01-01", "last": "0001-01-01"}),
        ("400 malformed", BLOCKS, other | {"last": "9999-12-31"}),
        ("400 malformed", BLOCKS, other | {"weekdays": [2]}),
        ("400 malformed", BLOCKS, other | {"title": "\u202e"}),
        ("404 not_found", f"{BLOCKS}/{'d' * 24}/end", {}),
        ("404 not_found", f"{BLOCKS}/{'d' * 24}/change", {"all": True}),
        ("404 not_found", f"{BLOCKS}/{'d' * 24}/change/preview", {}),
        ("404 not_found", f"{BLOCKS}/{made['block']}/change", {"room_id": "r999", "all": True}),
        ("409 wrong_state", f"{BLOCKS}/{gone['block']}/change", {"title": "x", "all": True}),
        ("409 wrong_state", f"{BLOCKS}/{gone['block']}/change/preview", {"title": "x"}),
        ("400 malformed", f"{BLOCKS}/{made['block']}/change", {"start": "14:10", "all": True}),
        ("400 malformed", f"{BLOCKS}/{made['block']}/change", {"end": "14:00", "all": True}),
        ("400 malformed", f"{BLOCKS}/{made['block']}/change", {"date": "2026-09-01", "all": True}),
        ("400 malformed", f"{BLOCKS}/{made['block']}/change", {"title": "\u202e", "all": True}),
        ("400 malformed", f"{BLOCKS}/{made['block']}/change", {"all": False} | TO_ANOTHER_DAY),
        ("404 not_found", f"{BLOCKS}/{'d' * 24}/restore", None),
        ("409 room_taken", f"{BLOCKS}/{gone['block']}/restore", None),
    ):
        await desk.refused(refused, "POST", path, body)
    assert await service.books() == books
    for who in (reader, reads, await service.web_reader()):
        answer = await who.call("POST", BLOCKS, other)
        assert answer.status == 403
    await service.move(timedelta(days=1))
    desk = await librarian(service)
    for id, verb in ((made["block"], "end"), (made["block"], "change"), (gone["block"], "restore")):
        body = {"end": {}, "change": {"end": "17:00", "all": True}, "restore": None}[verb]
        await desk.refused("409 wrong_state", "POST", f"{BLOCKS}/{id}/{verb}", body)


async def test_a_block_and_those_that_follow_are_changed_or_stay_as_they_were(
    service: Living,
) -> None:
    reader, desk = await service.reader(), await librarian(service)
    made = await make(service, desk, room_id=SEMINAR, last="2026-09-10")
    ids = [str(day["block"]) for day in made]
    theirs = await book(service, reader, SEMINAR, date="2026-09-09", start="17:30", end="19:00")
    later = {"start": "15:00", "end": "18:00", "title": "第二组", "following": True}
    there = f"{BLOCKS}/{ids[1]}/change"
    books = await service.books()
    preview = await desk.ok("POST", f"{there}/preview", later)
    assert [(d["date"][8:], d["block"], d["error"], d["stored"]) for d in preview["dates"]] == [
        ("08", ids[1], None, False),
        ("09", ids[2], "room_taken", False),
        ("10", ids[3], None, False),
    ], "the block itself is not in its own way"
    (way,) = preview["dates"][1]["in_the_way"]
    assert (preview["id"], way["kind"], way["id"]) == ("a" * 24, "booking", theirs["id"])
    no = await desk.refused("409 series_does_not_fit", "POST", there, later | {"all": True})
    assert no.details == {"dates": ["2026-09-09"]}
    assert await service.books() == books, "all or none"
    for _ in range(2):
        done = await desk.ok("POST", there, later | {"all": False})
        assert [(d["stored"], d["error"]) for d in done["dates"]] == [
            (True, None),
            (False, "room_taken"),
            (True, None),
        ], "sent twice it is one"
    assert [(b["title"], b["start"][11:16], b["end"][11:16]) for b in await blocks(desk)] == [
        (EXAMS, "14:00", "16:00"),
        ("第二组", "15:00", "18:00"),
        (EXAMS, "14:00", "16:00"),
        ("第二组", "15:00", "18:00"),
    ]
    # Another day and room, of one alone; what it had is free again, and its buffer follows.
    moved = {"room_id": SMALL, "date": "2026-09-11", "all": True}
    await desk.ok("POST", there, moved)
    assert await taken(reader, SEMINAR, "2026-09-08") == []
    assert await taken(reader, SMALL, "2026-09-11") == ["15:00-18:00"]
    # A title changes whatever became of the hours; a begun block can only end later or earlier.
    await closed_on(service, date(2026, 9, 10), "校运会")
    await desk.ok("POST", f"{BLOCKS}/{ids[3]}/change", {"title": "第三组", "all": True})
    await service.move("14:30")
    first = f"{BLOCKS}/{ids[0]}/change"
    await desk.ok("POST", first, {"end": "17:00", "all": True})
    assert await taken(reader, SEMINAR) == ["14:00-17:30"]
    books = await service.books()
    for path, body, error in (
        (first, {"start": "15:00"}, "wrong_state"),
        (first, {"room_id": SMALL}, "wrong_state"),
        (first, {"end": "14:30"}, "in_the_past"),
        (f"{BLOCKS}/{ids[3]}/change", {"start": "13:00"}, "closed"),
        (f"{BLOCKS}/{ids[2]}/change", {"end": "18:00"}, "room_taken"),
    ):
        (day,) = (await desk.ok("POST", f"{path}/preview", body))["dates"]
        assert day["error"] == error, body
        await desk.refused("409 series_does_not_fit", "POST", path, body | {"all": True})
    # Of two blocks of a day that would meet, the later one stays where it is.
    evening = {"date": "2026-09-09", "start": "19:00", "end": "20:00", "all": True}
    await desk.ok("POST", there, evening)
    again = series(service, room_id=SEMINAR, last="2026-09-10") | {"id": "a" * 24, "all": False}
    await desk.refused("409 idempotency_key_reused", "POST", BLOCKS, again)
    both = {"room_id": SMALL, "start": "15:00", "end": "17:00", "following": True}
    plan = (await desk.ok("POST", f"{first}/preview", both))["dates"]
    assert [(d["date"][8:], d["error"]) for d in plan] == [
        *(("07", "wrong_state"), ("09", None), ("09", "room_taken"), ("10", "closed")),
    ]
    assert [entry for entry in await log(service) if entry[0] == "change_block"] == [
        ("change_block", f"room:{SEMINAR}", "series_does_not_fit"),
        *(5 * [("change_block", f"room:{SEMINAR}", "done")]),
        *(5 * [("change_block", f"room:{SEMINAR}", "series_does_not_fit")]),
        ("change_block", f"room:{SMALL}", "done"),
    ]
    assert await service.inside.stored.reservations.find_double_bookings() == []


async def test_staff_of_another_venue_neither_see_nor_change_a_block(service: Living) -> None:
    desk, person = await librarian(service), await administrator_of_annex(service)
    (made,) = await make(service, desk)
    books = await service.books()
    assert await blocks(person) == []
    there = f"{BLOCKS}/{made['block']}"
    for path, body in (
        (f"{BLOCKS}/preview", series(service)),
        (BLOCKS, series(service) | {"id": "b" * 24, "all": False}),
        (f"{there}/change/preview", {}),
        (f"{there}/change", {"title": "x", "all": True}),
        (f"{there}/end", {}),
        (f"{there}/restore", None),
    ):
        await person.refused("403 other_venue", "POST", path, body)
    assert await service.books() == books


async def test_a_block_keeps_the_room_from_no_seat_and_counts_in_nobodys_week(
    service: Living,
) -> None:
    """A block checks nobody in, becomes no violation, and sends no message."""
    desk = await librarian(service)
    await make(service, desk, room_id=SMALL, keeps_buffer=False)
    await service.move("20:00")
    await service.settle()
    row = await service.db["reservations"].find_one({"state": "block"})
    assert row is not None and row["live"] and "reader" not in row and "people" not in row
    for name in ("violations", "messages", "webhook_deliveries"):
        assert await service.db[name].count_documents({}) == 0
    assert (await service.anonymous.get("//healthz")).status == 200


async def test_old_bookings_are_anonymised_though_a_block_lies_a_year_ahead(
    service: Living,
) -> None:
    reader, desk = await service.reader(), await librarian(service)
    await make(service, desk, first="2027-08-31", last="2027-08-31")
    made = await reader.reserve("2f-hall-030")
    await reader.ok("POST", f"/reservations/{made['id']}/cancel")
    stored, now = service.inside.stored, service.clock.now() + timedelta(days=2)
    await stored.past.forget(service.inside.reference.zone, now, 100)
    row = await service.db["reservations"].find_one({"_id": made["id"]})
    assert row is not None and row["reader"] == "erased"
    assert len(await blocks(desk)) == 1
    await stored.room_blocks.forget(date(2027, 9, 1))
    assert await blocks(desk) == []


async def test_an_imported_library_keeps_a_room_that_is_blocked(service: Living) -> None:
    await make(service, await librarian(service), room_id=SMALL)
    library = await library_of(service.inside.stored, service.inside.reference)
    fewer = replace(library, rooms=tuple(room for room in library.rooms if room.id != SMALL))
    with pytest.raises(TransferError, match="1 live bookings would lose their seats or rooms"):
        await take_in(service.app, fewer, True, service.clock.now())
    assert SMALL in {room.id for room in service.inside.reference.rooms_in_use()}


@pytest.mark.whole
async def test_a_series_says_on_which_day_the_clocks_leave_its_time_out(
    mongo_url: str, redis_url: str
) -> None:
    async with in_berlin(mongo_url, redis_url, "2026-03-28T20:00+01:00") as service:
        room = replace(
            next(iter(service.inside.reference.rooms.values())), retired=False, hours=None
        )
        await service.inside.stored.rooms.put([room])
        await service.inside.reference.refresh()
        desk = await librarian(service)
        night = series(service, room_id=room.id, first="2026-03-28", last="2026-03-30")
        night |= {"start": "02:30", "end": "04:00"}
        days = (await desk.ok("POST", f"{BLOCKS}/preview", night))["dates"]
        assert [d["error"] for d in days] == ["in_the_past", "off_grid", None]
