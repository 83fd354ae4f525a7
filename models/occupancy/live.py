"""The occupancy of this worker: every day that is looked at, kept up to date in memory.

A day is loaded once. From then on this worker's own writes are seen at once and all others through
the change stream. While the stream is silent for too long the occupancy is stale: reads load the
day anew, at most twice a second, so that the service goes on with what the database says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, time
from time import monotonic
from typing import Final

from models.kernel.errors import Unavailable
from models.kernel.time_range import local_instant
from models.occupancy.joined import JoinedOccupancy, OccupancyView
from models.occupancy.occupancy import DayOccupancy, MissingRevision
from models.reservation_store.change_stream_repository import ReservationChangeStream
from models.reservation_store.repository import ReservationRepository
from models.reservations.entities import Reservation
from models.reservations.errors import ClaimLost, StaleRevision
from models.reservations.occupancy_rows import Change, OccupancyRow
from models.storage.mongo import new_id

REFUSE_WITHIN_S: Final = 0.25
"""A refusal from the occupancy alone is right if the seat was taken at some moment of this time."""
STALE_AFTER_S: Final = 2.0
RELOAD_AFTER_S: Final = 0.5
_DAYS_KEPT: Final = 18
"""More than can be booked ahead, with the days beside; what is past is asked for no more, and goes
first."""
REMEMBER_S: Final = 240.0
"""Longer than any write can wait for its answer, also one that no request waits for any more: the
driver tries to commit for 120 s, its last attempt takes 20 s (2 s for a primary and 8 s for an
answer, twice), and so does each of the three that settle an unknown outcome. What has ended is
remembered for so long, and for twice as long at most."""
_NEVER: Final = float("-inf")


@dataclass(slots=True)
class _CachedDay:
    occupancy: DayOccupancy = field(default_factory=DayOccupancy)
    loaded_at: float = _NEVER
    failed_at: float = _NEVER
    valid: bool = False
    # How often it was found to be doubtful: a load that began before says nothing any more.
    uncertain_count: int = 0
    # What happens while the day is being loaded, to be applied to what the load brings.
    buffered_changes: list[Change] | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def complete(self) -> bool:
        """All that was told is in it."""
        return self.valid and self.buffered_changes is None

    def mark_uncertain(self) -> None:
        self.valid = False
        self.uncertain_count += 1


class LiveOccupancy:
    def __init__(
        self,
        reservations: ReservationRepository,
        changes: ReservationChangeStream,
        clock: Callable[[], float] = monotonic,
        joined_days: Callable[[date], tuple[date, ...]] = lambda day: (day,),
    ) -> None:
        """``joined_days``: the day and those beside it whose bookings can meet its own."""
        self._reservations = reservations
        self._clock = clock
        self._forgot_at = clock()
        self._changes = changes
        self._joined_days = joined_days
        self._days: dict[date, _CachedDay] = {}
        self._joined: dict[date, JoinedOccupancy] = {}
        self._as_of = self._asked_at = _NEVER
        self._listeners: list[Callable[[], None]] = []

    @property
    def is_stale(self) -> bool:
        """The change stream has been silent for too long."""
        return self._clock() - self._as_of > STALE_AFTER_S

    @property
    def behind_s(self) -> float:
        """How old what the change stream has told is; infinite before it has told anything."""
        return self._clock() - self._as_of

    def follow(self) -> None:
        """What others write is wanted soon, though nobody looks at a day: call it every second."""
        self._changes.follow()

    def subscribe(self, changed: Callable[[], None]) -> None:
        """Call ``changed`` after each change, own or foreign. It must be quick."""
        self._listeners.append(changed)

    # --- reading --------------------------------------------------------------------------------

    def current(self, day: date) -> OccupancyView | None:
        """The day without waiting, where it is loaded, followed at this moment and not stale."""
        if not self._changes.look() or self.is_stale:
            return None
        return self._view(day)

    def _view(self, day: date) -> OccupancyView | None:
        """The day with those that it is joined with; None where one of them misses something."""
        days = self._joined_days(day)
        if len(days) == 1:
            alone = self._days.get(day)
            return alone.occupancy if alone is not None and alone.complete else None
        parts = []
        for each in days:
            known = self._days.get(each)
            if known is None or not known.complete:
                return None
            parts.append(known.occupancy)
        return self._join(day, days, parts)

    def _join(
        self, day: date, days: Sequence[date], parts: Sequence[DayOccupancy]
    ) -> OccupancyView:
        """One view of the day while its ``parts`` are the same: what follows it relies on that."""
        if len(parts) == 1:
            return parts[0]
        view = self._joined.get(day)
        if view is None or [*map(id, view.parts)] != [*map(id, parts)]:
            before, others = (parts[0], parts[1:]) if days[0] < day else (None, parts)
            view = self._joined[day] = JoinedOccupancy(local_instant(day, time(0)), before, others)
        return view

    def authoritative_day(self, day: date) -> OccupancyView | None:
        """The day where the occupancy alone may refuse: all that was true a moment ago is in it.

        A booking alone wakes no stream that rests, as the index costs it less: the second one
        within that moment does.
        """
        now = self._clock()
        if now - self._asked_at <= REFUSE_WITHIN_S:
            self._changes.look()
        self._asked_at = now
        return None if now - self._as_of > REFUSE_WITHIN_S else self._view(day)

    async def get_day(self, day: date) -> OccupancyView:
        """The day, loaded if need be. Raises: Unavailable."""
        if (occupancy := self.current(day)) is not None:
            return occupancy
        await self._changes.wake()
        days = self._joined_days(day)
        loaded = [await self._loaded_day(each) for each in days]
        while len(self._days) > _DAYS_KEPT:
            gone = next(iter(self._days))
            self._days.pop(gone)
            self._joined.pop(gone, None)
        return self._join(day, days, loaded)

    async def _loaded_day(self, day: date) -> DayOccupancy:
        """Raises: Unavailable."""
        known, asked = self._days.setdefault(day, _CachedDay()), self._clock()
        async with known.lock:
            if known.failed_at > asked:
                # Each waiting for its own failure, the last would wait for ever.
                raise Unavailable()
            reload_before = self._clock() - RELOAD_AFTER_S
            if not known.valid or (self.is_stale and known.loaded_at < reload_before):
                await self._load(day, known)
        return known.occupancy

    async def _load(self, day: date, known: _CachedDay) -> None:
        began, known.buffered_changes, doubts = self._clock(), [], known.uncertain_count
        try:
            known.occupancy.load(await self._reservations.occupancy_rows(day))
            known.loaded_at, known.valid = began, known.uncertain_count == doubts
        except Unavailable:
            known.failed_at = self._clock()
            raise
        finally:
            meanwhile, known.buffered_changes = known.buffered_changes, None
            for change in meanwhile:
                self._apply(known, change)
        self._notify_listeners()

    # --- writing --------------------------------------------------------------------------------

    @contextmanager
    def inserting(self, day: date) -> Iterator[None]:
        """Around every write that inserts into that day: where its outcome stays open, the day is
        looked at anew."""
        # Known from now on, also where nobody has looked at it: what others make of the row, and
        # that it has ended, may be heard before the answer to its own insert.
        if day not in self._days:
            self._days[day] = _CachedDay()
        try:
            yield
        except (ClaimLost, StaleRevision):
            raise
        except BaseException:
            self._mark_uncertain(day)
            raise

    def _mark_uncertain(self, day: date) -> None:
        """An insert may be there, or come yet, and the stream leaves out what this process inserts:
        look at the day, and from now on let the stream tell what was inserted until now."""
        self._reservations.writer = self._changes.writer = new_id()
        if (known := self._days.get(day)) is not None:
            known.mark_uncertain()

    def record_write(self, r: Reservation) -> None:
        """This worker has written the reservation: the next look shows it."""
        row = OccupancyRow.of(
            r.id, r.rev, r.seat_id, r.reader_id, r.state, r.start, r.available_from, r.end
        )
        self._take(r.date, row)
        self._notify_listeners()

    def invalidate(self) -> None:
        """Everything may have changed: load anew what is asked for."""
        for known in self._days.values():
            known.mark_uncertain()
        self._notify_listeners()

    async def follow_changes(self) -> None:
        """Take in what others write, until cancelled."""
        async for batch in self._changes.batches():
            if batch.reload_required:
                self.invalidate()
            for day, change in batch.changes:
                self._take(date.fromisoformat(day) if day else None, change)
            if batch.complete_until is not None:
                self._as_of = batch.complete_until
            if batch.changes:
                self._notify_listeners()
            if self._clock() - self._forgot_at >= REMEMBER_S:
                self._forgot_at = self._clock()
                for known in self._days.values():
                    known.occupancy.forget_older()

    def _take(self, day: date | None, change: Change) -> None:
        """``day`` None: an update of a reservation that one of the days may know."""
        for at, known in self._days.items():
            if day is not None and at != day:
                continue
            if known.buffered_changes is not None:
                known.buffered_changes.append(change)
            else:
                # Where the day waits for its load too: what has ended must not come back by the
                # late answer to a write.
                self._apply(known, change)

    def _apply(self, known: _CachedDay, change: Change) -> None:
        try:
            known.occupancy.apply(change)
        except MissingRevision:
            known.mark_uncertain()

    def _notify_listeners(self) -> None:
        for changed in self._listeners:
            changed()
