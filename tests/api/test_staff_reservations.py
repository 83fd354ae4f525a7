"""The staff API of reservations and statistics: rights and venues."""

from __future__ import annotations

import hmac
from datetime import date, time, timedelta
from hashlib import blake2b
from typing import Any, Final

from handlers.http.keys import service_key
from miniapp_server.clock import real_now
from models.identity.api_tokens import Scope
from models.identity.roles import GrantId, Role, StaffGrant
from models.kernel.time_range import TimeRange
from models.library.entities import VenueId
from models.staff.audit import AuditQuery
from models.statistics.room_service import RoomStatistics
from models.statistics.service import StatisticsService
from models.storage.mongo import new_id
from tests.api.api_tokens import PURPOSE, program
from tests.api.browsing import Browser
from tests.api.changes import suspended, with_rules, with_seat, with_visit
from tests.api.console import log, staff
from tests.api.reader_groups import SEAT as GROUP_SEAT
from tests.api.reader_groups import group
from tests.api.wishes import ANNEX, BREAKS_A_RULE, wish, with_library_changed
from tests.living import Client, Living

OTHER: Final = "2f-hall-064"
BOOK: Final = "/staff/reservations"


# --- the library's reservations -------------------------------------------------------------------
LEAVE: Final = {"Idempotency-Key": "leave-1"}


async def repeated(service: Living) -> list[str]:
    """The audit entries that mark a repeated request."""
    entries, _ = await service.inside.stored.audit_log.page_of(AuditQuery(), 0, 50)
    return [e.action.value for e in entries if e.after and e.after.get("repeated")]


async def listed(client: Client, query: str) -> list[list[Any]]:
    """All pages of the list."""
    pages, after = [], ""
    while True:
        answer = await client.ok("GET", f"{BOOK}?{query}{after}")
        pages.append(answer["items"])
        if answer["next"] is None:
            return pages
        after = f"&after={answer['next']}"


async def test_the_reservations_of_a_day_are_listed_page_by_page(service: Living) -> None:
    analyst, readers = await program(service, Scope.RESERVATIONS_READ), []
    for n in range(1, 6):
        readers.append(await service.reader())
        await readers[-1].reserve(f"2f-hall-{n:03}", "09:00", "11:00")
    elsewhere = await readers[0].reserve(GROUP_SEAT, "14:00", "15:00")
    await readers[0].reserve("2f-hall-001", "09:00", "11:00", service.tomorrow)
    await readers[1].ok(
        "POST", f"/reservations/{(await listed(analyst, 'limit=200'))[0][1]['id']}/cancel"
    )
    pages = await listed(analyst, "limit=2")
    assert [len(page) for page in pages] == [2, 2, 2]
    items = [item for page in pages for item in page]
    whose = [i["reader_id"] for i in items]
    assert whose[0] == whose[-1] and len(set(whose)) == 5, "the same reader is the same pseudonym"
    other = await program(service, Scope.RESERVATIONS_READ)
    theirs = {i["reader_id"] for page in await listed(other, "limit=200") for i in page}
    assert theirs.isdisjoint(whose) and not {r.reader_id for r in readers} & {*whose, *theirs}
    # What the console shows, the token's id and the readers', gives no pseudonym away.
    token_ids = [t.id.encode() for t in await service.inside.stored.api_tokens.all()]
    guesses = {
        blake2b(r.reader_id.encode(), key=id, digest_size=12).hexdigest()
        for r in readers
        for id in token_ids
    } | {
        hmac.digest(id, r.reader_id.encode(), "sha256")[:12].hex()
        for r in readers
        for id in token_ids
    }
    assert guesses.isdisjoint(whose)
    assert [i["state"] for i in items] == ["reserved", "cancelled", *["reserved"] * 4]
    text = str(items)
    assert "张三" not in text and not any(r.number in text for r in readers)
    assert [len(p) for p in await listed(analyst, f"date={service.tomorrow}")] == [1]
    assert [i["id"] for i in (await listed(analyst, "area=2f-east"))[0]] == [elsewhere["id"]]
    await analyst.refused("404 not_found", "GET", f"{BOOK}?area=nowhere")
    assert len((await listed(analyst, "state=cancelled"))[0]) == 1
    one = await analyst.ok("GET", f"{BOOK}/{elsewhere['id']}")
    assert one == items[-1]
    odd_days = (f"date={day}" for day in ("0001-01-01", "1999-12-31", "2100-01-01", "9999-12-31"))
    for odd in ("limit=0", "limit=201", "after=x", "date=x", "state=x", *odd_days):
        await analyst.refused("400 malformed", "GET", f"{BOOK}?{odd}")
    await analyst.refused("404 not_found", "GET", f"{BOOK}/{'0' * 24}")


