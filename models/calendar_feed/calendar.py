"""Writes bookings as an iCalendar file (RFC 5545, published by RFC 5546) in the library's zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from icalendar import Alarm, Calendar, Event, Timezone, TimezoneDaylight, TimezoneStandard

from models.calendar_feed.entities import CalendarEntry
from models.kernel.zone import Zone

PRODUCT: Final = "-//seat-reservation//library seats//ZH"
ALARM_BEFORE: Final = timedelta(minutes=15)
REFRESH_EVERY: Final = timedelta(hours=1)
"""Calendar programs are asked to read the feed at this interval; they may ignore this."""
_ZONE_SINCE: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""The start of the first offset, read on the zone's own clock (RFC 5545)."""


def calendar_of(entries: Sequence[CalendarEntry], zone: Zone, name: str = "") -> bytes:
    """Returns the iCalendar file. Equal entries give equal bytes. ``name``: the title of a feed;
    empty for a file that is downloaded only once."""
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODUCT)
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    if name:
        calendar.add("name", name)
        calendar.add("x-wr-calname", name)
        calendar.add("x-wr-timezone", zone.name)
        calendar.add("refresh-interval", REFRESH_EVERY, parameters={"VALUE": "DURATION"})
        calendar.add("x-published-ttl", "PT1H")
    calendar.add_component(_zone(zone, entries))
    for entry in entries:
        calendar.add_component(_event(entry, zone))
    written: bytes = calendar.to_ical()
    return written


def _zone(zone: Zone, entries: Sequence[CalendarEntry]) -> Timezone:
    """The offsets of the zone from the first entry's start to the last one's end."""
    begin = min((entry.start for entry in entries), default=_ZONE_SINCE)
    end = max((entry.end for entry in entries), default=_ZONE_SINCE)
    component = Timezone()
    component.add("tzid", zone.name)
    before = zone.local(begin).utcoffset()
    for change in (_ZONE_SINCE, *(change for change in zone.changes if begin < change <= end)):
        after = before if change is _ZONE_SINCE else zone.local(change).utcoffset()
        assert before is not None and after is not None
        observance = TimezoneDaylight() if after > before else TimezoneStandard()
        start = change.replace(tzinfo=None)
        observance.add("dtstart", start if change is _ZONE_SINCE else start + before)
        observance.add("tzoffsetfrom", before)
        observance.add("tzoffsetto", after)
        observance.add("tzname", zone.name)
        component.add_component(observance)
        before = after
    return component


def _event(entry: CalendarEntry, zone: Zone) -> Event:
    event = Event()
    event.add("uid", entry.uid)
    event.add("sequence", entry.rev)  # calendars replace an event that has a lower number
    # The time of the last change, not of the request: unchanged bookings give equal bytes.
    event.add("dtstamp", entry.changed_at)
    event.add("created", entry.created_at)
    event.add("last-modified", entry.changed_at)
    _add_time(event, "dtstart", entry.start, zone)
    _add_time(event, "dtend", entry.end, zone)
    event.add("summary", entry.summary)
    event.add("location", entry.location)
    event.add("description", entry.description)
    event.add("url", entry.url)
    settled = "TENTATIVE" if entry.tentative else "CONFIRMED"
    event.add("status", "CANCELLED" if entry.cancelled else settled)
    event.add("transp", "TRANSPARENT" if entry.cancelled else "OPAQUE")
    for words, related in ((entry.before_start, "START"), (entry.before_end, "END")):
        if words:
            event.add_component(_alarm(words, related))
    return event


def _alarm(words: str, related: str) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", words)
    alarm.add("trigger", -ALARM_BEFORE, parameters={"RELATED": related})
    return alarm


def _add_time(event: Event, name: str, instant: datetime, zone: Zone) -> None:
    """Adds a time to the event, as local time with the zone's name; in a doubled hour, of which
    programs take one pass or the other, in UTC."""
    local = zone.local(instant)
    if zone.instants(local.date(), local.time()) == (instant,):
        event.add(name, local.replace(tzinfo=None), parameters={"TZID": zone.name})
    else:
        event.add(name, instant.astimezone(UTC))
