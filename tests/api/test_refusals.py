"""Every documented refusal over HTTP; none changes a record."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from itertools import product

from handlers.api_routes import ROUTES
from models.policy.entities import OpeningRule, Policy
from tests.api.wishes import (
    BREAKS_A_RULE,
    MONDAY_MIDNIGHT,
    OTHER,
    TOMORROW,
    annex_code,
    wish,
    with_library_changed,
)
from tests.living import MONDAY_8, SEAT, Living


async def test_bookings_and_changes_against_the_policy_are_refused(service: Living) -> None:
    await with_library_changed(service)
    reader = await service.reader()
    made = await reader.reserve(start="20:00", end="21:00")
    change = f"/reservations/{made['id']}/change"
    for body, code, details in BREAKS_A_RULE:
        no = await reader.refused(f"422 {code}", "POST", "/reservations", body)
        assert no.details == details, (body, no.details)
        if body["date"] == made["date"]:
            wished = {key: value for key, value in body.items() if key != "date"}
            no = await reader.refused(f"422 {code}", "POST", change, wished)
            assert no.details == details, (wished, no.details)
    for method, path, body in (
        ("POST", "/reservations", wish(seat_id="2f-hall-999")),
        ("POST", "/reservations", wish(seat_id="\0")),
        ("POST", change, {"seat_id": "nowhere"}),
    ):
        await reader.refused("404 not_found", method, path, body)


async def test_bookings_of_closed_and_not_yet_open_days_are_refused(service: Living) -> None:
    reader, inside = await service.reader(), service.inside
    closed = OpeningRule(None, None, MONDAY_8.date(), MONDAY_8.date(), reason="电路检修")
    rules = Policy(
        version=2, opening=(*inside.reference.policy.opening, closed), booking_opens_at=time(12)
    )
    await inside.stored.policies.add_missing(rules, service.clock.now())
    await inside.reference.refresh()
    no = await reader.refused("422 closed", "POST", "/reservations", wish())
    assert no.details == {"reason": "电路检修"} and "电路检修" in no.body["error"]["message"]
    tomorrow = wish(date=TOMORROW)
    no = await reader.refused("422 not_open_yet", "POST", "/reservations", tomorrow)
    assert no.details == {"opens_at": "2026-09-07T12:00:00+08:00"}
    days = (await reader.ok("GET", "/venues"))["items"][0]["dates"]
    assert [(d["bookable"], d["opens_at"], d["reason"]) for d in days] == [
        (False, None, "电路检修"),
        (False, "2026-09-07T12:00:00+08:00", ""),
    ]
    await service.move("12:00")
    await reader.reserve(date=TOMORROW)


async def test_taken_seats_and_overlapping_own_bookings_are_refused(service: Living) -> None:
    first, second = await service.reader(), await service.reader()
    held = await first.reserve(start="14:00", end="16:00")
    for start, end in (("14:00", "16:00"), ("13:00", "15:00"), ("15:00", "19:00")):
        await second.ok("GET", "/areas/2f-hall/map")  # proposals come from what is known
        no = await second.refused("409 seat_taken", "POST", "/reservations", wish(start, end))
        near = no.details["nearest"]
        assert len(near) == 3 and set(near[0]) >= {"id", "venue", "floor", "area", "no", "label"}
        assert all(place["id"] != SEAT for place in near)
    for body in (wish(seat_id=OTHER), wish("13:00", "15:00", seat_id=OTHER), wish()):
        await first.refused("409 own_overlap", "POST", "/reservations", body)
    mine = await second.reserve(OTHER, "14:00", "16:00")
    change = f"/reservations/{mine['id']}/change"
    await second.refused("409 seat_taken", "POST", change, {"seat_id": SEAT})
    await second.reserve(OTHER, "17:00", "18:00")
    await second.refused("409 own_overlap", "POST", change, {"end": "18:00"})
    # Adjoining is not overlapping.
    await second.reserve(SEAT, "16:00", "17:00")
    await first.reserve(OTHER, "16:00", "17:00")
    assert (await first.ok("GET", f"/reservations/{held['id']}"))["rev"] == held["rev"]


async def test_bookings_beyond_the_daily_limit_or_while_suspended_are_refused(
    service: Living,
) -> None:
    reader = await service.reader()
    made = [await reader.reserve(start=f"{h}:00", end=f"{h + 1}:00") for h in range(14, 19)]
    no = await reader.refused("422 daily_limit", "POST", "/reservations", wish("20:00", "21:00"))
    assert no.details == {"limit": 5}
    # What was cancelled is given back; what is tomorrow's does not count today.
    await reader.reserve(start="09:00", end="10:00", date=TOMORROW)
    await reader.ok("POST", f"/reservations/{made[0]['id']}/cancel")
    await reader.reserve(start="20:00", end="21:00")

    until = MONDAY_MIDNIGHT + timedelta(days=3)
    await service.inside.stored.readers.set_suspended_until(reader.reader_id, None, until)
    await service.sessions.reader_changed(reader.reader_id)
    no = await reader.refused(
        "422 suspended", "POST", "/reservations", wish("09:00", "10:00", seat_id=OTHER)
    )
    assert no.details == {"until": "2026-09-10T00:00:00+08:00"}
    assert (await reader.ok("GET", "/me"))["suspended_until"] == "2026-09-10T00:00:00+08:00"
    # Existing bookings survive, and may still be given back.
    await reader.ok("POST", f"/reservations/{made[1]['id']}/cancel")


async def test_another_readers_reservation_is_not_found(service: Living) -> None:
    owner, other = await service.reader(), await service.reader()
    made = await owner.reserve(start="now", end="10:00")
    qr = {"qr": await service.qr()}
    actions: list[tuple[str, object]] = [
        ("cancel", None),
        ("change", {"end": "11:00"}),
        ("check-in", qr),
        ("return", qr),
        ("leave", None),
        ("finish", None),
        ("extend", {"end": "11:00"}),
        ("shorten", {"end": "09:00"}),
    ]
    for part in ("", "/extensions", "/earlier-ends"):
        await other.refused("404 not_found", "GET", f"/reservations/{made['id']}{part}")
    for action, body in actions:
        for key in ({}, {"Idempotency-Key": "k"}):
            path = f"/reservations/{made['id']}/{action}"
            await other.refused("404 not_found", "POST", path, body, **key)
    for id in ("6" * 24, "%00", "%ff", "..%2f..", "a" * 3000):
        await other.refused("404 not_found", "GET", f"/reservations/{id}")
        await other.refused("404 not_found", "POST", f"/reservations/{id}/cancel")
    for path in (
        "/seats/2f-hall-999",
        "/seats/2f-hall-999/times",
        "/areas/2f-nowhere/map",
        "/kiosks/none/code",
        "/nothing",
        "//nothing",
        "//api/v1",
    ):
        await other.refused("404 not_found", "GET", path)


async def test_actions_in_the_wrong_state_are_refused(service: Living) -> None:
    """Each action in each state that does not allow it, once with an idempotency key."""
    reader = await service.reader()

    async def are_refused(id: str, state: str, *actions: str) -> None:
        bodies: dict[str, object] = {verb: {"end": "17:00"} for verb in ("extend", "change")}
        bodies["shorten"] = {"end": "15:00"}
        for action in actions:
            body = bodies.get(action)
            if action in ("check-in", "return"):
                body = {"qr": await service.qr("2f-north")}
            keys = [{}, {"Idempotency-Key": action}] if state == "finished" else [{}]
            for key in keys:
                path = f"/reservations/{id}/{action}"
                no = await reader.refused("409 wrong_state", "POST", path, body, **key)
                assert no.details == {"state": state}, (action, no.details)
        reservation = await reader.ok("GET", f"/reservations/{id}")
        allowed = {name.replace("_", "-") for name in reservation["actions"]}
        assert not allowed & set(actions), (state, allowed)

    async def act(id: str, action: str, body: object = None) -> None:
        await reader.ok("POST", f"/reservations/{id}/{action}", body)

    everything = ("cancel", "change", "check-in", "return", "leave", "finish", "extend", "shorten")
    cancelled = await reader.reserve(start="12:00", end="13:00")
    await act(cancelled["id"], "cancel")
    await are_refused(cancelled["id"], "cancelled", *everything)

    used = (await reader.reserve(start="14:00", end="16:00"))["id"]
    await are_refused(used, "reserved", "return", "leave", "finish", "extend", "shorten")
    await service.move("14:00")
    await are_refused(used, "reserved", "change")
    await act(used, "check-in", {"qr": await service.qr()})
    await are_refused(used, "in_use", "cancel", "change", "check-in", "return")
    await act(used, "leave")
    await are_refused(used, "away", "cancel", "change", "leave", "extend", "shorten")
    await act(used, "finish")
    await are_refused(used, "finished", *everything)

    missed = (await reader.reserve(start="now", end="16:00"))["id"]
    await service.move("14:31")
    await are_refused(missed, "no_show", *everything)

    left = (await reader.reserve(start="now", end="17:00"))["id"]
    await act(left, "check-in", {"qr": await service.qr()})
    await act(left, "leave")
    await service.move("15:02")
    await are_refused(left, "away_expired", *everything)

    full = (await reader.reserve(start="now", end="16:00"))["id"]
    await act(full, "check-in", {"qr": await service.qr()})
    await service.move("16:00")
    await are_refused(full, "completed", *everything)


async def test_early_invalid_expired_and_foreign_codes_are_refused(service: Living) -> None:
    await with_library_changed(service)
    reader = await service.reader()
    made = await reader.reserve(start="14:00", end="16:00")
    later = await reader.reserve(OTHER, "16:00", "17:00")
    check_in = f"/reservations/{made['id']}/check-in"

    at_eight = await service.qr()  # a photo of it is sent to a friend
    no = await reader.refused("422 too_early", "POST", check_in, {"qr": at_eight})
    assert no.details == {"from": "2026-09-07T13:30:00+08:00"}

    await service.jump("13:40:01")
    old = await service.qr()
    other_venue = await annex_code(service)
    await service.jump("13:40:16")
    good = await service.qr()
    link, digits = old[:-8], old[-8:]
    wrong = ["x", "x" * 512, "2f-south", digits, link, old[:-1], old + "1", old + "&c=1"]
    wrong += [old.replace("/k/", "/K/"), old.replace("2f-south", "none"), "\0" + old]
    wrong += [old.replace("127.0.0.1", "127.0.0.2"), link + "\uff11" * 8, link + "0" * 8]
    for text in wrong:
        for action in (check_in, f"/reservations/{made['id']}/return"):
            await reader.refused("422 qr_invalid", "POST", action, {"qr": text})
        await service.db["attempt_limits"].delete_many({})  # so many in a row are guesses
    await reader.refused("422 wrong_venue", "POST", check_in, other_venue)
    await service.jump("13:40:31")
    for code in (old, at_eight):
        await reader.refused("422 qr_expired", "POST", check_in, {"qr": code})

    # The step before is still good; sent again it is the same answer, with or without keys.
    first = await reader.ok("POST", check_in, {"qr": good})
    for key in ({}, {"Idempotency-Key": "late"}):
        again = await reader.ok("POST", check_in, {"qr": good}, **key)
        assert again["rev"] == first["rev"]
    await service.jump("15:40:01")
    fresh = await service.qr()
    no = await reader.refused(
        "409 other_in_use", "POST", f"/reservations/{later['id']}/check-in", {"qr": fresh}
    )
    assert no.details == {"reservation_id": made["id"]}
    # The refused check-in burnt nothing: the same scan serves where it is right.
    await reader.ok("POST", f"/reservations/{made['id']}/leave")
    away = await reader.ok("POST", check_in, {"qr": fresh})
    assert away["state"] == "in_use"
    await reader.ok("POST", f"/reservations/{made['id']}/leave")
    await reader.refused("422 qr_used", "POST", check_in, {"qr": fresh})
    await service.jump("16:31:00")
    no = await reader.refused(
        "422 too_late",
        "POST",
        f"/reservations/{later['id']}/check-in",
        {"qr": await service.qr()},
    )
    assert no.details == {"until": "2026-09-07T16:30:00+08:00"}


async def test_a_return_after_the_deadline_is_refused(service: Living) -> None:
    reader = await service.reader()
    made = await reader.reserve(start="now", end="10:00")
    path = f"/reservations/{made['id']}"
    await reader.ok("POST", f"{path}/check-in", {"qr": await service.qr()})
    left = await reader.ok("POST", f"{path}/leave")
    await service.jump("08:45")
    for action in ("check-in", "return"):
        no = await reader.refused(
            "422 too_late", "POST", f"{path}/{action}", {"qr": await service.qr()}
        )
        assert datetime.fromisoformat(no.details["until"]) == datetime.fromisoformat(
            left["return_by"]
        )


async def test_consent_for_unknown_templates_is_refused(service: Living) -> None:
    reader = await service.reader()
    for results in ({"OFFER_": "accept"}, {"RESERVED": "accept", "reserved": "accept"}):
        no = await reader.refused(
            "422 unknown_template", "POST", "/subscriptions", {"results": results}
        )
        assert no.details == {"template": list(results)[-1]}


async def test_undeclared_methods_are_refused_with_the_allowed_ones(service: Living) -> None:
    reader = await service.reader()
    allowed: dict[str, set[str]] = {}
    for route in ROUTES:
        allowed.setdefault(route.path, set()).add(route.method)
    verbs, before = ("GET", "POST", "PUT", "PATCH", "DELETE"), await service.books()
    for (path, methods), method in product(allowed.items(), verbs):
        if method in methods:
            continue
        no = await reader.call(method, path.replace("{id}", "1"))
        assert (no.status, no.code) == (405, "method_not_allowed"), (method, path)
        named = {part.strip() for part in no.headers["Allow"].split(",")}
        assert named == methods | ({"HEAD"} if "GET" in methods else set()), path
    assert await service.books() == before