async def test_a_program_books_and_acts_for_a_reader(service: Living) -> None:
    robot, reader = await program(service, Scope.RESERVATIONS_WRITE), await service.reader()
    body = wish("09:00", "11:00") | {"student_no": reader.number, "reason": "书包柜预约"}
    keyed = {"Idempotency-Key": "k-1"}
    first = await robot.ok("POST", BOOK, body, **keyed)
    assert (await robot.ok("POST", BOOK, body, **keyed))["id"] == first["id"], "sent once more"
    other = await service.reader()
    later = body | {"start": "12:00", "end": "13:00"}
    await robot.refused("409 idempotency_key_reused", "POST", BOOK, later, **keyed)
    # The key is the token's own: not the reader's, and not another program's.
    own = await reader.ok("POST", "/reservations", wish("16:00", "17:00"), **keyed)
    second_robot = await program(service, Scope.RESERVATIONS_WRITE)
    await second_robot.refused("409 own_overlap", "POST", BOOK, body, **keyed)
    await reader.ok("POST", f"/reservations/{own['id']}/cancel")
    mine = (await reader.ok("GET", "/reservations"))["items"]
    assert [r["id"] for r in mine if r["state"] == "reserved"] == [first["id"]]
    here, why = f"{BOOK}/{first['id']}", {"reason": "书包柜打开"}
    await robot.refused("409 wrong_state", "POST", f"{here}/leave", why)
    await robot.refused("422 too_early", "POST", f"{here}/check-in", why)
    await service.move("09:00")
    seen = {"Idempotency-Key": "check-in-1"}
    assert (await robot.ok("POST", f"{here}/check-in", why, **seen))["state"] == "in_use"
    assert (await robot.ok("POST", f"{here}/check-in", why, **seen))["state"] == "in_use"
    assert (await robot.ok("POST", f"{here}/leave", why, **LEAVE))["state"] == "away"
    assert (await robot.ok("POST", f"{here}/leave", why, **LEAVE))["state"] == "away", "once more"
    assert (await robot.ok("POST", f"{here}/check-in", why))["state"] == "in_use"
    second = await robot.ok(
        "POST",
        BOOK,
        wish("14:00", "15:00", seat_id=OTHER) | {"student_no": reader.number, "reason": "x"},
    )
    there = f"{BOOK}/{second['id']}"
    assert (await robot.ok("POST", f"{here}/finish", why))["state"] == "finished"
    for verb in ("finish", "cancel", "check-in"):
        await robot.refused("409 wrong_state", "POST", f"{here}/{verb}", why)
    assert (await robot.ok("POST", f"{there}/cancel", why))["state"] == "cancelled"
    for verb in ("check-in", "leave", "finish", "cancel"):
        await robot.refused("404 not_found", "POST", f"{BOOK}/{'0' * 24}/{verb}", why)
        for wrong in (" ", "a\nb", "\u202e"):
            await robot.refused("400 malformed", "POST", f"{here}/{verb}", {"reason": wrong})
    history = (await reader.ok("GET", f"/reservations/{first['id']}"))["history"]
    assert {(e["by"], e["via"]) for e in history if e["by"] != "system"} == {("program", "api")}
    web = Browser(await service.web_reader(reader))
    assert "（程序）" in (await web.get(f"/reservations/{first['id']}")).body
    # The audit log names the program, and so does the console.
    token = next(t for t in await service.inside.stored.api_tokens.all())
    entries = [action for action, _, outcome in await log(service) if outcome == "done"]
    assert entries.count("book") == 3 and entries.count("check_in") == 3
    assert await repeated(service) == ["leave", "check_in", "book"], "the latest first"
    head = await staff(service, Role.ADMINISTRATOR)
    page = (await head.get("/console/audit")).body
    assert PURPOSE in page and "程序" in page and "书包柜打开" in page
    page = (await head.get(f"/console/audit?by={token.actor_id}")).body
    assert "书包柜预约" in page and "创建 API 令牌</td>" not in page
    # What came too late, and who sits elsewhere.
    sits = await reader.reserve(start="12:00", end="13:00")
    await service.move("12:00")
    await robot.ok("POST", f"{BOOK}/{sits['id']}/check-in", why)
    beside = await reader.reserve(OTHER, "13:00", "14:00")
    await service.move("12:55")
    await robot.refused("409 other_in_use", "POST", f"{BOOK}/{beside['id']}/check-in", why)
    late = await other.reserve("2f-hall-010", "13:00", "14:00")
    await service.jump("13:45")
    await robot.refused("422 too_late", "POST", f"{BOOK}/{late['id']}/check-in", why)


