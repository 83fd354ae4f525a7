"""The board after any history, told in any order that can happen, is what the database holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from models.kernel.errors import ServiceUnavailable
from models.kernel.ids import ReaderId, ReservationId
from models.kernel.time_range import TimeRange
from models.library.entities import Area, Seat, SeatId
from models.policy.entities import Policy
from models.reservations.change_stream_repository import ChangeBatch, ReservationChangeStream
from models.reservations.entities import Reservation
from models.reservations.live_occupancy import REMEMBER_S, LiveOccupancy
from models.reservations.occupancy import (
    LOG_KEPT,
    Change,
    DayOccupancy,
    MissingRevision,
    OccupancyRow,
    RowRemoval,
    RowUpdate,
)
from models.reservations.repository import ReservationRepository
from models.reservations.state_machine import LIVE, ReservationState
from models.seat_map.area_view import AreaMap
from models.seat_map.availability import MapQuery, SeatState, SeatStatus, count_area, seat_state
from tests.builders import AREA, LI, MONDAY, TOMORROW, VENUE, ZHANG, on, reserved

SEATS = tuple(SeatId(f"2f-hall-{number:03d}") for number in range(1, 5))
READERS = (ZHANG, LI, ReaderId("c" * 24))
HOURS = [f"{hour:02}:00" for hour in range(8, 22)]
DAY = MONDAY


def row_of(r: Reservation) -> OccupancyRow:
    return OccupancyRow.of(
        r.id, r.rev, r.seat_id, r.reader_id, r.state, r.start, r.available_from, r.end
    )


class Rows(ReservationRepository):
    """A load that is answered when the test says so, by what the database holds at some moment."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.asked: list[asyncio.Future[list[OccupancyRow]]] = []
        self.writer = "me"

    async def board_rows(self, _: object) -> list[OccupancyRow]:
        self.asked.append(asyncio.get_running_loop().create_future())
        return await self.asked[-1]


class Told(ReservationChangeStream):
    def __init__(self) -> None:
        self.told: asyncio.Queue[ChangeBatch] = asyncio.Queue()
        self.writer = "me"

    async def batches(self) -> AsyncIterator[ChangeBatch]:
        while True:
            yield await self.told.get()


@dataclass
class Database:
    """Documents as they were committed, and the stream of what a follower is told of them."""

    now: dict[ReservationId, Reservation] = field(default_factory=dict)
    stream: list[tuple[str | None, Change]] = field(default_factory=list)

    def insert(self, r: Reservation, own: bool) -> None:
        self.now[r.id] = r
        if not own:  # the stream leaves out what this process inserts
            self.stream.append((r.date.isoformat(), row_of(r)))

    def update(self, new: Reservation) -> None:
        old = self.now[new.id]
        names = ("seat_id", "state", "available_from", "end")
        fields = {n: getattr(new, n) for n in names if getattr(new, n) != getattr(old, n)}
        if new.start != old.start:
            fields["booked_start"] = new.start
        self.now[new.id] = new
        self.stream.append((None, RowUpdate(new.id, new.rev, fields)))

    def delete(self, id: ReservationId) -> None:
        del self.now[id]
        self.stream.append((None, RowRemoval(id)))

    @property
    def rows(self) -> dict[ReservationId, OccupancyRow]:
        live = (r for r in self.now.values() if r.state in LIVE and r.date == DAY)
        return {r.id: row_of(r) for r in live}


