"""Changes out of order, ended bookings, and incremental updates of a view."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.kernel.errors import Unavailable
from models.kernel.ids import ReservationId
from models.kernel.time_range import TimeRange
from models.library.entities import SeatId
from models.occupancy.live import REMEMBER_S, LiveOccupancy
from models.occupancy.occupancy import LOG_KEPT, DayOccupancy, MissingRevision
from models.policy.entities import Policy
from models.policy.open_hours import open_hours
from models.reservation_store.change_stream_repository import ChangeBatch
from models.reservations.entities import Reservation
from models.reservations.occupancy_rows import Change, OccupancyRow, RowRemoval, RowUpdate
from models.reservations.state_machine import ReservationState
from models.seat_map.area_view import AreaMap
from models.seat_map.availability import MapQuery, SeatState, SeatStatus, count_area, seat_state
from tests.builders import AREA, MONDAY, TOMORROW, VENUE, ZHANG, ZONE, on, reserved
from tests.unit.occupancy_database import (
    AN_AREA,
    DAY,
    HOURS,
    READERS,
    SEATS,
    Database,
    Rows,
    Told,
    row_of,
)


def row(
    rev: int, state: ReservationState = ReservationState.RESERVED, seat: SeatId = SEATS[0]
) -> OccupancyRow:
    return OccupancyRow.of(
        ReservationId("1"), rev, seat, ZHANG, state, on("10:00"), None, on("12:00")
    )


def patch(rev: int, **fields: object) -> RowUpdate:
    return RowUpdate(ReservationId("1"), rev, fields)


def test_late_repeated_and_missing_changes_are_handled() -> None:
    occupancy = DayOccupancy()
    assert occupancy.apply(row(1)) and not occupancy.apply(row(1))
    with pytest.raises(MissingRevision):
        occupancy.apply(patch(3, end=on("13:00")))
    assert occupancy.apply(row(3)) and not occupancy.apply(patch(2, state=ReservationState.IN_USE))
    assert occupancy.apply(patch(9, state=ReservationState.FINISHED)), (
        "the end needs nothing of before"
    )
    assert not occupancy.apply(row(8)) and not occupancy.rows and not occupancy.by_seat

    occupancy = DayOccupancy()
    assert not occupancy.apply(patch(2, seat_id=SEATS[1]))
    with pytest.raises(MissingRevision):
        occupancy.apply(row(1))  # the answer to the insert comes behind the echo of a change of it
    occupancy.load([row(2, seat=SEATS[1])])
    assert occupancy.by_seat == {SEATS[1]: [row(2, seat=SEATS[1])]}
    assert occupancy.apply(RowRemoval(ReservationId("1"))) and not occupancy.apply(row(5))


def test_an_outdated_load_is_corrected_by_the_next() -> None:
    occupancy = DayOccupancy()
    occupancy.apply(row(2))
    occupancy.load([])
    assert not occupancy.apply(row(2)) and not occupancy.rows, "a late echo"
    occupancy.load([row(2)])
    assert occupancy.by_seat == {SEATS[0]: [row(2)]}


class Waiting(Rows):
    """An insert whose answer comes late."""

    def __init__(self) -> None:
        super().__init__(Database())
        self.answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def insert(self, made: Reservation) -> None:
        await self.answer


async def test_a_booking_cancelled_before_its_insert_is_answered_leaves_no_row() -> None:
    """A new process has not loaded the day yet. Another worker has returned the reservation to the
    reader by its key and cancelled it."""
    rows, changes = Waiting(), Told()
    occupancy = LiveOccupancy(rows, changes)
    following = asyncio.create_task(occupancy.follow_changes())
    made = reserved("10:00", "12:00", day=DAY)

    async def insert() -> None:
        with occupancy.inserting(DAY):
            await rows.insert(made)
        occupancy.record_write(made)

    inserting = asyncio.create_task(insert())
    await asyncio.sleep(0)
    cancelled = RowUpdate(made.id, 2, {"state": ReservationState.CANCELLED})
    changes.told.put_nowait(ChangeBatch([(None, cancelled)], monotonic(), True))
    await asyncio.sleep(0.01)
    looking = asyncio.create_task(occupancy.get_day(DAY))
    await asyncio.sleep(0)
    rows.asked[0].set_result([])
    await looking
    rows.answer.set_result(None)
    await inserting
    judging = occupancy.authoritative_day(DAY)
    assert judging is not None and not judging.rows and not judging.by_reader
    following.cancel()


@pytest.mark.parametrize(
    "error", [Unavailable(), asyncio.CancelledError()], ids=["lost", "cut off"]
)
async def test_an_insert_of_unknown_outcome_forces_a_reload(error: BaseException) -> None:
    rows, changes = Waiting(), Told()
    occupancy = LiveOccupancy(rows, changes)
    following = asyncio.create_task(occupancy.follow_changes())
    changes.told.put_nowait(ChangeBatch([], monotonic(), True))
    await asyncio.sleep(0.01)
    looking = asyncio.create_task(occupancy.get_day(DAY))
    await asyncio.sleep(0)
    rows.asked[0].set_result([])
    await looking
    with pytest.raises(type(error)), occupancy.inserting(DAY):
        raise error
    assert occupancy.current(DAY) is None and changes.writer == rows.writer != "me"
    following.cancel()


async def test_the_memory_of_ended_bookings_is_bounded() -> None:
    """Ten days of a busy library: only bookings ended in the last few minutes are remembered."""
    now = 1000.0
    rows, changes = Rows(Database()), Told()
    occupancy = LiveOccupancy(rows, changes, lambda: now)
    following = asyncio.create_task(occupancy.follow_changes())
    for day in (DAY, TOMORROW):
        looking = asyncio.create_task(occupancy.get_day(day))
        await asyncio.sleep(0)
        rows.asked[-1].set_result([])
        await looking
    sizes = []
    for number in range(2000):
        made = reserved("10:00", "12:00", id=f"{number:024x}", day=DAY)
        changes_told: list[tuple[str | None, Change]] = [(DAY.isoformat(), row_of(made))]
        changes_told += [(None, RowUpdate(made.id, 2, {"state": ReservationState.IN_USE}))]
        changes_told += [(None, RowUpdate(made.id, 3, {"state": ReservationState.FINISHED}))]
        changes.told.put_nowait(ChangeBatch(changes_told, now))
        now += 5
        for _ in range(3):
            await asyncio.sleep(0)
        sizes.append(sum(day.occupancy.remembered for day in occupancy._days.values()))
    assert not occupancy._days[DAY].occupancy.rows
    lately = 2 * REMEMBER_S / 5
    assert max(sizes) <= 2 * (lately + 2) and max(sizes) == max(sizes[:100])
    # What ended a moment ago is known to have: its echo revives nothing.
    changes.told.put_nowait(ChangeBatch([(DAY.isoformat(), row_of(made))], now))
    await asyncio.sleep(0.01)
    assert not occupancy._days[DAY].occupancy.rows
    following.cancel()


def test_a_view_too_far_behind_needs_a_full_load() -> None:
    occupancy = DayOccupancy()
    for rev in range(1, LOG_KEPT + 3):  # two entries each: from the seat, to the seat
        occupancy.apply(row(rev))
    assert occupancy.since(0) is None
    assert occupancy.since(occupancy.version) == []
    assert occupancy.since(occupancy.version - 1) == [SEATS[0]]


async def test_one_failed_load_answers_all_waiting_callers() -> None:
    """Sequential attempts of each caller would make the last one wait for minutes."""
    rows = Rows(Database())
    occupancy = LiveOccupancy(rows, Told())
    waiting = [asyncio.create_task(occupancy.get_day(DAY)) for _ in range(50)]
    await asyncio.sleep(0)
    rows.asked[0].set_exception(Unavailable())
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(r) for r in results] == [Unavailable] * 50 and len(rows.asked) == 1
    later = asyncio.create_task(occupancy.get_day(DAY))
    await asyncio.sleep(0)
    rows.asked[1].set_result([])
    assert (await later).rows == {}


# --- what is shown of it ------------------------------------------------------------------------

POLICY = Policy()
OTHERS_SEAT = SeatId("3f-hall-001")


def look_at(now: datetime, span: TimeRange | None, tomorrow: bool) -> MapQuery:
    day = TOMORROW if tomorrow else MONDAY
    return MapQuery(ZONE, day, span, POLICY, open_hours(ZONE, POLICY, day, VENUE, AREA), now)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_an_incrementally_updated_view_equals_a_new_one(data: st.DataObject) -> None:
    tomorrow = data.draw(st.booleans())
    day = TOMORROW if tomorrow else MONDAY
    span = None
    if data.draw(st.booleans()):
        span = TimeRange(on("10:00", day), on("12:00", day))
    occupancy, view = DayOccupancy(), AreaMap(AN_AREA)
    now, revs = on("08:00"), [0] * 8
    look = look_at(now, span, tomorrow)
    previous: list[SeatState] = []
    version = 0
    for _ in range(data.draw(st.integers(1, 12))):
        for _ in range(data.draw(st.integers(0, 3))):
            number = data.draw(st.integers(0, 7))
            revs[number] += 1
            begin = data.draw(st.integers(0, 11))
            occupancy.apply(
                OccupancyRow.of(
                    ReservationId(f"{number}.{data.draw(st.integers(0, 1))}"),
                    sum(revs),
                    data.draw(st.sampled_from([*SEATS, OTHERS_SEAT])),
                    data.draw(st.sampled_from(READERS)),
                    data.draw(st.sampled_from(sorted(ReservationState))),
                    on(HOURS[begin], day),
                    None,
                    on(HOURS[begin + data.draw(st.integers(1, 2))], day),
                )
            )
        if data.draw(st.booleans()):
            now += timedelta(minutes=data.draw(st.sampled_from([1, 30, 61])))
            look = look_at(now, span, tomorrow)
        if not data.draw(st.integers(0, 5)):
            other = DayOccupancy()  # the day was dropped and loaded anew
            other.load(occupancy.rows.values())
            occupancy = other
        view.refresh(occupancy, look)
        fresh = AreaMap(AN_AREA)
        fresh.refresh(occupancy, look)
        assert view.views == fresh.views
        if previous:
            differ = [p for p, seen in enumerate(previous) if seen != view.views[p]]
            assert view.changed_since(version) == differ
        else:
            assert view.changed_since(0) == list(range(len(AN_AREA.seats)))
        assert view.count == count_area(fresh.views) and view.count.disabled >= 1
        for reader in READERS:
            mine = [
                (place, seen)
                for place, seat in enumerate(AN_AREA.seats)
                for seen in [seat_state(seat, occupancy.by_seat.get(seat.id, ()), look, reader)]
                if seen.status is SeatStatus.MINE
            ]
            assert view.overlay_for(reader, granted=False) == mine
        previous, version = list(view.views), view.version