async def test_a_program_gets_the_same_refusals_as_readers(service: Living) -> None:
    await with_library_changed(service)
    robot, reader = await program(service, Scope.RESERVATIONS_WRITE), await service.reader()
    whose = {"student_no": reader.number, "reason": "x"}

    async def refused(refusal: str, body: dict[str, str]) -> None:
        await robot.refused(refusal, "POST", BOOK, whose | body)

    for body, code, _ in BREAKS_A_RULE:
        await refused(f"422 {code}", body)
    await refused("404 not_found", wish(seat_id="nowhere"))
    await refused("404 not_found", wish() | {"student_no": "20990001"})
    await (await service.reader()).reserve()
    await refused("409 seat_taken", wish())
    await reader.reserve(OTHER, "14:00", "15:00")
    await refused("409 own_overlap", wish(seat_id="2f-hall-010"))
    await with_rules(service, min_minutes=90)
    await refused("422 too_short", wish("09:00", "10:00"))
    await with_rules(service, min_minutes=10, booking_opens_at=time(12))
    await refused("422 not_open_yet", wish(date=service.tomorrow))
    await with_rules(service, booking_opens_at=None, daily_booking_limit=1)
    await refused("422 daily_limit", wish("17:00", "18:00"))
    await with_rules(service, daily_booking_limit=5)
    await suspended(service, reader, True)
    await refused("422 suspended", wish("17:00", "18:00"))
    await suspended(service, reader, False)
    await with_rules(service, accessible_only=True)
    await with_seat(service, accessible=True)
    await refused("422 seat_kept", wish("17:00", "18:00"))
    await with_visit(service, reader, date(2026, 9, 6))
    await refused("422 not_admitted", wish("17:00", "18:00", seat_id="2f-hall-010"))
    await with_rules(service, accessible_only=False)
    await group(service, await staff(service, Role.ADMINISTRATOR), shown_name="研究生读者")
    whose["student_no"] = (await service.reader()).number
    await refused("422 group_only", wish(seat_id=GROUP_SEAT))


async def test_guessing_reader_numbers_is_limited(service: Living) -> None:
    robot, reader = await program(service, Scope.RESERVATIONS_WRITE), await service.reader()
    body = wish() | {"reason": "x"}
    for n in range(20):
        await robot.refused("404 not_found", "POST", BOOK, body | {"student_no": f"2099{n:04}"})
    known_body = body | {"student_no": reader.number}
    await robot.refused("429 too_many_attempts", "POST", BOOK, known_body)
    other = await program(service, Scope.RESERVATIONS_WRITE)
    await other.ok("POST", BOOK, known_body)


