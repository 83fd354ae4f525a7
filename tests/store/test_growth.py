"""The invented past: what it writes is what the service would have written, under its rules."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta
from typing import Any, Final

import pytest

from miniapp_server import seed as seeding
from miniapp_server.growth.days import Days, Drawn
from miniapp_server.growth.grow import Counts, GrowthRefused, grow
from miniapp_server.growth.readers import Readers
from miniapp_server.growth.visits import Forms, instant
from models.booking.desk import Desk
from models.kernel.time_range import to_local
from models.policy.entities import Policy
from models.reservations import rules
from models.reservations.mapping import from_document, to_document
from models.reservations.rules import TimeSelection
from models.reservations.state_machine import BOOKING_STATES, LIVE, ReservationState
from models.reservations.transitions import leave_duration
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database
from models.store.past import Past, decoded
from tests.builders import MONDAY, on

FRIDAY: Final = date(2026, 12, 18)
"""Not the day that the forms are made with."""
SCALE: Final = 15_000

# It goes through one verb that both drivers offer alike.
pytestmark = pytest.mark.parametrize("db", ["pymongo"], indirect=True)


@pytest.fixture
async def desk(db: Database, sealer: FieldCipher) -> Desk:
    found = Desk(db, sealer)
    await seeding.seed(found, seeding.read(), on("00:00"))
    return found


@pytest.fixture
def past(db: Database, sealer: FieldCipher) -> Past:
    return Past(db, sealer)


def a_day(desk: Desk, seed: int = 1) -> tuple[Days, list[Drawn]]:
    rng = random.Random(seed)
    readers = Readers(2000, rng)
    readers.renew(FRIDAY)
    days = Days(desk.library, desk.policy, readers, rng)
    return days, days.draw(FRIDAY, 1.2)


async def test_a_filled_form_is_what_the_transitions_would_have_stored(
    desk: Desk, past: Past
) -> None:
    days, drawn = a_day(desk)
    forms = Forms(desk, past)
    for d in drawn:
        place = d.course, d.area_id, d.visit
        changes = [days.new_id(ms) for ms in forms.moments(*place)]
        long_way = forms.document(*place, d.k, changes)
        filled = decoded(forms.fill(*place, changes))
        assert list(filled) == list(long_way) and filled == {**long_way, "claims": []}
        assert long_way["rev"] == 1 + len(changes), "each change has left its id"
    ends = Counter(d.course.ending for d in drawn)
    assert ends.keys() == BOOKING_STATES - LIVE and min(ends.values()) > 5
    for flag in ("now", "early", "left", "extended"):
        assert 50 < sum(getattr(d.course, flag) for d in drawn) < len(drawn) / 1.5, flag


async def test_the_days_keep_to_the_rules(desk: Desk, past: Past) -> None:
    for d in a_day(desk)[1]:
        v, policy = d.visit, desk.policy_for(d.area_id, FRIDAY)
        place = desk.opening_hours(policy, FRIDAY, d.area_id)
        start, end = to_local(instant(v.start)), to_local(instant(v.booked))
        wish = TimeSelection(FRIDAY, None if d.course.now else start.time(), end.time())
        span = rules.resolve_time(wish, policy, place, instant(v.made))
        assert (span.start, span.end) == (start, end)
        assert v.made < v.start or d.course.now
        assert d.k <= policy.daily_booking_limit
        if v.arrived:
            assert v.opens <= v.arrived <= v.until and v.arrived >= v.made
        if v.left:
            limit = leave_duration(policy, instant(v.left))
            assert instant(v.return_by) == instant(v.left) + limit
            assert max(v.arrived, v.start) < v.left < (v.back or v.return_by) <= v.return_by
        if v.extended:
            assert place.hours is not None and instant(v.end) <= place.hours.end
            assert v.back < v.extended < v.booked < v.end
        if v.ended and d.course.ending is ReservationState.FINISHED:
            assert max(v.arrived, v.back, v.extended, v.start) < v.ended < v.end


async def test_what_is_grown_reads_as_the_services_own(
    desk: Desk, past: Past, db: Database
) -> None:
    grown = await grow(desk, past, MONDAY, SCALE, keep_messages=timedelta(days=1))
    found = [row async for row in db["reservations"].find()]
    assert abs(len(found) - SCALE) < SCALE * 0.05 and len(found) == grown.written["reservations"]
    for row in found:
        changes = row.pop("changes")
        assert to_document(from_document(row)) == row and len(changes) == row["rev"] - 1
        kept = row["day"] == (MONDAY - timedelta(days=1)).isoformat()
        assert bool(row["claims"]) == kept, "older ones were pruned"
        assert row["day"] < MONDAY.isoformat() and not row["live"] and not row["outbox"]
    assert await desk.reservations.find_double_bookings() == []
    per_day = Counter((r["reader"], r["day"]) for r in found if r["state"] != "cancelled")
    assert max(per_day.values()) == desk.policy.daily_booking_limit
    assert not await past.is_empty()
    with pytest.raises(GrowthRefused):
        await grow(desk, past, MONDAY, SCALE)
    await readers_and_messages_are_whole(desk, grown, db)


async def readers_and_messages_are_whole(desk: Desk, grown: Counts, db: Database) -> None:
    admitted = await desk.readers.upsert_from_login("2023001", "张三", "student", on("08:00"))
    own: Any = await db["readers"].find_one({"_id": admitted.id})
    invented: Any = await db["readers"].find_one({"suspended_until": {"$exists": False}})
    assert list(invented) == list(own) and invented["no_hashes"][0].startswith("1:")
    assert grown.written["readers"] == await db["readers"].count_documents({}) - 1
    yesterday = (MONDAY - timedelta(days=1)).isoformat()
    told = await db["reservations"].count_documents({"day": yesterday})
    assert grown.written["messages"] == told == await db["messages"].count_documents({})
    assert await db["messages"].count_documents({"open": True}) == 0


async def test_one_seed_gives_one_past(desk: Desk) -> None:
    first, again, other = (a_day(desk, seed)[1] for seed in (1, 1, 2))
    assert first == again != other


async def test_closed_days_stay_empty_and_nothing_is_grown_without_a_library(
    db: Database, sealer: FieldCipher, past: Past
) -> None:
    with pytest.raises(GrowthRefused):
        await grow(Desk(db, sealer), past, MONDAY, 10)
    desk = Desk(db, sealer)
    await seeding.seed(desk, seeding.read(), on("00:00"))
    desk.policy = Policy(opening=())
    with pytest.raises(GrowthRefused):
        await grow(desk, past, MONDAY, 10)
