"""The template data of a study room on a day: its hours as a bar, and the times to choose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.http.presenting import clock, later_clock
from handlers.texts.pages import floor_text
from languages.text import Text
from models.booking.time_choices import MORNING, end_choices, start_choices
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
    """``hours`` and ``taken``: in words. ``closed_reason``: why the room has no hours that day.
    ``events``: the library's own stays, each with its title. ``reserved_for``: the groups that
    alone may book it; empty if the reader may."""

    room: Room
    venue: Venue
    floor: Text | str
    hours: list[str]
    closed_reason: str
    taken: list[str]
    events: list[tuple[str, str]]
    bar: DayBar | None
    reserved_for: Sequence[str]


@dataclass(frozen=True, slots=True)
class PresentState:
    """Until when a room is free now, or taken; both empty if it is not ``open``, or taken until
    it closes."""

    open: bool = False
    free_until: str = ""
    taken_until: str = ""


@dataclass(frozen=True, slots=True)
class RoomTimes:
    """The times of a booking's form: values with their labels, and those that are preselected."""

    starts: list[tuple[str, str]]
    ends: list[str]
    start: str
    end: str

    def preselecting(self, start: str, end: str) -> RoomTimes:
        """Preselects this start and end, if both can be chosen."""
        if start in dict(self.starts) and end in self.ends:
            return replace(self, start=start, end=end)
        return self


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
        [*zip(words(b.span for b in d.blocks), (b.title for b in d.blocks), strict=True)],
        bar,
        visit[REFERENCE].room_groups_instead(d.room, visit.reader, day),
    )


def present_state(visit: PageRequest, d: RoomDay) -> PresentState:
    now, zone = visit.now, visit.zone
    hours = next((hours for hours in d.hours.intervals if hours.contains(now)), None)
    if hours is None:
        return PresentState()
    taken = next((taken for taken in d.taken if now < taken.end), None)
    if taken is not None and taken.start <= now:
        ends = later_clock(zone, now, taken.end) if taken.end < hours.end else ""
        return PresentState(open=True, taken_until=ends)
    end = hours.end if taken is None else min(hours.end, taken.start)
    return PresentState(open=True, free_until=later_clock(zone, now, end))


def days_from_today(visit: PageRequest, ahead: int) -> list[date]:
    today = visit.zone.day(visit.now)
    return [today + timedelta(days=n) for n in range(ahead + 1)]


def chosen_day(visit: PageRequest, days: list[date], sent: date | None = None) -> date:
    """The day of the form or of the address, if it is one of these; otherwise the first."""
    with suppress(ValueError):
        day = sent or date.fromisoformat(visit.request.query.get("date", ""))
        if day in days:
            return day
    return days[0]


def room_times(
    visit: PageRequest, d: RoomDay, day: date, *, approved: bool = False
) -> RoomTimes | None:
    """The starts at which the room is free, and all ends of the day; None without a start.
    ``approved``: the library has approved all of these times."""
    zone, venue_policy = visit.zone, visit[REFERENCE].policy_on(day, d.room.venue_id)
    policy = policy_of(d.room, venue_policy)
    starts = [
        (value, start)
        for value, start in start_choices(zone, day, policy, d.hours, visit.now)
        if not any(taken.contains(start) for taken in d.taken)
        and (approved or is_in_time(d.room, start, visit.now))
    ]
    if not starts:
        return None
    ends = {
        end
        for _, start in starts
        for end in end_choices(zone, start, policy, _around(d.hours.intervals, start))
    }
    morning = zone.instant(day, MORNING)
    value, first = next((s for s in starts if s[0] == "now" or s[1] >= morning), starts[0])
    usual = first + timedelta(minutes=max(60, policy.min_minutes))
    usual = min(ends, key=lambda end: abs(end - usual))
    clocks = dict.fromkeys(clock(zone, end) for end in sorted(ends))
    return RoomTimes([(value, value) for value, _ in starts], [*clocks], value, clock(zone, usual))


def _around(intervals: Sequence[TimeRange], instant: datetime) -> TimeRange:
    return next(hours for hours in intervals if hours.contains(instant))
