"""The occupancy equals the database after any history, with changes arriving in any possible
order."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from time import monotonic
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from models.kernel.errors import Unavailable
from models.kernel.ids import ReaderId
from models.library.entities import SeatId
from models.occupancy.live import LiveOccupancy
from models.occupancy.occupancy import DayOccupancy
from models.reservation_store.change_stream_repository import ChangeBatch
from models.reservations.entities import Reservation
from models.reservations.occupancy_rows import Change, OccupancyRow
from models.reservations.state_machine import LIVE, ReservationState
from tests.builders import TOMORROW, reserved
from tests.unit.occupancy_database import DAY, HOURS, READERS, SEATS, Database, Rows, Told


class Following(RuleBasedStateMachine):
    """One worker's occupancy. Other workers write too; their changes arrive late, repeated, and in
    stream order; answers to its own writes arrive in any order, early or very late."""

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.database, self.changes = Database(), Told()
        self.rows = Rows(self.database)
        self.occupancy = LiveOccupancy(self.rows, self.changes)
        self.tasks = [self.loop.create_task(self.occupancy.follow_changes())]
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
        """Repeats the last batches, as after a break of the stream."""
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
        self.occupancy.record_write(r)

    @rule()
    def forget(self) -> None:
        self.occupancy.invalidate()

    @precondition(lambda self: not self.unanswered)
    @rule()
    def much_later(self) -> None:
        """Lets so much time pass that all answers arrived long ago."""
        for day in self.occupancy._days.values():
            day.occupancy.forget_older()

    @rule()
    def look(self) -> None:
        self.tasks.append(self.loop.create_task(self.look_once()))
        self.step()

    async def look_once(self) -> None:
        try:
            await self.occupancy.get_day(DAY)
        except Unavailable:
            assert self.occupancy.current(DAY) is None

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
        self.rows.asked[-1].set_exception(Unavailable())
        self.snapshot = None
        self.step()

    # --- what must hold -----------------------------------------------------------------------

    @rule()
    def settle(self) -> None:
        """Delivers all changes and answers: the occupancy equals the database, and its two indexes
        agree."""
        for r in self.unanswered:
            self.occupancy.record_write(r)
        self.unanswered.clear()
        self.tell(self.database.stream[self.heard :])
        self.heard = len(self.database.stream)
        for _ in range(4):
            self.look()
            if self.loading:
                self.rows.asked[-1].set_result(list(self.database.rows.values()))
                self.snapshot = None
                self.step()
        occupancy = self.occupancy.current(DAY)
        assert occupancy is not None and occupancy.rows == self.database.rows
        judging = self.occupancy.authoritative_day(DAY)
        assert judging is None or judging is occupancy

    @invariant()
    def indexes_agree_and_since_names_what_changed(self) -> None:
        day = self.occupancy._days.get(DAY) if hasattr(self, "occupancy") else None
        if day is None:
            return
        occupancy = day.occupancy
        rows = sorted(occupancy.rows.values(), key=lambda r: r.id)
        for lists, key in ((occupancy.by_seat, "seat_id"), (occupancy.by_reader, "reader_id")):
            rows_found = []
            for at, held in lists.items():
                assert held and all(getattr(r, key) == at for r in held)
                assert [(r.start, r.end) for r in held] == sorted((r.start, r.end) for r in held)
                rows_found += held
            assert sorted(rows_found, key=lambda r: r.id) == rows
        seats = {seat: list(held) for seat, held in occupancy.by_seat.items()}
        if self.before is not None and self.before[0] is occupancy:
            _, version, then = self.before
            changed = {s for s in SEATS if then.get(s) != seats.get(s)}
            named = occupancy.since(version)
            assert named is not None and changed <= set(named)
            assert not changed or occupancy.version > version
        self.before = occupancy, occupancy.version, seats


TestFollowing = Following.TestCase
TestFollowing.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