class Following(RuleBasedStateMachine):
    """One worker's board. Others write too; what the board hears of it comes late, twice, and in
    the stream's order; the answers to its own writes come in any order, early or very late."""

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.database, self.changes = Database(), Told()
        self.rows = Rows(self.database)
        self.board = LiveOccupancy(self.rows, self.changes)
        self.tasks = [self.loop.create_task(self.board.follow_changes())]
        self.heard = 0
        self.unanswered: list[Reservation] = []
        self.snapshot: list[OccupancyRow] | None = None
        self.number = 0
        self.before: tuple[DayOccupancy, int, dict[SeatId, list[OccupancyRow]]] | None = None
        self.tell([], anew=True)
        self.settle()

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        self.settle()
        for task in self.tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*self.tasks, return_exceptions=True))
        self.loop.close()

    def step(self) -> None:
        for _ in range(6):
            self.loop.run_until_complete(asyncio.sleep(0))

    def tell(self, changes: list[tuple[str | None, Change]], anew: bool = False) -> None:
        self.changes.told.put_nowait(ChangeBatch(changes, monotonic(), anew))
        self.step()

    # --- what is written ----------------------------------------------------------------------

    @rule(
        own=st.booleans(),
        seat=st.sampled_from(SEATS),
        reader=st.sampled_from(READERS),
        hours=st.tuples(st.integers(0, 9), st.integers(1, 4)),
        day=st.sampled_from([DAY, DAY, DAY, TOMORROW]),
    )
    def book(self, own: bool, seat: str, reader: ReaderId, hours: Any, day: Any) -> None:
        self.number += 1
        start, end = HOURS[hours[0]], HOURS[hours[0] + hours[1]]
        id = f"{self.number:024x}"
        made = reserved(start, end, id=id, seat=seat, reader=reader, day=day, made="07:00")
        self.database.insert(made, own)
        if own:
            self.unanswered.append(made)

    @precondition(lambda self: self.alterable)
    @rule(
        data=st.data(),
        own=st.booleans(),
        how=st.sampled_from(["seat", "time", "in", "early", "out", "end", "fence"]),
    )
    def alter(self, data: st.DataObject, own: bool, how: str) -> None:
        r = data.draw(st.sampled_from(self.alterable))
        new = replace(r, rev=r.rev + 1)
        if how == "seat":
            new = replace(new, seat_id=data.draw(st.sampled_from(SEATS)))
        elif how == "time":
            new = replace(new, start=r.start + timedelta(hours=1), end=r.end + timedelta(hours=2))
        elif how == "in":
            new = replace(new, state=ReservationState.IN_USE, available_from=r.start)
        elif how == "early":
            early = r.start - timedelta(minutes=17, seconds=5)
            new = replace(new, state=ReservationState.IN_USE, available_from=early)
        elif how == "out":
            new = replace(new, state=ReservationState.AWAY)
        elif how == "end":
            new = replace(
                new, state=data.draw(st.sampled_from(sorted(set(ReservationState) - LIVE)))
            )
        self.database.update(new)
        if own:
            self.unanswered.append(new)

    @property
    def alterable(self) -> list[Reservation]:
        return [r for r in self.database.now.values() if r.state in LIVE]

    @precondition(lambda self: self.database.now)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self.database.delete(data.draw(st.sampled_from(sorted(self.database.now))))

    # --- what is heard ------------------------------------------------------------------------

    @precondition(lambda self: self.heard < len(self.database.stream))
    @rule(number=st.integers(1, 4))
    def hear(self, number: int) -> None:
        self.tell(self.database.stream[self.heard : self.heard + number])
        self.heard = min(self.heard + number, len(self.database.stream))

    @rule(number=st.integers(1, 6))
    def hear_again(self, number: int) -> None:
        """The stream broke before the last batches counted as taken."""
        self.heard = max(0, self.heard - number)

    @precondition(lambda self: not self.unanswered)
    @rule()
    def lose_history(self) -> None:
        self.heard = len(self.database.stream)
        self.tell([], anew=True)

    @precondition(lambda self: self.unanswered)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        r = data.draw(st.sampled_from(self.unanswered))
        self.unanswered.remove(r)
        self.board.record_write(r)

    @rule()
    def forget(self) -> None:
        self.board.invalidate()

    @precondition(lambda self: not self.unanswered)
    @rule()
    def much_later(self) -> None:
        """All answers have come long ago."""
        for known in self.board._days.values():
            known.board.forget_older()

    @rule()
    def look(self) -> None:
        self.tasks.append(self.loop.create_task(self.look_once()))
        self.step()

    async def look_once(self) -> None:
        try:
            await self.board.get_day(DAY)
        except ServiceUnavailable:
            assert self.board.current(DAY) is None

    @property
    def loading(self) -> bool:
        return bool(self.rows.asked) and not self.rows.asked[-1].done()

    @precondition(lambda self: self.loading and self.snapshot is None)
    @rule()
    def read(self) -> None:
        self.snapshot = list(self.database.rows.values())

    @precondition(lambda self: self.loading and self.snapshot is not None)
    @rule()
    def come_in(self) -> None:
        assert self.snapshot is not None
        self.rows.asked[-1].set_result(self.snapshot)
        self.snapshot = None
        self.step()

    @precondition(lambda self: self.loading)
    @rule()
    def fail(self) -> None:
        self.rows.asked[-1].set_exception(ServiceUnavailable())
        self.snapshot = None
        self.step()

    # --- what must hold -----------------------------------------------------------------------

    @rule()
    def settle(self) -> None:
        """All is heard and answered: the board is the database, and its two indexes agree."""
        for r in self.unanswered:
            self.board.record_write(r)
        self.unanswered.clear()
        self.tell(self.database.stream[self.heard :])
        self.heard = len(self.database.stream)
        for _ in range(4):
            self.look()
            if self.loading:
                self.rows.asked[-1].set_result(list(self.database.rows.values()))
                self.snapshot = None
                self.step()
        board = self.board.current(DAY)
        assert board is not None and board.rows == self.database.rows
        judging = self.board.authoritative_day(DAY)
        assert judging is None or judging is board

    @invariant()
    def indexes_agree_and_since_names_what_changed(self) -> None:
        known = self.board._days.get(DAY) if hasattr(self, "board") else None
        if known is None:
            return
        board = known.board
        rows = sorted(board.rows.values(), key=lambda r: r.id)
        for lists, key in ((board.by_seat, "seat_id"), (board.by_reader, "reader_id")):
            found = []
            for at, held in lists.items():
                assert held and all(getattr(r, key) == at for r in held)
                assert [(r.start, r.end) for r in held] == sorted((r.start, r.end) for r in held)
                found += held
            assert sorted(found, key=lambda r: r.id) == rows
        seats = {seat: list(held) for seat, held in board.by_seat.items()}
        if self.before is not None and self.before[0] is board:
            _, version, then = self.before
            changed = {s for s in SEATS if then.get(s) != seats.get(s)}
            named = board.since(version)
            assert named is not None and changed <= set(named)
            assert not changed or board.version > version
        self.before = board, board.version, seats


