"""The template data of a study room on a day: its hours as a bar, and the times to choose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.http.presenting import clock, later_clock
from handlers.texts.pages import floor_text
from languages.text import Text
from models.booking.time_choices import end_choices, start_choices
from models.kernel.time_range import TimeRange
from models.library.entities import Venue
from models.library.rooms import Room
from models.rooms.rules import is_in_time, policy_of
from models.rooms.service import RoomDay
from notify.templates.rendering import from_to

_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class DayBar:
    """The day as a drawing. Times are minutes since midnight, lengths minutes."""

    begin: int
    length: int
    free: list[tuple[int, int]]
    taken: list[tuple[int, int]]
    now: int | None


@dataclass(frozen=True, slots=True)
class RoomCard:
    """``hours`` and ``taken``: in words. ``closed_reason``: why the room has no hours that day."""

    room: Room
    venue: Venue
    floor: Text | str
    hours: list[str]
    closed_reason: str
    taken: list[str]
    bar: DayBar | None


@dataclass(frozen=True, slots=True)
class RoomTimes:
    """The times of a booking's form: values with their labels, and those that are preselected."""

    starts: list[tuple[str, str]]
    ends: list[str]
    start: str
    end: str


def room_card(visit: PageRequest, d: RoomDay, day: date) -> RoomCard:
    zone, midnight = visit.zone, visit.zone.midnight(day)
    venue = visit[REFERENCE].catalog.venues[d.room.venue_id]

    def pieces(times: Iterable[TimeRange]) -> list[tuple[int, int]]:
        return [((t.start - midnight) // _MINUTE, t.length // _MINUTE) for t in times]

    def words(times: Iterable[TimeRange]) -> list[str]:
        return [from_to(clock(zone, t.start), later_clock(zone, t.start, t.end)) for t in times]

    bar, open = None, [hours for hours in d.hours.intervals if visit.now < hours.end]
    if open:
        begin, end = open[0].start, max(one.end for one in open)
        bar = DayBar(
            (begin - midnight) // _MINUTE,
            (end - begin) // _MINUTE,
            pieces(open),
            pieces(d.taken),
            (visit.now - midnight) // _MINUTE if begin < visit.now < end else None,
        )
    return RoomCard(
        d.room,
        venue,
        floor_text(venue.floor(d.room.floor)),
        words(open),
        d.hours.reason,
        words(d.taken),
        bar,
    )


def room_times(visit: PageRequest, d: RoomDay, day: date) -> RoomTimes | None:
    """The starts at which the room is free, and all ends of the day; None without a start."""
    zone, venue_policy = visit.zone, visit[REFERENCE].policy_on(day, d.room.venue_id)
    policy = policy_of(d.room, venue_policy)
    starts = [
        (value, start)
        for value, start in start_choices(zone, day, policy, d.hours, visit.now)
        if not any(taken.contains(start) for taken in d.taken)
        and is_in_time(d.room, start, visit.now)
    ]
    if not starts:
        return None
    ends = {
        end
        for _, start in starts
        for end in end_choices(zone, start, policy, _around(d.hours.intervals, start))
    }
    value, first = starts[0]
    usual = first + timedelta(minutes=max(60, policy.min_minutes))
    usual = min(ends, key=lambda end: abs(end - usual))
    clocks = dict.fromkeys(clock(zone, end) for end in sorted(ends))
    return RoomTimes([(value, value) for value, _ in starts], [*clocks], value, clock(zone, usual))


def _around(intervals: Sequence[TimeRange], instant: datetime) -> TimeRange:
    return next(hours for hours in intervals if hours.contains(instant))
