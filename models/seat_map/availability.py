"""The state of a seat: at a moment, in a period, or over a day. It never reveals who has a seat."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from models.booking.time_choices import end_choices, start_choices
from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import Seat
from models.policy.entities import Policy
from models.policy.open_hours import OpenHours
from models.reservations.state_machine import ReservationState


class SeatStatus(StrEnum):
    FREE = "free"
    OCCUPIED = "occupied"
    AWAY = "away"
    DISABLED = "disabled"
    MINE = "mine"


class OccupiedSlot(Protocol):
    """The fields of a live reservation or offer that the seat map uses."""

    @property
    def reader_id(self) -> ReaderId: ...
    @property
    def state(self) -> ReservationState: ...
    @property
    def start(self) -> datetime: ...
    @property
    def end(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class MapQuery:
    """The time for which a map is shown: the rest of a day, or a period of it (`span`)."""

    zone: Zone
    day: date
    span: TimeRange | None
    policy: Policy
    opening: OpenHours
    now: datetime
    as_of: datetime | None = field(init=False, repr=False, compare=False)
    """The moment for which a map without `span` is shown today: `now` or the opening time,
    whichever is later. None for other days and with `span`."""
    hours: TimeRange | None = field(init=False, repr=False, compare=False)
    """The opening period that contains the start of `span`; without `span`, the day's first
    period that is not over. None if there is none."""
    last_day: date = field(init=False, repr=False, compare=False)
    """The day on which `span` ends; without `span`, the day."""
    _starts: list[tuple[str, datetime, list[datetime]]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        # Computed once: every seat of the plan uses them.
        hours: TimeRange | None
        as_of, last_day = None, self.day
        if self.span is not None:
            hours = self.opening.containing(self.span.start)
            last_day = self.zone.last_day(self.span)
        else:
            hours = self.opening.upcoming(self.now)
            if hours is not None and self.day == self.zone.day(self.now):
                as_of = max(self.now, hours.start)
        object.__setattr__(self, "as_of", as_of)
        object.__setattr__(self, "hours", hours)
        object.__setattr__(self, "last_day", last_day)

    @property
    def starts(self) -> list[tuple[str, datetime, list[datetime]]]:
        """The starts that the policy allows, regardless of reservations, each as (value, start,
        possible ends). The value is ``now`` or a clock time."""
        if not self._starts:
            self._starts.extend(
                (value, start, end_choices(self.zone, start, self.policy, hours))
                for value, start in start_choices(
                    self.zone, self.day, self.policy, self.opening, self.now
                )
                if (hours := self.opening.containing(start)) is not None
            )
        return self._starts


@dataclass(frozen=True, slots=True)
class SeatState:
    """The state of a seat. `free_until`: for a free seat, the next reservation or closing time.
    `next_free`: for a taken seat, when it becomes free; None if not before the closing time."""

    status: SeatStatus
    free_until: datetime | None
    next_free: datetime | None


UNAVAILABLE = SeatState(SeatStatus.DISABLED, None, None)


def seat_state(
    seat: Seat,
    taken: Sequence[OccupiedSlot],
    query: MapQuery,
    reader_id: ReaderId | None,
    granted: bool = False,
    barred: bool = False,
) -> SeatState:
    """The state of the seat at the time of the query. ``taken``: the seat's live reservations of
    the day, sorted by start. ``granted``: the reader may use reserved accessible seats.
    ``barred``: the seat is reserved for other groups."""
    hours = query.hours
    reserved = seat.accessible and query.policy.accessible_only and not granted
    if (reserved or barred) and all(t.reader_id != reader_id for t in taken):
        return UNAVAILABLE
    if seat.unavailable_reason(query.day) is not None or hours is None or query.now >= hours.end:
        return UNAVAILABLE
    if query.last_day != query.day and seat.unavailable_reason(query.last_day) is not None:
        return UNAVAILABLE
    if (moment := query.as_of) is not None:
        at_once = [t for t in taken if t.start <= moment < t.end]
        return _state_at(at_once, taken, moment, hours, reader_id)
    if query.span is not None:
        span = query.span
        if span.start < max(hours.start, query.now) or hours.end < span.end:
            return UNAVAILABLE
        clashes = [t for t in taken if t.start < span.end and span.start < t.end]
        return _state_at(clashes, taken, span.start, hours, reader_id)
    own = [t for t in taken if t.reader_id == reader_id and query.zone.day(t.start) <= query.day]
    if own:
        return SeatState(SeatStatus.MINE, None, own[-1].end)
    start = first_free_start(taken, query)
    if start is None:
        return SeatState(SeatStatus.OCCUPIED, None, None)
    hours = query.opening.containing(start) or hours
    return SeatState(SeatStatus.FREE, _free_until(taken, start, hours), None)


def _state_at(
    clashes: Sequence[OccupiedSlot],
    taken: Sequence[OccupiedSlot],
    moment: datetime,
    hours: TimeRange,
    reader_id: ReaderId | None,
) -> SeatState:
    if not clashes:
        return SeatState(SeatStatus.FREE, _free_until(taken, moment, hours), None)
    free_from = _end_of_back_to_back(clashes[0], taken)
    next_free = free_from if free_from < hours.end else None
    if any(t.reader_id == reader_id for t in clashes):
        return SeatState(SeatStatus.MINE, None, next_free)
    away = all(t.state is ReservationState.AWAY for t in clashes)
    return SeatState(SeatStatus.AWAY if away else SeatStatus.OCCUPIED, None, next_free)


def _next_start(taken: Sequence[OccupiedSlot], after: datetime) -> datetime | None:
    return next((t.start for t in taken if t.start >= after), None)


def _free_until(taken: Sequence[OccupiedSlot], moment: datetime, hours: TimeRange) -> datetime:
    return min(_next_start(taken, moment) or hours.end, hours.end)


def _end_of_back_to_back(first: OccupiedSlot, taken: Sequence[OccupiedSlot]) -> datetime:
    """The end of the reservations that follow one another without a gap from ``first``."""
    end = first.end
    for t in taken:
        if t.start <= end < t.end:
            end = t.end
    return end


def first_free_start(taken: Sequence[OccupiedSlot], query: MapQuery) -> datetime | None:
    """The first start at which the seat can be booked (``free_starts``); None if there is none."""
    return next((start for _, start, _ in free_starts(taken, query)), None)


def free_starts(
    taken: Sequence[OccupiedSlot], query: MapQuery
) -> Iterator[tuple[str, datetime, list[datetime]]]:
    """The starts at which the seat can be booked, each as (value, start, possible ends).
    ``taken``: the seat's reservations, sorted by start. The value is ``now`` or a clock time."""
    for value, start, ends in query.starts:
        if any(t.start <= start < t.end for t in taken):
            continue
        limit = _next_start(taken, start)
        if limit is None or ends[0] <= limit:
            yield value, start, ends if limit is None else ends[: bisect_right(ends, limit)]


def free_ends(taken: Sequence[OccupiedSlot], query: MapQuery, start: datetime) -> list[datetime]:
    """The ends that the policy allows for a booking from ``start``, while the seat is free."""
    hours = query.opening.containing(start)
    if hours is None or any(t.start <= start < t.end for t in taken):
        return []
    limit = _next_start(taken, start)
    return [
        end
        for end in end_choices(query.zone, start, query.policy, hours)
        if limit is None or end <= limit
    ]


@dataclass(frozen=True, slots=True)
class AreaCount:
    total: int
    free: int
    in_use: int
    away: int
    disabled: int


def count_area(views: Iterable[SeatState]) -> AreaCount:
    """The number of seats in each state; `in_use` includes the reader's own seat (``MINE``)."""
    counts = dict.fromkeys(SeatStatus, 0)
    for view in views:
        counts[view.status] += 1
    return AreaCount(
        total=sum(counts.values()),
        free=counts[SeatStatus.FREE],
        in_use=counts[SeatStatus.OCCUPIED] + counts[SeatStatus.MINE],
        away=counts[SeatStatus.AWAY],
        disabled=counts[SeatStatus.DISABLED],
    )
