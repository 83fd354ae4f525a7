"""What proves presence in a venue: where nothing does, nobody is punished."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from models.library.entities import VenueId
from models.policy.entities import Policy
from models.reservations.presence import PresenceMethod, can_prove_presence
from tests.api.test_gates import gate_of
from tests.api.test_outages import show
from tests.api.test_seat_reports import one
from tests.api.test_staff_console import post, staff
from tests.living import MONDAY_8, Client, Living

VENUE: Final = VenueId("library")
WEEK: Final = timedelta(days=7)
NO_PROOF: Final = "近 7 天没有任何签到方式起过作用"


async def nothing_proves(service: Living) -> None:
    """As in a library whose kiosks were never switched on."""
    await service.db["presence_methods"].delete_many({})


async def misses(service: Living, seat: str, reader: Client | None = None) -> tuple[Client, Any]:
    """A reader whose booking of this hour is over without a check-in."""
    reader = reader or await service.reader()
    made = await reader.reserve(seat, "now", "12:00")
    await service.move(timedelta(minutes=31))
    return reader, await one(reader, made)


async def violations(reader: Client) -> int:
    return int((await reader.ok("GET", "/violations"))["total"])


async def check_in(service: Living, seat: str) -> tuple[Client, Any]:
    reader = await service.reader()
    made = await reader.reserve(seat, "now", "12:00")
    path = f"/reservations/{made['id']}/check-in"
    return reader, await reader.ok("POST", path, {"qr": await service.qr()})


async def test_kiosks_that_were_never_switched_on_punish_nobody(service: Living) -> None:
    await nothing_proves(service)
    desk = await staff(service)
    assert NO_PROOF in (await desk.get("/console")).body
    reader, missed = await misses(service, "2f-hall-061")
    assert (missed["state"], missed["excused"]) == ("no_show", True)
    assert await violations(reader) == 0
    assert "本次不记违约" in (await reader.ok("GET", "/messages"))["items"][0]["text"]
    # One code that a kiosk has shown is enough.
    await check_in(service, "2f-hall-062")
    assert NO_PROOF not in (await desk.get("/console")).body
    again, missed = await misses(service, "2f-hall-063")
    assert (missed["state"], missed["excused"]) == ("no_show", False)
    assert await violations(again) == 1


async def test_a_leave_expires_without_violation_where_nothing_proves(service: Living) -> None:
    strict = Policy(version=2, away_timeout_is_violation=True)
    await service.inside.stored.policies.add(strict, service.clock.now())
    await service.inside.reference.refresh()
    for seat, count in (("2f-hall-061", 0), ("2f-hall-062", 1)):
        reader, made = await check_in(service, seat)
        await reader.ok("POST", f"/reservations/{made['id']}/leave")
        if not count:
            await nothing_proves(service)
        await service.move(timedelta(minutes=31))
        assert (await one(reader, made))["state"] == "away_expired"
        assert await violations(reader) == count


async def test_what_has_proved_presence_is_kept(service: Living) -> None:
    kept = service.inside.stored.presence_methods
    await nothing_proves(service)
    desk, gate, reader = await staff(service), await gate_of(service), await service.reader()
    made = await reader.reserve("2f-hall-061", "now", "12:00")
    await post(service, desk, f"/console/reservations/{made['id']}/check_in")
    assert (await proofs(service)).keys() == {PresenceMethod.DESK}
    second = await service.reader()
    await second.reserve("2f-hall-062", "now", "12:00")
    await gate.pass_(second, "in")
    assert (await proofs(service)).keys() == {PresenceMethod.DESK, PresenceMethod.GATE}
    # Each worker writes seldom, and what is kept never goes back.
    for minutes, seat in ((0, "2f-hall-063"), (4, "2f-hall-064"), (4, "2f-hall-065")):
        await service.move(timedelta(minutes=minutes))
        await check_in(service, seat)
        moved = service.clock.now() - MONDAY_8 >= timedelta(minutes=5)
        seen = (await proofs(service))[PresenceMethod.KIOSK_CODE]
        assert (seen - MONDAY_8 > timedelta(minutes=5)) is moved
    before = await proofs(service)
    await kept.put(VENUE, PresenceMethod.KIOSK_CODE, MONDAY_8)
    assert await proofs(service) == before


async def proofs(service: Living) -> dict[PresenceMethod, datetime]:
    return (await service.inside.stored.presence_methods.last_proofs())[VENUE]


async def test_a_screen_that_was_seen_counts(service: Living) -> None:
    await nothing_proves(service)
    await show(service)
    reader, missed = await misses(service, "2f-hall-061")
    assert (missed["state"], missed["excused"]) == ("no_show", False)
    assert await violations(reader) == 1


@pytest.mark.parametrize(
    ("proof", "screen", "can"),
    [
        (None, None, False),
        (WEEK, None, False),
        (WEEK - timedelta(seconds=1), None, True),
        (None, WEEK, False),
        (None, WEEK - timedelta(seconds=1), True),
        (WEEK, timedelta(0), True),
    ],
)
def test_what_is_expected_for_a_week(
    proof: timedelta | None, screen: timedelta | None, can: bool
) -> None:
    proofs, screens = ([MONDAY_8 - t] if t is not None else [] for t in (proof, screen))
    assert can_prove_presence(proofs, screens, MONDAY_8) is can


async def test_the_demo_goes_on_having_violations(service: Living) -> None:
    """Its kiosks are stand-ins: no move of the clock is a time in which they were dark."""
    await nothing_proves(service)
    await service.inside.stored.presence_methods.put(VENUE, PresenceMethod.KIOSK_CODE, MONDAY_8)
    for days in (0, 8, 60):
        await service.move(timedelta(days=days))
        await service.move("08:00" if days == 0 else timedelta(hours=23, minutes=29))
        reader, missed = await misses(service, "2f-hall-061")
        assert (missed["state"], missed["excused"]) == ("no_show", False)
        assert await violations(reader) == 1
