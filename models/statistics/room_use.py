"""The statistics of study rooms, for each room and day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from models.kernel.time_range import TimeRange
from models.library.entities import VenueId
from models.library.rooms import RoomId
from models.reservations.booking_facts import RoomBookingFacts
from models.reservations.room_block import RoomBlock
from models.reservations.room_booking import RoomState

_MINUTE: Final = timedelta(minutes=1)
_GIVEN_BACK: Final = frozenset({RoomState.CANCELLED, RoomState.DECLINED, RoomState.RELEASED})


@dataclass(frozen=True, slots=True)
class DailyRoomUse:
    """The statistics of a room on one day. A booking belongs to the day of its start, also if it
    goes over midnight. `booked`: all bookings and requests. `booked_minutes`: the time of those
    that were not cancelled, declined or released. `used_minutes`: that in which their people were
    there; a check-in before the start adds none. `people`: of all stays together.
    `open_minutes`: without those that the library itself has blocked."""

    day: date
    room_id: RoomId
    venue_id: VenueId
    open_minutes: int
    booked: int
    checked_in: int
    cancelled: int
    declined: int
    released: int
    no_show: int
    people: int
    booked_minutes: int
    used_minutes: int


def room_use(
    day: date,
    room_id: RoomId,
    venue_id: VenueId,
    hours: Iterable[TimeRange],
    rows: Sequence[RoomBookingFacts],
    blocks: Sequence[RoomBlock] = (),
) -> DailyRoomUse:
    """A room's statistics on one day. ``hours``: when it was open. ``rows``: its bookings.
    ``blocks``: its blocks, also those that were ended."""
    states = [row.state for row in rows]
    stays = [row for row in rows if row.checked_in_at is not None]
    return DailyRoomUse(
        day=day,
        room_id=room_id,
        venue_id=venue_id,
        open_minutes=sum(_bookable_minutes(open, blocks) for open in hours),
        booked=len(rows),
        checked_in=len(stays),
        cancelled=states.count(RoomState.CANCELLED),
        declined=states.count(RoomState.DECLINED),
        released=states.count(RoomState.RELEASED),
        no_show=states.count(RoomState.NO_SHOW),
        people=sum(row.people for row in stays),
        booked_minutes=sum(
            (row.end - row.start) // _MINUTE for row in rows if row.state not in _GIVEN_BACK
        ),
        used_minutes=sum(
            ((row.ended_at or row.end) - max(row.checked_in_at, row.start)) // _MINUTE
            for row in stays
            if row.checked_in_at is not None
        ),
    )


def _bookable_minutes(open: TimeRange, blocks: Iterable[RoomBlock]) -> int:
    minutes = open.length // _MINUTE
    for b in blocks:
        until = min(b.span.end, b.ended_at or b.span.end, open.end)
        blocked = until - max(b.span.start, open.start)
        minutes -= max(blocked // _MINUTE, 0)
    return minutes


@dataclass(frozen=True, slots=True)
class RoomSummary:
    """The statistics of several days or rooms together. Rates are 0 to 1; None without data.
    `group`: the people of a stay, on average."""

    booked: int
    checked_in: int
    cancelled: int
    declined: int
    released: int
    no_show: int
    booked_minutes: int
    used_minutes: int
    booked_rate: float | None
    no_show_rate: float | None
    group: float | None


def room_summary(days: Sequence[DailyRoomUse]) -> RoomSummary:
    def total(name: str) -> int:
        return sum(getattr(day, name) for day in days)

    counts = {
        name: total(name)
        for name in (
            *("booked", "checked_in", "cancelled", "declined", "released", "no_show"),
            *("booked_minutes", "used_minutes"),
        )
    }
    given_back = counts["cancelled"] + counts["declined"] + counts["released"]
    return RoomSummary(
        **counts,
        booked_rate=_ratio(counts["booked_minutes"], total("open_minutes")),
        no_show_rate=_ratio(counts["no_show"], counts["booked"] - given_back),
        group=_ratio(total("people"), counts["checked_in"]),
    )


def _ratio(some: int, all_: int) -> float | None:
    return some / all_ if all_ else None
