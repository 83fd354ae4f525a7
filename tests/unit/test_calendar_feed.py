"""A calendar means the same to a foreign parser: instants, zone, alarms, state, revision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calendar_feed import rules
from models.calendar_feed.calendar import calendar_of
from models.calendar_feed.entities import CalendarEntry
from models.check_in import transitions
from models.kernel.ids import ReservationId
from models.kernel.zone import Zone
from models.policy.entities import Policy
from models.profile.zones import rules_of, zone_names, zone_of
from models.reservations.entities import HistoryEntry
from models.reservations.state_machine import LIVE, ReservationState
from tests.builders import BY_JOB, BY_READER, in_use, on, outcome, reserved
from tests.calendars import CalendarReader, calendar_reader

QUARTER: Final = timedelta(minutes=15)
WORDS: Final = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n"), min_size=1, max_size=99
).map(str.strip)
"""Anything that a library may call its places, with what iCalendar would take for its own."""


@pytest.fixture(scope="module")
def reader() -> Iterator[CalendarReader]:
    with calendar_reader() as reader:
        yield reader


@st.composite
def entries(draw: st.DrawFn) -> CalendarEntry:
    """Bookings at any half hour of these years, a third of them over midnight somewhere."""
    start = datetime(2026, 1, 1, tzinfo=UTC) + draw(st.integers(0, 70_000)) * timedelta(minutes=30)
    changed = start - draw(st.integers(0, 10**6)) * timedelta(seconds=1)
    off = draw(st.booleans())
    return CalendarEntry(
        uid=f"{draw(st.uuids()).hex}@seats.example",
        rev=draw(st.integers(1, 200)),
        created_at=changed - draw(st.integers(0, 10**6)) * timedelta(seconds=1),
        changed_at=changed,
        start=start,
        end=start + draw(st.integers(1, 48)) * timedelta(minutes=10),
        cancelled=off,
        tentative=not off and draw(st.booleans()),
        summary=draw(WORDS),
        location=draw(WORDS),
        description=draw(WORDS),
        url="https://seats.example/reservations/1",
        before_start="" if off else draw(WORDS),
        before_end="" if off else draw(WORDS),
    )


def of(instant: str) -> datetime:
    return datetime.fromisoformat(instant)


def check(entry: CalendarEntry, said: dict[str, Any], zone: Zone) -> None:
    assert (of(said["start"]), of(said["end"])) == (entry.start, entry.end)
    assert (said["uid"], said["sequence"]) == (entry.uid, entry.rev)
    assert of(said["stamp"]) == of(said["modified"]) == entry.changed_at
    assert of(said["created"]) == entry.created_at
    settled = "TENTATIVE" if entry.tentative else "CONFIRMED"
    assert said["status"] == ("CANCELLED" if entry.cancelled else settled)
    assert said["transp"] == ("TRANSPARENT" if entry.cancelled else "OPAQUE")
    texts = (said["summary"], said["location"], said["description"], said["url"])
    assert texts == (entry.summary, entry.location, entry.description, entry.url)
    alarms = [(of(alarm["at"]), alarm["words"]) for alarm in said["alarms"]]
    assert alarms == [
        (at - QUARTER, words)
        for at, words in ((entry.start, entry.before_start), (entry.end, entry.before_end))
        if words
    ]
    # To who goes by the name of the zone alone it is the same instant.
    named = UTC if said["zone"] == "UTC" else rules_of(said["zone"])
    clock = datetime.fromisoformat(said["clock"].removesuffix("Z")).replace(tzinfo=named)
    assert clock == entry.start
    if named is not UTC:
        assert said["zone"] == zone.name


@given(found=st.lists(entries(), max_size=3), name=st.sampled_from(zone_names()))
def test_a_calendar_is_read_alike_by_another_parser(
    reader: CalendarReader, found: list[CalendarEntry], name: str
) -> None:
    zone = zone_of(name, 0)
    said = reader.read(calendar_of(found, zone, "图书馆"))
    assert (said["component"], said["version"], said["method"]) == ("vcalendar", "2.0", "PUBLISH")
    assert said["name"] == "图书馆" and said["refresh_s"] == 3600 and said["zones"] == [name]
    assert [entry["uid"] for entry in said["entries"]] == [entry.uid for entry in found]
    for entry, parsed in zip(found, said["entries"], strict=True):
        check(entry, parsed, zone)


@pytest.mark.parametrize(
    ("begin", "lasts", "written"),
    [
        ("2026-01-07T23:30+01:00", 3, "Europe/Berlin"),
        ("2026-07-07T23:30+02:00", 3, "Europe/Berlin"),
        ("2026-03-29T01:30+01:00", 1, "Europe/Berlin"),  # until 03:30
        ("2026-10-25T01:30+02:00", 3, "Europe/Berlin"),
        ("2026-10-25T02:30+02:00", 3, "UTC"),  # 02:30 comes twice
        ("2026-10-25T02:30+01:00", 3, "UTC"),
    ],
)
def test_a_night_over_a_clock_change_has_the_right_instants(
    reader: CalendarReader, begin: str, lasts: int, written: str
) -> None:
    start, zone = of(begin).astimezone(UTC), zone_of("Europe/Berlin", 60)
    end = start + timedelta(hours=lasts)
    entry = CalendarEntry("1@x", 1, start, start, start, end, False, "a", "b", "c", "d")
    said = reader.read(calendar_of([entry], zone))["entries"][0]
    check(entry, said, zone)
    assert said["zone"] == written


@pytest.mark.parametrize("state", ReservationState)
def test_each_state_has_its_entry_and_alarms(state: ReservationState) -> None:
    booked = reserved()
    ended = None if state in LIVE else on("15:00")
    r = replace(
        booked, state=state, ended_at=ended, history=(HistoryEntry(on("13:00"), "x", "", ""),)
    )
    off = state in ("cancelled", "no_show")
    assert rules.is_off(r) == off
    assert rules.reminds_of_start(r) == (state == "reserved")
    assert rules.reminds_of_end(r) == (state in ("reserved", "in_use", "away"))
    whole = ended is None or off
    assert (rules.calendar_time(r).start, rules.calendar_time(r).end) == (
        on("14:00"),
        on("16:00") if whole else on("15:00"),
    )
    assert rules.changed_at(r) == on("13:00")
    offer = state in ("offered", "offer_expired")
    assert outcome(lambda: rules.check_is_booking(r)) == ("not_found" if offer else "ok")


def test_a_booking_has_one_uid_and_each_change_a_higher_sequence() -> None:
    life = [reserved()]
    life.append(in_use(life[-1]))
    life.append(transitions.leave(life[-1], on("15:00"), Policy(), BY_READER, on("14:40")))
    life.append(transitions.expire_leave(life[-1], BY_JOB))
    name = f"{life[0].id}@seats.example"
    for address in ("https://seats.example", "https://seats.example:8443/library"):
        assert {rules.uid_of(r, address) for r in life} == {name}
    assert rules.uid_of(replace(life[0], id=ReservationId("2")), "https://seats.example") != name
    revisions = [r.rev for r in life]
    assert revisions == sorted(set(revisions)), "a calendar's SEQUENCE"


def test_a_stay_that_ended_before_its_booked_start_is_shown_when_it_took_place() -> None:
    r = reserved()
    early = replace(
        r, state=ReservationState.FINISHED, available_from=on("13:30"), ended_at=on("13:50")
    )
    time = rules.calendar_time(early)
    assert (time.start, time.end) == (on("13:30"), on("13:50"))
    # Ended before it began at all: as it was booked.
    never = replace(r, state=ReservationState.FINISHED, ended_at=on("13:50"))
    assert rules.calendar_time(never) == never.span
