"""This worker's occupancy: the days that callers need, kept up to date in memory.

A day is loaded once. Then this worker's own writes are visible immediately, all others through the
change stream. If the stream is silent for too long, reads load the day again, at most twice a
second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from time import monotonic
from typing import Final

from models.kernel.errors import Unavailable
from models.occupancy.joined import JoinedOccupancy, OccupancyView
from models.occupancy.occupancy import DayOccupancy, MissingRevision
from models.reservation_store.change_stream_repository import ReservationChangeStream
from models.reservation_store.repository import ReservationRepository
from models.reservations.entities import Reservation
from models.reservations.errors import ClaimLost, StaleRevision
from models.reservations.occupancy_rows import Change, OccupancyRow
from models.reservations.party import Party
from models.storage.mongo import new_id

REFUSE_WITHIN_S: Final = 0.25
"""Seconds for which the occupancy is fresh enough to refuse bookings without the database."""
STALE_AFTER_S: Final = 2.0
RELOAD_AFTER_S: Final = 0.5
_DAYS_KEPT: Final = 18
"""At most this many days, more than can be booked, are in memory. The first loaded is dropped."""
REMEMBER_S: Final = 240.0
"""Ended reservations are remembered for at least this many seconds, so that a late report does
not revive them. A write waits for its answer for a shorter time: 120 s for tries to commit, 20 s
for the last try, and 20 s for each of three tries to settle an unknown outcome."""
_NEVER: Final = float("-inf")


@dataclass(slots=True)
class _CachedDay:
    occupancy: DayOccupancy = field(default_factory=DayOccupancy)
    loaded_at: float = _NEVER
    failed_at: float = _NEVER
    valid: bool = False
    # How often the day became doubtful. A load that began before the last time proves nothing.
    uncertain_count: int = 0
    # Changes that arrive during a load, to be applied to its result.
    buffered_changes: list[Change] | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def complete(self) -> bool:
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
        midnight: Callable[[date], datetime] | None = None,
    ) -> None:
        """``joined_days`` returns a day and each neighbour whose bookings can overlap the day's.
        ``midnight`` returns a day's first instant; needed if days are joined."""
        self._reservations = reservations
        self._clock = clock
        self._forgot_at = clock()
        self._changes = changes
        self._joined_days, self._midnight = joined_days, midnight
        self._days: dict[date, _CachedDay] = {}
        self._joined: dict[date, JoinedOccupancy] = {}
        self._as_of = self._asked_at = _NEVER
        self._listeners: list[Callable[[], None]] = []

    @property
    def is_stale(self) -> bool:
        return self._clock() - self._as_of > STALE_AFTER_S

    @property
    def behind_s(self) -> float:
        """The age in seconds of the change stream's last report; infinite before the first."""
        return self._clock() - self._as_of

    def follow(self) -> None:
        """Keeps the occupancy up to date even if no request uses it. To be called every second."""
        self._changes.follow()

    def subscribe(self, changed: Callable[[], None]) -> None:
        """Calls ``changed``, which must be quick, after any worker's change of the occupancy."""
        self._listeners.append(changed)

    # --- reading --------------------------------------------------------------------------------

    def current(self, day: date) -> OccupancyView | None:
        """The day's occupancy, without waiting for the database; None unless the day is loaded,
        its changes are being read frequently and it is not stale."""
        if not self._changes.look() or self.is_stale:
            return None
        return self._view(day)

    def _view(self, day: date) -> OccupancyView | None:
        """The day's occupancy, joined with neighbouring days whose bookings can overlap with it;
        None if any of these days is not completely loaded."""
        days = self._joined_days(day)
        if len(days) == 1:
            alone = self._days.get(day)
            return alone.occupancy if alone is not None and alone.complete else None
        parts = []
        for each in days:
            cached = self._days.get(each)
            if cached is None or not cached.complete:
                return None
            parts.append(cached.occupancy)
        return self._join(day, days, parts)

    def _join(
        self, day: date, days: Sequence[date], parts: Sequence[DayOccupancy]
    ) -> OccupancyView:
        """The day joined from ``parts``. A repeated call with the same ``parts`` objects returns
        the same joined object, so that callers can still ask for its changes since a version."""
        if len(parts) == 1:
            return parts[0]
        view = self._joined.get(day)
        if view is None or [*map(id, view.parts)] != [*map(id, parts)]:
            assert self._midnight is not None
            before, others = (parts[0], parts[1:]) if days[0] < day else (None, parts)
            view = self._joined[day] = JoinedOccupancy(self._midnight(day), before, others)
        return view

    def authoritative_day(self, day: date) -> OccupancyView | None:
        """The day's occupancy if it is fresh enough to refuse a booking, otherwise None. While
        the change stream is read only once a second, a single call does not make the reads
        frequent, since asking the database costs less. A second call within 0.25 s does."""
        now = self._clock()
        if now - self._asked_at <= REFUSE_WITHIN_S:
            self._changes.look()
        self._asked_at = now
        return None if now - self._as_of > REFUSE_WITHIN_S else self._view(day)

    async def get_day(self, day: date) -> OccupancyView:
        """The day's occupancy, loaded from the database if needed. Raises: Unavailable."""
        if (occupancy := self.current(day)) is not None:
            return occupancy
        await self._changes.wake()
        days = self._joined_days(day)
        loaded = [await self._loaded_day(each) for each in days]
        while len(self._days) > _DAYS_KEPT:
            oldest = next(iter(self._days))
            self._days.pop(oldest)
            self._joined.pop(oldest, None)
        return self._join(day, days, loaded)

    async def _loaded_day(self, day: date) -> DayOccupancy:
        cached, requested_at = self._days.setdefault(day, _CachedDay()), self._clock()
        async with cached.lock:
            if cached.failed_at > requested_at:
                # Otherwise each waiting request would wait for its own failed load, one after the
                # other.
                raise Unavailable()
            reload_before = self._clock() - RELOAD_AFTER_S
            if not cached.valid:
                async with self._changes.turn():
                    await self._load(day, cached)
            elif self.is_stale and cached.loaded_at < reload_before:
                await self._load(day, cached)
        return cached.occupancy

    async def _load(self, day: date, cached: _CachedDay) -> None:
        began, cached.buffered_changes, doubts = self._clock(), [], cached.uncertain_count
        try:
            cached.occupancy.load(await self._reservations.occupancy_rows(day))
            cached.loaded_at, cached.valid = began, cached.uncertain_count == doubts
        except Unavailable:
            cached.failed_at = self._clock()
            raise
        finally:
            meanwhile, cached.buffered_changes = cached.buffered_changes, None
            for change in meanwhile:
                self._apply(cached, change)
        self._notify_listeners()

    # --- writing --------------------------------------------------------------------------------

    @contextmanager
    def inserting(self, day: date) -> Iterator[None]:
        """Surrounds the insert of a reservation on that day. If the outcome of the insert is
        unknown, the day is loaded again at the next use."""
        # The day is followed from now on, even if nobody has looked at it: changes by others and
        # the end of the reservation may arrive before the answer to its insert.
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
        """Marks the day to be loaded again, since an insert with unknown outcome may exist or
        still arrive. Also gives this process's inserts a new ``writer`` mark, so that the change
        stream reports the earlier ones, which it left out before."""
        self._reservations.writer = self._changes.writer = new_id()
        if (cached := self._days.get(day)) is not None:
            cached.mark_uncertain()

    def record_write(self, r: Reservation) -> None:
        row = OccupancyRow.of(
            r.id, r.rev, r.seat_id, r.reader_id, r.state, r.start, r.available_from, r.end
        )
        self._take(r.date, row)
        self._notify_listeners()

    def record_party(self, party: Party) -> None:
        for row in party.rows():
            self._take(party.day, row)
        self._notify_listeners()

    def invalidate(self) -> None:
        for cached in self._days.values():
            cached.mark_uncertain()
        self._notify_listeners()

    async def follow_changes(self) -> None:
        """Applies the changes that other workers wrote to the days in memory, until cancelled."""
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
                for cached in self._days.values():
                    cached.occupancy.forget_older()

    def _take(self, day: date | None, change: Change) -> None:
        """Applies the change to ``day`` if the day is in memory; with None, to every day in
        memory (a change of a reservation that a day lacks is harmless)."""
        for cached_date, cached in self._days.items():
            if day is not None and cached_date != day:
                continue
            if cached.buffered_changes is not None:
                cached.buffered_changes.append(change)
            else:
                # Applied even if the day waits for a load: a reservation that has ended must not
                # come back through the late answer to a write.
                self._apply(cached, change)

    def _apply(self, cached: _CachedDay, change: Change) -> None:
        try:
            cached.occupancy.apply(change)
        except MissingRevision:
            cached.mark_uncertain()

    def _notify_listeners(self) -> None:
        for changed in self._listeners:
            changed()