TestFollowing = Following.TestCase
TestFollowing.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def row(
    rev: int, state: ReservationState = ReservationState.RESERVED, seat: SeatId = SEATS[0]
) -> OccupancyRow:
    return OccupancyRow.of(
        ReservationId("1"), rev, seat, ZHANG, state, on("10:00"), None, on("12:00")
    )


def patch(rev: int, **fields: object) -> RowUpdate:
    return RowUpdate(ReservationId("1"), rev, fields)


def test_what_is_told_out_of_turn() -> None:
    board = DayOccupancy()
    assert board.apply(row(1)) and not board.apply(row(1))
    with pytest.raises(MissingRevision):
        board.apply(patch(3, end=on("13:00")))
    assert board.apply(row(3)) and not board.apply(patch(2, state=ReservationState.IN_USE))
    assert board.apply(patch(9, state=ReservationState.FINISHED)), "the end needs nothing of before"
    assert not board.apply(row(8)) and not board.rows and not board.by_seat

    board = DayOccupancy()
    assert not board.apply(patch(2, seat_id=SEATS[1]))
    with pytest.raises(MissingRevision):
        board.apply(row(1))  # the answer to the insert comes behind the echo of a change of it
    board.load([row(2, seat=SEATS[1])])
    assert board.by_seat == {SEATS[1]: [row(2, seat=SEATS[1])]}
    assert board.apply(RowRemoval(ReservationId("1"))) and not board.apply(row(5))


