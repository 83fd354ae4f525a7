"""候补: a reader's place in the line for a time in which nothing fitting is free."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from models.library import AreaId, Seat, SeatId
from models.reservation import ReaderId, ReservationId
from models.timerange import TimeRange, floor_minute, local, local_date, slots_of

OFFER_FOR: Final = timedelta(minutes=10)
QUIET: Final = (time(22, 30), time(7))
"""Nobody is woken for a seat."""
EXTENSION_FIRST: Final = timedelta(minutes=15)
"""Until this long before their end, who sits there may stay longer before the next in line."""


class WaitState(StrEnum):
    WAITING = "waiting"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    LAPSED = "lapsed"
    LEFT = "left"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Wait:
    """``seats`` are the only ones that will do; empty: any of the area with all the ``marks``.
    ``declined`` are those that were offered and not wanted. ``offer`` is the seat held just now."""

    id: str
    reader_id: ReaderId
    area_id: AreaId
    seats: frozenset[SeatId]
    marks: frozenset[str]
    start: datetime
    end: datetime
    made_at: datetime
    state: WaitState = WaitState.WAITING
    declined: frozenset[SeatId] = frozenset()
    offer: ReservationId | None = None

    def wants(self, seat: Seat) -> bool:
        return (
            seat.area_id == self.area_id
            and seat.out_of_service(self.day) is None
            and seat.id not in self.declined
            and (not self.seats or seat.id in self.seats)
            and seat.has(self.marks)
        )

    @property
    def day(self) -> date:
        return local_date(self.start)

    def left_of(self, now: datetime, shortest: timedelta) -> TimeRange | None:
        """What is left of the time; None where that is too short."""
        start = max(self.start, floor_minute(now))
        return TimeRange(start, self.end) if self.end - start >= shortest else None

    @property
    def claims(self) -> tuple[str, ...]:
        """One place in a line for each half hour of a reader."""
        slots = slots_of(TimeRange(self.start, self.end))
        return tuple(f"w:{self.reader_id}:{day.isoformat()}:{slot}" for day, slot in slots)


def is_quiet(now: datetime) -> bool:
    clock = local(now).time()
    return clock >= QUIET[0] or clock < QUIET[1]
