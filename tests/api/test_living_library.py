"""The demo's invented readers: their documents equal the service's own, they leave real readers
alone, and all are deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any, Final

import pytest

from miniapp_server.load_data.history_repository import HistoryWriter
from miniapp_server.load_data.living import LifeIsOver, LivingLibrary
from miniapp_server.load_data.visits import GeneratedVisit
from miniapp_server.sandbox.state_repository import SandboxState
from models.reservation_store.mapping import from_document
from models.reservations.claims import slot_claims
from models.reservations.state_machine import ReservationState
from tests.builders import ZONE
from tests.living import SEAT, Client, Living

DAYS: Final = 5
A_DAY: Final = 120
OF_READERS: Final = ("messages", "violations", "suspensions", "waitlist")


@pytest.fixture
def writer(service: Living) -> Iterator[HistoryWriter]:
    with closing(HistoryWriter(service.settings.mongo_url, service.db.name)) as opened:
        yield opened


async def begun(service: Living, writer: HistoryWriter, **more: Any) -> list[GeneratedVisit]:
    return await LivingLibrary(service.app, writer, seed=4, **more).begin(A_DAY, DAYS)


async def taken(reader: Client) -> int:
    tiles = (await reader.ok("GET", "/areas"))["items"]
    return sum(area["seats_total"] - area["seats_free"] for area in tiles)


@pytest.mark.parametrize(
    "killed", [False, pytest.param(True, marks=pytest.mark.whole)], ids=["stops", "was killed"]
)
async def test_invented_readers_follow_the_rules_and_are_deleted_completely(
    service: Living, writer: HistoryWriter, killed: bool
) -> None:
    """Killed generator processes print nothing, and the test waits some seconds for them."""
    reader = await service.reader()
    own = await reader.reserve(start="14:00", end="16:00")
    await service.jump("11:20")
    before = await taken(reader)
    visits = await begun(service, writer)
    await service.settle()
    rows = [from_document(row) async for row in service.db["reservations"].find({})]
    (mine,) = (r.span for r in rows if r.id == own["id"])
    invented = [r for r in rows if r.id != own["id"]]
    per_day = Counter(r.date for r in invented)
    assert len(per_day) >= DAYS + 1
    past = [n for day, n in per_day.items() if day.isoformat() < service.today]
    assert len(past) == DAYS and all(0.6 * A_DAY < n < 1.5 * A_DAY for n in past)
    today = [r for r in invented if r.date.isoformat() == service.today]
    assert {r.state for r in today} >= {
        ReservationState.RESERVED, ReservationState.IN_USE, ReservationState.FINISHED
    }  # fmt: skip
    # Nobody sits on two seats, no seat has two, and what lives is guarded by its claims.
    assert await service.inside.stored.reservations.find_double_bookings() == []
    for r in today:
        if r.state in (ReservationState.RESERVED, ReservationState.IN_USE):
            assert set(slot_claims(ZONE, r.seat_id, r.reader_id, r.span)) <= set(r.claims)
    assert not any(r.seat_id == SEAT and r.span.overlaps(mine) for r in invented)
    assert await service.db["daily_statistics"].count_documents({}) >= 18 * DAYS
    assert await service.db["waitlist"].count_documents({}) > 0
    assert await taken(reader) > before + 5
    assert len(visits) > len(today), "some come later"

    # The first move of the clock: they are gone, and what is somebody's own is there.
    if not killed:
        await SandboxState(service.db).note_stopped(writer.id, [])
    await service.move(timedelta(minutes=1))
    left = await service.db["reservations"].find({}).to_list(None)
    assert [row["_id"] for row in left] == [own["id"]]
    theirs = {"reader": {"$ne": reader.reader_id}}
    assert [await service.db[name].count_documents(theirs) for name in OF_READERS] == [0] * 4
    assert await service.db["daily_statistics"].count_documents({}) == 0
    assert await service.db["readers"].count_documents({}) == 1
    assert await taken(reader) == before


@pytest.mark.whole
async def test_invented_readers_act_through_the_services_own_features(
    service: Living, writer: HistoryWriter
) -> None:
    async def time_passes(seconds: float) -> None:
        service.clock.offset += timedelta(seconds=seconds)

    service.forward_clock.end()
    library = LivingLibrary(service.app, writer, seed=4, sleep=time_passes)
    visits = await library.begin(A_DAY, DAYS)
    later = [v for v in visits if v.times.booked > service.clock.now()]
    ends = {ReservationState.FINISHED: "finish", ReservationState.CANCELLED: "cancel"}
    for ending, last in ends.items():
        visit = next(v for v in later if v.ending is ending and v.times.left is None)
        service.clock.set(visit.times.booked - timedelta(minutes=1))
        await library.play(visit, service.clock.now())
        row = await service.db["reservations"].find_one(
            {"reader": visit.reader_id, "seat": visit.seat_id, "state": ending.value}
        )
        assert row is not None and row["history"][-1]["event"] == last
    # It is over: who notices writes nothing more.
    state = SandboxState(service.db)
    await state.note_stopped(writer.id, library.readers)
    assert await state.end_life()
    with pytest.raises(LifeIsOver):
        await library.play(later[-1], service.clock.now())
    assert await service.db["reservations"].count_documents({}) == 0


@pytest.mark.whole
async def test_invented_readers_start_only_in_an_unused_sandbox_at_real_time(
    service: Living, writer: HistoryWriter
) -> None:
    state, now = SandboxState(service.db), service.clock.now()
    assert not await state.may_live(), "the clock was moved"
    await state.set_offset(timedelta())
    assert await state.may_live()
    await begun(service, writer)
    # The demo was killed and starts again: the readers of before go, and others may come.
    assert await state.may_live()
    assert await service.db["reservations"].count_documents({}) == 0
    reader = await service.reader()
    service.forward_clock.end()
    service.clock.set(now)
    await reader.reserve()
    assert not await state.may_live(), "somebody has a history of their own here"
