"""Refusals that OpenAPI lists and no other test provokes."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any, Final

from handlers.api_routes import ROUTES
from models.identity.roles import Role
from models.policy.entities import OpeningRule
from tests.api.changes import HALL, suspended, with_rules, with_seat, with_visit
from tests.api.console import librarian
from tests.api.kiosk import CARD, kiosk, touched
from tests.api.rooms import SMALL
from tests.api.violations import missed
from tests.api.wishes import OTHER, TOMORROW, annex_code, wish, with_library_changed
from tests.living import MONDAY_8, SEAT, Living

MONDAY: Final = MONDAY_8.date()
NOBODYS: Final = "6" * 24
KEYED: Final = {"Idempotency-Key": "!"}


async def test_views_refuse_days_outside_the_booking_window_and_unknown_filters(
    service: Living,
) -> None:
    reader, seat = await service.reader(), f"/seats/{SEAT}"
    hall = f"/areas/{HALL}"
    for path in ("/areas", f"{hall}/map", f"{hall}/events", seat, f"{seat}/times"):
        for day in ("0001-01-01", "2026-09-06"):
            await reader.refused("422 in_the_past", "GET", f"{path}?date={day}")
        for day in ("2026-09-09", "9999-12-31"):
            await reader.refused("422 outside_horizon", "GET", f"{path}?date={day}")
    for refusal, path in (
        ("422 filter_off", "/areas?power=true"),
        ("422 filter_off", "/proposal?features=power"),
        ("422 off_grid", f"{seat}/times?date={TOMORROW}&start=now"),
        ("404 not_found", "/areas/nowhere/events"),
        ("404 not_found", "/notices/none"),
    ):
        await reader.refused(refusal, "GET", path)


async def test_booking_waiting_and_changing_refuse_closed_short_and_early_times(
    service: Living,
) -> None:
    reader = await service.reader()
    made = await reader.reserve(date=TOMORROW)
    book = "/reservations", wish("17:00", "18:00", TOMORROW)
    change = f"/reservations/{made['id']}/change", {"end": "17:00"}
    wait = "/waitlist", {"area_id": HALL, "date": TOMORROW, "start": "14:00", "end": "16:00"}
    body = wait[1] | {"start": "21:00", "end": "23:00"}
    await reader.refused("422 closed", "POST", "/waitlist", body)
    other_seat = wish("15:00", "17:00", TOMORROW, seat_id=OTHER)
    await reader.refused("409 own_overlap", "POST", book[0], other_seat)
    await with_rules(service, min_minutes=90)
    body = wait[1] | {"start": "14:00", "end": "15:00"}
    await reader.refused("422 too_short", "POST", "/waitlist", body)
    await reader.refused("422 too_short", "POST", change[0], {"end": "15:00"})
    await reader.refused("422 too_short", "POST", book[0], wish("17:00", "18:00", TOMORROW))
    await with_rules(service, min_minutes=10)
    await with_rules(service, booking_opens_at=time(12))
    for path, body in (change, wait):
        await reader.refused("422 not_open_yet", "POST", path, body)
    await with_rules(service, booking_opens_at=None, booking_window_days=0)
    await reader.refused("422 outside_horizon", "POST", *change)
    await with_rules(service, booking_window_days=1)
    await suspended(service, reader, True)
    for path, body in (change, wait):
        await reader.refused("422 suspended", "POST", path, body)
    await suspended(service, reader, False)
    await with_visit(service, reader, MONDAY)
    for path, body in (book, change, wait):
        no = await reader.refused("422 not_admitted", "POST", path, body)
        assert no.details == {"first": "2026-09-01", "last": "2026-09-07"}


async def test_an_offer_is_refused_when_reader_hours_or_seat_have_changed(service: Living) -> None:
    owner, reader = await service.reader(), await service.reader()
    made = await owner.reserve()
    wait = {"area_id": HALL, "date": service.today, "start": "14:00", "end": "16:00"}
    await reader.ok("POST", "/waitlist", wait | {"seats": [SEAT]})
    await owner.ok("POST", f"/reservations/{made['id']}/cancel")
    offer = (await reader.ok("GET", "/waitlist"))["items"][0]["offer"]
    accept = f"/reservations/{offer['id']}/accept"
    await owner.refused("404 not_found", "POST", f"/reservations/{offer['id']}/decline")

    await suspended(service, reader, True)
    await reader.refused("422 suspended", "POST", accept)
    await suspended(service, reader, False)
    opening = service.inside.reference.policy.opening
    closed = OpeningRule(None, None, MONDAY, MONDAY, reason="电路检修")
    await with_rules(service, opening=(*opening, closed))
    await reader.refused("422 closed", "POST", accept)
    await with_rules(service, opening=opening, accessible_only=True)
    await with_seat(service, disabled="插座维修")
    await reader.refused("422 seat_disabled", "POST", accept)
    other = wait | {"seats": [SEAT], "start": "17:00", "end": "18:00"}
    await reader.refused("422 seat_disabled", "POST", "/waitlist", other)
    await with_seat(service, disabled=None, accessible=True)
    await reader.refused("422 seat_kept", "POST", accept)
    await with_visit(service, reader, date(2026, 9, 6))
    await reader.refused("422 not_admitted", "POST", accept)


async def test_used_expired_and_foreign_codes_do_not_return_a_reader_from_leave(
    service: Living,
) -> None:
    await with_library_changed(service)
    reader = await service.reader()
    path = f"/reservations/{(await reader.reserve(start='now', end='10:00'))['id']}"
    used = {"qr": await service.qr()}
    await reader.ok("POST", f"{path}/check-in", used)
    await reader.ok("POST", f"{path}/leave")
    await reader.refused("422 qr_used", "POST", f"{path}/return", used)
    elsewhere = await annex_code(service)
    await reader.refused("422 wrong_venue", "POST", f"{path}/return", elsewhere)
    other = await service.reader()
    theirs = f"/reservations/{(await other.reserve(OTHER, 'now', '10:00'))['id']}/report"
    there = elsewhere | {"kind": "occupied"}
    await other.refused("422 wrong_venue", "POST", theirs, there)
    await service.jump("08:10")
    late = {"qr": await service.qr()}
    await service.jump("08:11")
    await reader.refused("422 qr_expired", "POST", f"{path}/return", late)
    guesses = {"n": 20 * 1000, "until": service.clock.now() + timedelta(minutes=10)}
    of_reader = {"_id": f"qr:{reader.reader_id}"}
    await service.db["attempt_limits"].update_one(of_reader, {"$set": guesses}, upsert=True)
    right = {"qr": await service.qr()}
    await reader.refused("429 too_many_attempts", "POST", f"{path}/return", right)
    taken = right | {"kind": "occupied"}
    await reader.refused("429 too_many_attempts", "POST", f"{path}/report", taken)


async def test_refusals_of_a_check_in_at_a_kiosk(service: Living) -> None:
    await with_library_changed(service)
    reader, here, key = await service.reader(), "/kiosks/2f-south/check-in", await kiosk(service)
    await service.inside.stored.cards.put(CARD, reader.reader_id)
    at_kiosk = await touched(service, service.stranger())
    for path in ("/notices", "/notices/none"):
        await at_kiosk.refused("403 forbidden", "GET", path)

    async def refused(refusal: str, made: Any, path: str = here, **headers: str) -> None:
        body = {"reservation_id": made["id"]}
        await at_kiosk.refused(refusal, "POST", path, body, **key | headers)

    first = await reader.reserve(start="now", end="09:00")
    second = await reader.reserve(start="09:00", end="10:00")
    gone = await reader.reserve(start="10:00", end="11:00")
    await reader.ok("POST", f"/reservations/{gone['id']}/cancel")
    await refused("409 wrong_state", gone)
    await refused("422 too_early", second)
    annex = "/kiosks/annex-door/check-in"
    await refused("403 forbidden", first, annex, **{"X-Kiosk-Key": "annex-key"})
    await touched(service, at_kiosk, "annex-door", "annex-key")
    await refused("422 wrong_venue", first, annex, **{"X-Kiosk-Key": "annex-key"})
    await touched(service, at_kiosk)
    await service.jump("08:20")
    await touched(service, at_kiosk)
    await at_kiosk.ok("POST", here, {"reservation_id": first["id"]}, **key, **KEYED)
    await refused("409 idempotency_key_reused", second, **KEYED)
    # At another kiosk, which they have touched too: the same key for another path.
    await touched(service, at_kiosk, "annex-door", "annex-key")
    await refused(
        "409 idempotency_key_reused", second, annex, **KEYED | {"X-Kiosk-Key": "annex-key"}
    )
    await touched(service, at_kiosk)
    with service.inside.idempotency._single_flight(reader.reader_id, "slow"):
        await refused("409 in_progress", second, **{"Idempotency-Key": "slow"})
    await reader.ok("POST", f"/reservations/{first['id']}/leave")
    await at_kiosk.ok("POST", here, {"reservation_id": first["id"]}, **key)
    await service.jump("08:31")
    await touched(service, at_kiosk)
    await refused("409 other_in_use", second)
    await reader.ok("POST", f"/reservations/{first['id']}/finish")
    await service.jump("09:31")
    await touched(service, at_kiosk)
    await refused("422 too_late", second)


async def test_reused_and_concurrent_idempotency_keys_are_refused_on_every_route(
    service: Living,
) -> None:
    reader = await service.reader()
    qr, key = {"qr": await service.qr()}, KEYED
    made = await reader.ok("POST", "/reservations", wish(), **key)
    bodies: dict[str, object] = {
        "/reservations": wish(seat_id=OTHER),
        "/reservations/{id}/change": {"end": "17:00"},
        "/reservations/{id}/check-in": qr,
        "/reservations/{id}/return": qr,
        "/reservations/{id}/extend": {"end": "17:00"},
        "/reservations/{id}/shorten": {"end": "15:00"},
        "/reservations/{id}/report": {"kind": "occupied"},
        "/parties": wish(seat_id=OTHER) | {"friends": [SEAT]},
        "/invitations/{id}/accept": {},
    }
    room = {"room_id": SMALL, "date": service.today, "start": "19:00", "end": "20:00"}
    await reader.ok("POST", "/room-bookings", room, **key)
    bodies["/room-bookings"] = room | {"start": "18:00"}
    # Who acts in a reader's place has keys of their own: the reader's as they call it.
    desk = await service.web_reader(role=Role.LIBRARIAN)
    theirs = f"{desk.reader_id}:"
    body = wish("18:00", "19:00", seat_id=OTHER) | {"student_no": reader.number, "reason": "x"}
    booked = await desk.ok("POST", "/staff/reservations", body, **key)
    bodies["/staff/reservations"] = body | {"start": "17:00"}
    for route in ROUTES:
        if route.idempotent and not route.path.startswith("/kiosks/"):  # tried above
            staff = route.path.startswith("/staff/")
            caller, prefix, r = (desk, theirs, booked) if staff else (reader, "", made)
            path = route.path.format(id=r["id"])
            sent = bodies.get(route.path, {"reason": "x"} if staff else None)
            await caller.refused("409 idempotency_key_reused", "POST", path, sent, **key)
            with service.inside.idempotency._single_flight(reader.reader_id, f"{prefix}slow"):
                slow = {"Idempotency-Key": "slow"}
                await caller.refused("409 in_progress", "POST", path, sent, **slow)
    assert (await reader.post(f"/reservations/{made['id']}/cancel", **slow)).status == 200


async def test_late_or_unfounded_actions_are_refused(service: Living) -> None:
    reader, other = await service.reader(), await service.reader()
    made = await reader.reserve(start="now", end="09:00")
    path = f"/reservations/{made['id']}"
    await reader.refused("404 not_found", "POST", f"/reservations/{NOBODYS}/confirm")
    await reader.refused("409 nothing_to_confirm", "POST", f"{path}/confirm")
    late = await other.reserve(OTHER, "now", "10:00")
    await reader.ok("POST", f"{path}/check-in", {"qr": await service.qr()})
    await service.jump("08:31")
    report = f"/reservations/{late['id']}/report", {"kind": "belongings"}
    await other.refused("422 too_late", "POST", *report)
    third = await service.reader()
    there = await third.reserve("2f-hall-063", "now", "10:00")
    await third.ok("POST", f"/reservations/{there['id']}/check-in", {"qr": await service.qr()})
    await with_seat(service, disabled="插座维修")
    await reader.refused("422 seat_disabled", "POST", f"{path}/extend", {"end": "10:00"})
    await service.jump("09:00:01")
    await third.refused("409 wrong_state", "POST", f"/seats/{SEAT}/report")


async def test_appeals_and_waivers_of_missing_or_settled_violations_are_refused(
    service: Living,
) -> None:
    reader, other = await missed(service, 1), await service.reader()
    desk, why = await librarian(service), {"text": "闸机坏了"}
    (violation,) = (await reader.ok("GET", "/violations"))["items"]
    appeal, id = f"/violations/{violation['id']}/appeal", violation["id"]
    yes, no = ({"granted": granted, "answer": "已核实"} for granted in (True, False))
    await other.refused("404 not_found", "POST", appeal, why)
    await desk.refused("409 wrong_state", "POST", f"/staff/appeals/{id}", yes)
    await reader.ok("POST", appeal, why)
    await reader.refused("409 nothing_to_appeal", "POST", appeal, why)
    await desk.ok("POST", f"/staff/appeals/{id}", no)
    await desk.refused("409 wrong_state", "POST", f"/staff/appeals/{id}", yes)
    await desk.refused("404 not_found", "POST", f"/staff/appeals/{NOBODYS}", yes)
    nobodys = f"/staff/violations/{NOBODYS}/waive"
    await desk.refused("404 not_found", "POST", nobodys, {"reason": "停电"})
