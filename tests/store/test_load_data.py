"""The generated history: equal to what the service would have written, under its rules."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import pytest

from miniapp_server import seed as seeding
from miniapp_server.cli.command import CommandError
from miniapp_server.cli.history import load_data
from miniapp_server.load_data.generate import HistoryGenerator, LoadDataError
from miniapp_server.load_data.history_repository import HistoryWriter
from miniapp_server.load_data.readers import ReaderPool
from miniapp_server.load_data.reservations import revisions
from miniapp_server.load_data.visits import GeneratedVisit, VisitGenerator, open_areas
from models.check_in import allowed_actions
from models.check_in import rules as check_in_rules
from models.kernel.ids import ReservationId
from models.library.entities import KioskId
from models.policy.entities import Policy
from models.reservation_store.mapping import from_document, to_document
from models.reservations import rules
from models.reservations.entities import Reservation
from models.reservations.rules import TimeSelection
from models.reservations.state_machine import (
    BOOKING_STATES,
    LIVE,
    ReservationEvent,
    ReservationState,
)
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database
from tests.builders import MONDAY, ZONE, on
from tests.environments import REAL
from tests.inside import Inside, features

FRIDAY: Final = date(2026, 12, 18)
COUNT: Final = 9_300
"""Two full days."""
YESTERDAY: Final = MONDAY - timedelta(days=1)
KIOSK: Final = KioskId("2f-south")


@pytest.fixture
async def inside(db: Database, sealer: FieldCipher) -> Inside:
    inside = features(db, sealer)
    await seeding.seed(inside.stored, inside.reference, seeding.read(), on("00:00"))
    return inside


@pytest.fixture
def writer(db: Database, mongo_url: str) -> Iterator[HistoryWriter]:
    with closing(HistoryWriter(mongo_url, db.name)) as opened:
        yield opened


def a_day(
    inside: Inside, seed: int = 1, areas: int = 99, readers: int = 2000
) -> list[GeneratedVisit]:
    rng = random.Random(seed)
    pool = ReaderPool(ZONE, readers, rng)
    pool.begin_day(FRIDAY)
    areas_open = open_areas(ZONE, inside.reference.catalog, inside.reference.policy, FRIDAY)[:areas]
    return VisitGenerator(pool, rng).generate(areas_open, 1.2)


def run(inside: Inside, visit: GeneratedVisit) -> list[Reservation]:
    area = inside.reference.catalog.areas[visit.area_id]
    policy = inside.reference.policy_for(visit.area_id, FRIDAY)
    return list(revisions(ZONE, visit, area.venue_id, policy, KIOSK))


def when(r: Reservation) -> datetime:
    """The instant of the revision; a reminder leaves only an outbox event."""
    return max(r.history[-1].at, r.outbox[-1].at)


@pytest.mark.whole
async def test_generated_reservations_equal_what_the_repository_writes(
    inside: Inside, writer: HistoryWriter, db: Database
) -> None:
    """All changes of a busy day in order, through the repository and its claim index."""
    histories = [run(inside, visit) for visit in a_day(inside, areas=1, readers=150)]
    changes = sorted((r for history in histories for r in history), key=lambda r: (when(r), r.rev))
    stored: dict[ReservationId, Reservation] = {}
    for r in changes:  # ClaimLost: a seat or a reader would be booked twice
        if r.rev == 1:
            await inside.stored.reservations.insert(r)
            stored[r.id] = r
        else:
            stored[r.id] = await inside.stored.reservations.replace(stored[r.id], r)
    for history in histories:
        row: Any = await db["reservations"].find_one({"_id": history[-1].id})
        written = writer.finished(history, keep_claims=True)
        assert list(row) == list(written), "the same order of fields"
        assert row["changes"][-1] == row["change"] and written["changes"][-1] == written["change"]
        assert len(row["changes"]) == len(written["changes"]) == row["rev"] - 1
        # The outbox dispatcher and the carry-over have run by then.
        own = dict.fromkeys(("change", "changes", "writer", "outbox", "carry_over_at", "due_at"))
        assert row | own == written | own
    assert {history[-1].state for history in histories} >= BOOKING_STATES - LIVE - {
        ReservationState.AWAY_EXPIRED
    }


@pytest.mark.whole
async def test_every_generated_visit_follows_the_policy(inside: Inside) -> None:
    visits = a_day(inside)
    events: Counter[str] = Counter()
    for visit in visits:
        history = run(inside, visit)
        r, policy = history[0], inside.reference.policy_for(visit.area_id, FRIDAY)
        place = inside.reference.opening_hours(policy, FRIDAY, r.area_id)
        now_start = r.created_at >= r.start
        wish = TimeSelection(
            FRIDAY, None if now_start else ZONE.local(r.start).time(), ZONE.local(r.end).time()
        )
        assert rules.resolve_time(ZONE, wish, policy, place, r.created_at) == r.span
        assert visit.number <= policy.daily_booking_limit
        for old, new in pairwise(history):
            assert when(old) <= when(new)
            if len(new.history) == len(old.history):
                event, now = "remind", when(new)
                assert now == old.remind_at
            else:
                event, now = new.history[-1].event, new.history[-1].at
                assert event in (
                    ReservationEvent.MARK_NO_SHOW,
                    ReservationEvent.COMPLETE,
                    ReservationEvent.EXPIRE_LEAVE,
                ) or (event in allowed_actions.allowed_actions(ZONE, old, policy, now))
            if event == ReservationEvent.EXTEND:
                end = ZONE.local(new.end).time()
                assert check_in_rules.renewal_end(ZONE, old, end, policy, place, now) == new.end
            events[event] += 1
        assert history[-1].state is visit.ending
        assert history[-1].ended_at == visit.times.ended
        events["现在"] += now_start
        events["early"] += (
            history[-1].available_from is not None and history[-1].available_from < r.start
        )
    expected = {*ReservationEvent, "remind", "现在", "early"} - {
        ReservationEvent.CHANGE,
        ReservationEvent.SHORTEN,
        ReservationEvent.ACCEPT,
        ReservationEvent.EXPIRE_OFFER,
    }
    assert events.keys() == expected and min(events.values()) > 5, events
    assert max(events["现在"], events["early"], events[ReservationEvent.LEAVE]) < len(visits) / 1.5


@pytest.mark.whole
async def test_generated_documents_are_readable_and_free_of_double_bookings(
    inside: Inside, writer: HistoryWriter, sealer: FieldCipher, db: Database
) -> None:
    reference = inside.reference
    history = HistoryGenerator(writer, sealer, ZONE, reference.catalog, reference.policy)

    async def generated(keep_messages: timedelta) -> Counter[str]:
        return await asyncio.to_thread(
            history.generate, until=MONDAY, count=COUNT, keep_messages=keep_messages
        )

    written = await generated(timedelta(days=1))
    rows = [row async for row in db["reservations"].find()]
    assert abs(len(rows) - COUNT) < COUNT * 0.05 and len(rows) == written["reservations"]
    for row in rows:
        changes = row.pop("changes")
        assert len(row.pop("writer")) == 24
        assert to_document(from_document(row)) == row and len(changes) == row["rev"] - 1
        assert bool(row["claims"]) == (row["day"] == YESTERDAY.isoformat()), "older ones are pruned"
        assert row["day"] < MONDAY.isoformat() and not row["live"] and not row["outbox"]
    assert await inside.stored.reservations.find_double_bookings() == []
    per_day = Counter((r["reader"], r["day"]) for r in rows if r["state"] != "cancelled")
    assert max(per_day.values()) == inside.reference.policy.daily_booking_limit
    assert not writer.is_empty()
    with pytest.raises(LoadDataError):
        await generated(timedelta(days=1))
    await readers_and_messages_are_whole(inside, written, db)


async def readers_and_messages_are_whole(
    inside: Inside, written: Counter[str], db: Database
) -> None:
    admitted = await inside.stored.readers.upsert_from_login(
        "2023001", "张三", "student", on("08:00")
    )
    own: Any = await db["readers"].find_one({"_id": admitted.id})
    invented: Any = await db["readers"].find_one({"suspended_until": {"$exists": False}})
    assert list(invented) == list(own) and invented["no_hashes"][0].startswith("1:")
    assert written["readers"] == await db["readers"].count_documents({}) - 1
    messages = await db["reservations"].count_documents({"day": YESTERDAY.isoformat()})
    assert written["messages"] == messages == await db["messages"].count_documents({})
    assert await db["deliveries"].count_documents({}) == 0


@pytest.mark.whole
async def test_days_and_count_can_be_chosen(
    inside: Inside, writer: HistoryWriter, sealer: FieldCipher, db: Database
) -> None:
    reference = inside.reference
    history = HistoryGenerator(writer, sealer, ZONE, reference.catalog, reference.policy)
    first = MONDAY - timedelta(days=14)
    written = await asyncio.to_thread(history.generate, until=MONDAY, first=first, count=1400)
    assert abs(written["reservations"] - 1400) < 140
    days = Counter([row["day"] async for row in db["reservations"].find({}, {"day": 1})])
    assert len(days) == 14 and min(days.values()) > 40


async def test_the_same_seed_gives_the_same_history(inside: Inside) -> None:
    first, again, other = (a_day(inside, seed, areas=2) for seed in (1, 1, 2))
    assert first == again != other


async def test_generating_without_a_library_or_in_production_is_refused(
    db: Database, sealer: FieldCipher, writer: HistoryWriter
) -> None:
    inside = features(db, sealer)
    for policy in (inside.reference.policy, Policy(opening=())):
        history = HistoryGenerator(writer, sealer, ZONE, inside.reference.catalog, policy)
        with pytest.raises(LoadDataError):
            history.generate(until=MONDAY, count=10)
        await seeding.seed(inside.stored, inside.reference, seeding.read(), on("00:00"))
    with pytest.raises(CommandError, match="SANDBOX=1"):
        await load_data(REAL, 10, None, 1)
