"""API tokens: made and revoked in the console, good for their scopes, and for nothing else."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import date, time, timedelta
from typing import Any, Final
from uuid import uuid4

import pytest

from handlers.api_routes import PREFIX, ROUTES
from miniapp_server.clock import real_now
from models.identity.api_tokens import Scope
from models.identity.roles import GrantId, Role, StaffGrant
from models.kernel.time_range import TimeRange
from models.library.entities import VenueId
from models.readers.personal_data_repository import ERASED_READER, erase_documents
from models.staff.api_tokens import Pace, StaffApiTokens
from models.staff.audit import AuditQuery
from models.staff.recorder import AuditLog, StaffContext
from models.statistics.service import StatisticsService
from models.storage.mongo import new_id
from tests.api.test_listed_codes import suspended, with_rules, with_seat, with_visit
from tests.api.test_pages import Browser
from tests.api.test_reader_groups import SEAT as GROUP_SEAT
from tests.api.test_reader_groups import group
from tests.api.test_refusals import ANNEX, BREAKS_A_RULE, wish, with_library_changed
from tests.api.test_staff_console import log, post, staff
from tests.living import MONDAY_8, SEAT, Client, Living, living

HERE: Final = "/console/api-tokens"
PURPOSE: Final = "一层大厅屏幕"
OTHER: Final = "2f-hall-064"
BOOK: Final = "/staff/reservations"


async def program(service: Living, *scopes: Scope, per_minute: int = 6000) -> Client:
    """A program with a token of these scopes, made by an administrator."""
    maker, stored = await service.web_reader(role=Role.ADMINISTRATOR), service.inside.stored
    reader = await stored.readers.get(maker.reader_id)
    assert reader is not None
    sessions = service.sessions
    tokens = StaffApiTokens(
        AuditLog(stored.audit_log),
        stored.api_tokens,
        sessions.new_api_token,
        sessions.end_api_token,
    )
    ctx = StaffContext(reader, Role.ADMINISTRATOR, service.clock.now())
    client = service.stranger()
    made = await tokens.create(ctx, uuid4().hex, PURPOSE, scopes, Pace(30, per_minute))
    client.token = made.secret
    return client


async def made(service: Living, head: Browser, **form: str) -> Client:
    """A program with the token that the console shows after this form."""
    usual = {"name": PURPOSE, "days": "30", "per_minute": "600", "key": uuid4().hex}
    answer = await post(service, head, HERE, **usual | form)
    assert answer.status == 200, answer.body
    (secret,) = re.findall(r"<code>(seats_[\w-]+)</code>", answer.body)
    client = service.stranger()
    client.token = secret
    return client


# --- in the console -------------------------------------------------------------------------------
async def test_a_token_is_made_shown_once_used_and_revoked(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    assert "还没有令牌" in (await head.get(HERE)).body
    door = await made(service, head, **{"occupancy:read": "1"})
    assert (await door.ok("GET", "/areas"))["items"]
    page = (await head.get(HERE)).body
    assert PURPOSE in page and door.token not in page and "最近使用" in page and "查看空位" in page
    assert door.token not in await service.all_documents(), "kept as a hash"
    token = (await service.inside.stored.api_tokens.all())[0]
    revoke = f"{HERE}/{token.id}/revoke"
    assert (await post(service, head, revoke, reason="")).status == 400
    assert (await door.get("/areas")).status == 200
    assert (await post(service, head, revoke)).status == 303
    await door.refused("401 unauthenticated", "GET", "/areas")
    assert (await post(service, head, revoke)).status == 404
    page = (await head.get(HERE)).body
    assert "还没有令牌" in page and "已失效的 1 个" in page and "撤销</span>" in page
    assert await log(service) == [
        ("api_token", f"api_token:{token.id}", "done"),
        ("revoke_api_token", f"api_token:{token.id}", "done"),
        ("revoke_api_token", f"api_token:{token.id}", "not_found"),
    ]
    # What was kept for the audit log goes with it.
    stored = service.inside.stored.api_tokens
    assert await stored.prune(service.clock.now() - timedelta(hours=1)) == 0
    assert await stored.prune(service.clock.now() + timedelta(seconds=1)) == 1


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": ""}, "用途为 1–60 字"),
        ({"name": "x" * 61}, "用途为 1–60 字"),
        ({"occupancy:read": ""}, "请至少选择一项权限"),
        ({"days": "3650"}, "请选择有效期"),
        ({"per_minute": "5"}, "每分钟 6–6000 次"),
        ({"per_minute": "6001"}, "每分钟 6–6000 次"),
        ({"per_minute": "-1"}, "每分钟 6–6000 次"),
    ],
)
async def test_a_refused_form_keeps_what_was_typed(
    service: Living, changed: dict[str, str], words: str
) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    typed = {"name": PURPOSE, "occupancy:read": "1", "days": "180", "per_minute": "66"} | changed
    answer = await post(service, head, HERE, **typed)
    assert answer.status == 400 and words in answer.body and "seats_" not in answer.body
    assert '<option value="180" selected>' in answer.body or "days" in changed
    assert await service.inside.stored.api_tokens.all() == [] and await log(service) == []


async def test_a_token_ends_with_its_last_day(service: Living) -> None:
    door = await program(service, Scope.OCCUPANCY_READ)
    (token,) = await service.inside.stored.api_tokens.all()
    assert token.last_day == date(2026, 10, 7)
    await service.move(timedelta(days=30, hours=15, minutes=59))
    assert (await door.get("/areas")).status == 200, "23:59 of that day"
    await service.move(timedelta(minutes=1))
    await door.refused("401 unauthenticated", "GET", "/areas")


async def test_a_form_that_is_sent_twice_makes_one_token(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    typed = {"name": PURPOSE, "days": "30", "per_minute": "60", "key": "once"}
    await made(service, head, **typed, **{"reservations:write": "1"})
    again = await post(service, head, HERE, **typed, **{"reservations:write": "1"})
    assert again.status == 409 and "已经创建过" in again.body and "seats_" not in again.body
    assert len(await service.inside.stored.api_tokens.all()) == 1
    assert [outcome for _, _, outcome in await log(service)] == ["done", "conflict"]


async def test_who_made_it_is_forgotten(service: Living) -> None:
    await program(service, Scope.OCCUPANCY_READ)
    (token,) = await service.inside.stored.api_tokens.all()
    await erase_documents(service.db, token.created_by)
    (after,) = await service.inside.stored.api_tokens.all()
    assert after.created_by == ERASED_READER
    head = await staff(service, Role.ADMINISTRATOR)
    assert "已注销于" in (await head.get(HERE)).body


# --- what it opens --------------------------------------------------------------------------------
async def test_a_token_is_nobodys_session(service: Living) -> None:
    everything = await program(service, *Scope)
    for path in ("/me", "/messages", "/sessions", "/staff/reports", "/staff/appeals"):
        await everything.refused("403 forbidden", "GET", path)
    await everything.refused("403 forbidden", "POST", "/reservations", wish())
    await everything.refused("403 forbidden", "DELETE", "/sessions/current")
    pages = ("//me", "//console", f"/{HERE}")
    for path in pages:
        answer = await everything.get(path)
        assert answer.status == 303 and answer.headers["Location"].startswith("/login"), path
    browser = service.stranger()
    cookie = f"seat_sid={everything.token}"
    for path in pages:
        answer = await browser.get(path, Cookie=cookie)
        assert answer.status == 303 and answer.headers["Location"].startswith("/login"), path
    await browser.refused("401 unauthenticated", "GET", "/areas", Cookie=cookie)
    # One that was never made, in its form, and a session's token in its clothes.
    reader = await service.reader()
    for token in (service.sessions.new_api_token(), f"seats_{reader.token}", "seats_", "seats_x"):
        browser.token = token
        await browser.refused("401 unauthenticated", "GET", "/areas")
    session = service.stranger()
    session.token = everything.token.removeprefix("seats_")
    await session.refused("401 unauthenticated", "GET", "/areas")


async def test_what_is_missing_is_named(service: Living) -> None:
    door = await program(service, Scope.OCCUPANCY_READ)
    no = await door.refused("403 scope_missing", "GET", "/staff/statistics")
    assert no.details == {"scope": "statistics:read"}
    assert "statistics:read" in no.body["error"]["message"]
    document = await service.anonymous.ok("GET", "//openapi.json")
    for route in ROUTES:
        said = document["paths"][PREFIX + route.path][route.method.lower()]
        programs = [way["program"] for way in said["security"] if "program" in way]
        assert programs == ([[route.scope.value]] if route.scope is not None else [])
        schemes = document["components"]["securitySchemes"]
        assert all(name in schemes for way in said["security"] for name in way)
    assert {route.scope for route in ROUTES} == {None, *Scope}


async def test_a_program_sees_what_nobody_in_particular_sees(service: Living) -> None:
    reader, viewer = await service.reader(), await program(service, *Scope)
    await reader.reserve(start="now", end="12:00")
    seats = (await viewer.ok("GET", "/areas/2f-hall/map"))["seats"]
    assert {s["id"]: s["status"] for s in seats}[SEAT] == "occupied", "and not mine"
    catalog = await viewer.ok("GET", "/catalog")
    known = service.inside.reference.catalog
    found = [s["id"] for v in catalog["venues"] for a in v["areas"] for s in a["seats"]]
    assert sorted(found) == sorted(known.seats) and catalog["version"] == known.version
    for path in ("/library", "/venues", "/notices", "/forecast", f"/seats/{SEAT}"):
        assert (await viewer.get(path)).status == 200, path


# --- the library's reservations -------------------------------------------------------------------
LEAVE: Final = {"Idempotency-Key": "leave-1"}


async def repeated(service: Living) -> list[str]:
    """The entries that say of themselves that the request came once more."""
    entries, _ = await service.inside.stored.audit_log.page_of(AuditQuery(action="book"), 0, 50)
    return [e.action.value for e in entries if e.after and e.after.get("repeated")]


async def listed(client: Client, query: str) -> list[list[Any]]:
    """The pages of the list."""
    pages, after = [], ""
    while True:
        answer = await client.ok("GET", f"{BOOK}?{query}{after}")
        pages.append(answer["items"])
        if answer["next"] is None:
            return pages
        after = f"&after={answer['next']}"


async def test_the_days_reservations_page_by_page(service: Living) -> None:
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


async def test_a_program_books_and_acts_in_a_readers_place(service: Living) -> None:
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
    assert (await robot.ok("POST", f"{here}/check-in", why))["state"] == "in_use"
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
    await robot.refused("409 wrong_state", "POST", f"{here}/finish", why)
    await robot.refused("409 wrong_state", "POST", f"{here}/cancel", why)
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
    assert entries.count("book") == 3 and entries.count("check_in") == 2
    assert await repeated(service) == ["book"]
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


async def test_a_program_is_refused_as_readers_are(service: Living) -> None:
    await with_library_changed(service)
    robot, reader = await program(service, Scope.RESERVATIONS_WRITE), await service.reader()
    whose = {"student_no": reader.number, "reason": "x"}

    async def refused(wanted: str, body: dict[str, str]) -> None:
        await robot.refused(wanted, "POST", BOOK, whose | body)

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


async def test_numbers_are_not_found_by_trying(service: Living) -> None:
    robot, reader = await program(service, Scope.RESERVATIONS_WRITE), await service.reader()
    body = wish() | {"reason": "x"}
    service.inside.attempts._scale = 1
    for n in range(20):
        await robot.refused("404 not_found", "POST", BOOK, body | {"student_no": f"2099{n:04}"})
    known = body | {"student_no": reader.number}
    await robot.refused("429 too_many_attempts", "POST", BOOK, known)
    other = await program(service, Scope.RESERVATIONS_WRITE)
    await other.ok("POST", BOOK, known)


async def test_people_see_their_venues_and_leave_an_entry(service: Living) -> None:
    await with_library_changed(service)
    reader = await service.reader()
    here, there = await reader.reserve(), await reader.reserve("annex-001", "17:00", "18:00")
    both = await service.web_reader(role=Role.LIBRARIAN)
    found = (await both.ok("GET", BOOK))["items"]
    assert {(i["id"], i["reader_id"]) for i in found} == {
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
    """A librarian of that venue alone."""
    client = await service.web_reader()
    grant = StaffGrant(GrantId("g"), Role.LIBRARIAN, frozenset({venue}))
    assert await service.inside.stored.staff_grants.give(client.reader_id, grant)
    now = service.clock.now()
    issued = await service.sessions.open_web(client.reader_id, "ST-annex", now, granted=True)
    client.token = issued.token
    return client


async def test_the_days_page_on_the_clock_of_the_wall(service: Living) -> None:
    """Where no sandbox moves the clock, ids say when a booking was made: days are found by them."""
    reader, stored = await service.reader(), service.inside.stored
    for n in range(1, 4):
        await reader.reserve(f"2f-hall-{n:03}", f"{13 + n}:00", f"{14 + n}:00")
    real = StatisticsService(
        *(stored.daily_statistics, stored.reservations, stored.policies),
        service.inside.reference,
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


async def test_a_group_s_seats_are_not_a_programs_to_give(service: Living) -> None:
    robot, reader = await program(service, Scope.RESERVATIONS_WRITE), await service.reader()
    await group(service, await staff(service, Role.ADMINISTRATOR), shown_name="研究生读者")
    body = wish(seat_id=GROUP_SEAT) | {"student_no": reader.number, "reason": "x"}
    await robot.refused("422 group_only", "POST", BOOK, body)


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


# --- its own pace ---------------------------------------------------------------------------------
@pytest.fixture
async def strict(mongo_url: str, redis_url: str) -> AsyncIterator[Living]:
    async with living(mongo_url, redis_url, now=MONDAY_8, RATE_LIMIT_SCALE="1") as service:
        yield service


async def test_a_program_takes_its_own_turns_only(strict: Living) -> None:
    hasty = await program(strict, Scope.CATALOG_READ, Scope.RESERVATIONS_WRITE, per_minute=18)
    patient = await program(strict, Scope.CATALOG_READ)
    met = [(await hasty.get("/venues")).status for _ in range(5)]
    assert met == [200] * 3 + [429] * 2
    await hasty.refused("429 throttled", "GET", "/me")
    reader = await strict.reader()
    body = wish() | {"student_no": reader.number, "reason": "x"}
    no = await hasty.refused("429 throttled", "POST", BOOK, body)
    assert int(no.headers["Retry-After"]) <= 5
    assert (await patient.get("/venues")).status == 200
    await reader.reserve()