def test_a_load_that_was_too_old_is_made_good_by_the_next() -> None:
    board = DayOccupancy()
    board.apply(row(2))
    board.load([])
    assert not board.apply(row(2)) and not board.rows, "a late echo"
    board.load([row(2)])
    assert board.by_seat == {SEATS[0]: [row(2)]}


class Waiting(Rows):
    """An insert whose answer comes late."""

    def __init__(self) -> None:
        super().__init__(Database())
        self.answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def insert(self, made: Reservation) -> None:
        await self.answer


async def test_what_has_ended_before_its_insert_is_answered_leaves_no_ghost() -> None:
    """In a new process nobody has looked at the day yet. Another worker has given the reader the
    reservation by its key, and has cancelled it."""
    rows, changes = Waiting(), Told()
    board = LiveOccupancy(rows, changes)
    following = asyncio.create_task(board.follow_changes())
    made = reserved("10:00", "12:00", day=DAY)
    inserting = asyncio.create_task(board.insert(made))
    await asyncio.sleep(0)
    cancelled = RowUpdate(made.id, 2, {"state": ReservationState.CANCELLED})
    changes.told.put_nowait(ChangeBatch([(None, cancelled)], monotonic(), True))
    await asyncio.sleep(0.01)
    looking = asyncio.create_task(board.get_day(DAY))
    await asyncio.sleep(0)
    rows.asked[0].set_result([])
    await looking
    rows.answer.set_result(None)
    await inserting
    judging = board.authoritative_day(DAY)
    assert judging is not None and not judging.rows and not judging.by_reader
    following.cancel()


@pytest.mark.parametrize(
    "error", [ServiceUnavailable(), asyncio.CancelledError()], ids=["lost", "cut off"]
)
async def test_a_hold_whose_outcome_is_open_is_looked_for(error: BaseException) -> None:
    rows, changes = Waiting(), Told()
    board = LiveOccupancy(rows, changes)
    following = asyncio.create_task(board.follow_changes())
    changes.told.put_nowait(ChangeBatch([], monotonic(), True))
    await asyncio.sleep(0.01)
    looking = asyncio.create_task(board.get_day(DAY))
    await asyncio.sleep(0)
    rows.asked[0].set_result([])
    await looking
    with pytest.raises(type(error)), board.inserting(DAY):
        raise error
    assert board.current(DAY) is None and changes.writer == rows.writer != "me"
    following.cancel()


async def test_memory_does_not_follow_what_has_ended() -> None:
    """Ten days of a busy library: what is remembered is what ended in the last few minutes."""
    now = 1000.0
    rows, changes = Rows(Database()), Told()
    board = LiveOccupancy(rows, changes, lambda: now)
    following = asyncio.create_task(board.follow_changes())
    for day in (DAY, TOMORROW):
        looking = asyncio.create_task(board.get_day(day))
        await asyncio.sleep(0)
        rows.asked[-1].set_result([])
        await looking
    sizes = []
    for number in range(2000):
        made = reserved("10:00", "12:00", id=f"{number:024x}", day=DAY)
        told: list[tuple[str | None, Change]] = [(DAY.isoformat(), row_of(made))]
        told += [(None, RowUpdate(made.id, 2, {"state": ReservationState.IN_USE}))]
        told += [(None, RowUpdate(made.id, 3, {"state": ReservationState.FINISHED}))]
        changes.told.put_nowait(ChangeBatch(told, now))
        now += 5
        for _ in range(3):
            await asyncio.sleep(0)
        sizes.append(sum(known.board.remembered for known in board._days.values()))
    assert not board._days[DAY].board.rows
    lately = 2 * REMEMBER_S / 5
    assert max(sizes) <= 2 * (lately + 2) and max(sizes) == max(sizes[:100])
    # What ended a moment ago is known to have: its echo revives nothing.
    changes.told.put_nowait(ChangeBatch([(DAY.isoformat(), row_of(made))], now))
    await asyncio.sleep(0.01)
    assert not board._days[DAY].board.rows
    following.cancel()


