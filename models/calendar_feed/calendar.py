"""Writes bookings as an iCalendar file (RFC 5545, published by RFC 5546) in the library's zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from icalendar import Alarm, Calendar, Event, Timezone, TimezoneStandard

from models.calendar_feed.entities import CalendarEntry

PRODUCT: Final = "-//seat-reservation//library seats//ZH"
ALARM_BEFORE: Final = timedelta(minutes=15)
REFRESH_EVERY: Final = timedelta(hours=1)
"""Calendar programs are asked to read the feed at this interval; they may ignore this."""
_ZONE_SINCE: Final = datetime(1970, 1, 1)  # noqa: DTZ001  (RFC 5545: on the zone's own clock)


def calendar_of(entries: Sequence[CalendarEntry], zone: timezone, name: str = "") -> bytes:
    """Returns the iCalendar file. Equal entries give equal bytes. ``zone``: the library's, with
    its IANA name. ``name``: the title of a feed; empty for a file that is downloaded only once."""
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODUCT)
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    if name:
        calendar.add("name", name)
        calendar.add("x-wr-calname", name)
        calendar.add("x-wr-timezone", zone.tzname(None))
        calendar.add("refresh-interval", REFRESH_EVERY, parameters={"VALUE": "DURATION"})
        calendar.add("x-published-ttl", "PT1H")
    calendar.add_component(_zone(zone))
    for entry in entries:
        calendar.add_component(_event(entry, zone))
    written: bytes = calendar.to_ical()
    return written


def _zone(zone: timezone) -> Timezone:
    # The library's zone has a fixed offset, so one observance is enough.
    observance = TimezoneStandard()
    observance.add("dtstart", _ZONE_SINCE)
    observance.add("tzoffsetfrom", zone.utcoffset(None))
    observance.add("tzoffsetto", zone.utcoffset(None))
    observance.add("tzname", zone.tzname(None))
    component = Timezone()
    component.add("tzid", zone.tzname(None))
    component.add_component(observance)
    return component


def _event(entry: CalendarEntry, zone: timezone) -> Event:
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
    event.add("status", "CANCELLED" if entry.cancelled else "CONFIRMED")
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


def _add_time(event: Event, name: str, instant: datetime, zone: timezone) -> None:
    """Adds a time to the event, as local time with the zone's name. Some programs look up the
    zone by its name; if that gave them another time, the instant is written in UTC."""
    if _agrees(zone.tzname(None), zone.utcoffset(None), instant):
        local = instant.astimezone(zone).replace(tzinfo=None)
        event.add(name, local, parameters={"TZID": zone.tzname(None)})
    else:
        event.add(name, instant.astimezone(UTC))


def _agrees(name: str, offset: timedelta, instant: datetime) -> bool:
    try:
        system_zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return instant.astimezone(system_zone).utcoffset() == offset