async def test_staff_see_reservations_of_their_venues_and_are_logged(service: Living) -> None:
    await with_library_changed(service)
    reader = await service.reader()
    here, there = await reader.reserve(), await reader.reserve("annex-001", "17:00", "18:00")
    both = await service.web_reader(role=Role.LIBRARIAN)
    bookings = (await both.ok("GET", BOOK))["items"]
    assert {(i["id"], i["reader_id"]) for i in bookings} == {
        (r["id"], reader.reader_id) for r in (here, there)
    }
    viewer = await service.web_reader(role=Role.VIEWER)
    await viewer.refused("403 forbidden", "GET", BOOK)
    looks = AuditQuery(action="look_up")
    entries, _ = await service.inside.stored.audit_log.page_of(looks, 0, 10)
    assert [e.target for e in entries] == [f"bookings:{service.today}"]
    one = await in_venue(service, ANNEX)
    assert [i["id"] for i in (await one.ok("GET", BOOK))["items"]] == [there["id"]]
    await one.refused("403 other_venue", "GET", f"{BOOK}/{here['id']}")
    await one.refused("403 other_venue", "POST", f"{BOOK}/{here['id']}/cancel", {"reason": "x"})
    body = wish(seat_id=OTHER) | {"student_no": reader.number, "reason": "x"}
    await one.refused("403 other_venue", "POST", BOOK, body)
    await service.move(timedelta(hours=16))
    one = await in_venue(service, ANNEX)  # who has signed in anew
    days = (await one.ok("GET", "/staff/statistics"))["days"]
    assert {d["area_id"] for d in days} == {"annex-1"}


async def in_venue(service: Living, venue: VenueId) -> Client:
    """A librarian of this venue alone."""
    client = await service.web_reader()
    grant = StaffGrant(GrantId("g"), Role.LIBRARIAN, frozenset({venue}))
    assert await service.inside.stored.staff_grants.give(client.reader_id, grant)
    now = service.clock.now()
    issued = await service.sessions.open_web(client.reader_id, "ST-annex", now, granted=True)
    client.token = issued.token
    return client


async def test_the_page_of_a_day_works_without_the_sandbox_clock(service: Living) -> None:
    """Without a sandbox clock, the creation time is read from the ids, by which days are found."""
    reader, stored = await service.reader(), service.inside.stored
    for n in range(1, 4):
        await reader.reserve(f"2f-hall-{n:03}", f"{13 + n}:00", f"{14 + n}:00")
    real = StatisticsService(
        *(stored.daily_statistics, stored.reservations, stored.policies),
        *(service.inside.reference, stored.readers, service.app[service_key(RoomStatistics)]),
        wall_clock=True,
    )
    today = service.clock.now().date()
    assert await real.page_of_day(today, None, {}, "", 10) == [], "made in another month, by its id"
    week = TimeRange(real_now() - timedelta(days=1), real_now() + timedelta(days=1))
    rows = await stored.reservations.page_of_day(today, week, None, {}, "", 2)
    rest = await stored.reservations.page_of_day(today, week, None, {}, rows[-1].id, 2)
    assert [len(rows), len(rest)] == [2, 1] and not {r.id for r in rows} & {r.id for r in rest}
    # What a cut-off write leaves is no reservation.
    await service.db["reservations"].insert_one(
        {"_id": new_id(), "day": today.isoformat(), "tombstone": True}
    )
    assert len(await stored.reservations.page_of_day(today, None, None, {}, "", 10)) == 3


# --- statistics -----------------------------------------------------------------------------------
async def test_statistics_of_each_day_and_area(service: Living) -> None:
    analyst, reader = await program(service, Scope.STATISTICS_READ), await service.reader()
    made = await reader.reserve("2f-hall-001", "09:00", "11:00")
    await service.move("09:00")
    scanned = {"qr": await service.qr()}
    await reader.ok("POST", f"/reservations/{made['id']}/check-in", scanned)
    await service.move("10:30")
    await reader.ok("POST", f"/reservations/{made['id']}/finish")
    await service.move(timedelta(hours=14))
    answer = await analyst.ok("GET", "/staff/statistics")
    assert (answer["from"], answer["to"]) == ("2026-08-09", "2026-09-07")
    assert len(answer["days"]) == len(service.inside.reference.catalog.areas)
    (hall,) = [d for d in answer["days"] if d["area_id"] == "2f-hall"]
    assert (hall["date"], hall["booked"], hall["checked_in"]) == ("2026-09-07", 1, 1)
    assert hall["used_minutes"] == 90 and hall["used_minutes_by_hour"][9:11] == [60, 30]
    for query, field in (
        ("from=2026-09-08&to=2026-09-07", "to"),
        ("from=2026-01-01&to=2026-09-07", "from"),
        ("from=x", "from"),
        ("to=0001-01-10", "to"),
        ("from=0001-01-01&to=2026-09-07", "to"),
    ):
        no = await analyst.refused("400 malformed", "GET", f"/staff/statistics?{query}")
        assert no.details["field"] == field, query