def test_who_lies_too_far_behind_looks_at_everything() -> None:
    board = DayOccupancy()
    for rev in range(1, LOG_KEPT + 3):  # two entries each: from the seat, to the seat
        board.apply(row(rev))
    assert board.since(0) is None
    assert board.since(board.version) == []
    assert board.since(board.version - 1) == [SEATS[0]]


async def test_one_failed_load_answers_all_who_wait_for_it() -> None:
    """Each trying by itself, one after the other, the last of them would wait for minutes."""
    rows = Rows(Database())
    board = LiveOccupancy(rows, Told())
    waiting = [asyncio.create_task(board.get_day(DAY)) for _ in range(50)]
    await asyncio.sleep(0)
    rows.asked[0].set_exception(ServiceUnavailable())
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(r) for r in results] == [ServiceUnavailable] * 50 and len(rows.asked) == 1
    later = asyncio.create_task(board.get_day(DAY))
    await asyncio.sleep(0)
    rows.asked[1].set_result([])
    assert (await later).rows == {}


# --- what is shown of it ------------------------------------------------------------------------

AN_AREA = Area(
    AREA,
    VENUE,
    "二层中厅",
    2,
    1,
    100,
    100,
    (
        *(Seat(seat, AREA, seat[-3:], 0, 0) for seat in SEATS),
        Seat(SeatId("2f-hall-099"), AREA, "099", 0, 0, disabled="维修"),
    ),
    (),
)
POLICY = Policy()
OTHERS_SEAT = SeatId("3f-hall-001")


def look_at(now: datetime, span: TimeRange | None, tomorrow: bool) -> MapQuery:
    day = TOMORROW if tomorrow else MONDAY
    return MapQuery(day, span, POLICY, POLICY.day_hours(day, VENUE, AREA), now)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_view_mended_seat_by_seat_is_the_view_made_anew(data: st.DataObject) -> None:
    tomorrow = data.draw(st.booleans())
    day = TOMORROW if tomorrow else MONDAY
    span = None
    if data.draw(st.booleans()):
        span = TimeRange(on("10:00", day), on("12:00", day))
    board, view = DayOccupancy(), AreaMap(AN_AREA)
    now, revs = on("08:00"), [0] * 8
    look = look_at(now, span, tomorrow)
    known: list[SeatState] = []
    version = 0
    for _ in range(data.draw(st.integers(1, 12))):
        for _ in range(data.draw(st.integers(0, 3))):
            number = data.draw(st.integers(0, 7))
            revs[number] += 1
            begin = data.draw(st.integers(0, 11))
            board.apply(
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
            other.load(board.rows.values())
            board = other
        view.refresh(board, look)
        fresh = AreaMap(AN_AREA)
        fresh.refresh(board, look)
        assert view.views == fresh.views
        if known:
            differ = [p for p, seen in enumerate(known) if seen != view.views[p]]
            assert view.changed_since(version) == differ
        else:
            assert view.changed_since(0) == list(range(len(AN_AREA.seats)))
        assert view.count == count_area(fresh.views) and view.count.disabled >= 1
        for reader in READERS:
            mine = [
                (place, seen)
                for place, seat in enumerate(AN_AREA.seats)
                for seen in [seat_state(seat, board.by_seat.get(seat.id, ()), look, reader)]
                if seen.status is SeatStatus.MINE
            ]
            assert view.overlay_for(reader, granted=False) == mine
        known, version = list(view.views), view.version
