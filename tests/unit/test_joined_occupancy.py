"""Days joined with their neighbours where hours cross midnight."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from models.kernel.ids import ReservationId
from models.occupancy.joined import JoinedOccupancy
from models.occupancy.occupancy import DayOccupancy
from models.policy.entities import OpeningRule, Policy
from models.policy.open_hours import open_hours
from models.reservations.occupancy_rows import OccupancyRow
from models.reservations.state_machine import ReservationState
from models.seat_map.area_view import AreaMap
from models.seat_map.availability import MapQuery, SeatStatus
from tests.builders import AREA, MONDAY, TOMORROW, VENUE, ZONE, on
from tests.unit.occupancy_database import AN_AREA, READERS, SEATS

SUNDAY = MONDAY - timedelta(days=1)
NIGHT = Policy(opening=(OpeningRule(time(15), time(6)),))
HALF_HOUR = timedelta(minutes=30)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_joined_day_equals_the_rows_of_its_days(data: st.DataObject) -> None:
    """Compared with the rows themselves, and an incrementally updated plan with a new one."""
    parts = {day: DayOccupancy() for day in (SUNDAY, MONDAY, TOMORROW)}
    stored: dict[ReservationId, OccupancyRow] = {}
    joined = JoinedOccupancy(on("00:00"), parts[SUNDAY], [parts[MONDAY], parts[TOMORROW]])
    view, look = AreaMap(AN_AREA), look_at(MONDAY, on("00:10"))
    seen = joined.version
    before = {seat: list(joined.by_seat.get(seat)) for seat in SEATS}
    for rev in range(1, data.draw(st.integers(2, 12))):
        day = data.draw(st.sampled_from(sorted(parts)))
        start = ZONE.midnight(day) + HALF_HOUR * data.draw(st.integers(0, 47))
        end = start + HALF_HOUR * data.draw(st.integers(1, 8))
        row = OccupancyRow.of(
            ReservationId(f"{day} {data.draw(st.integers(0, 2))}"),
            rev,
            data.draw(st.sampled_from(SEATS)),
            data.draw(st.sampled_from(READERS)),
            data.draw(st.sampled_from([ReservationState.RESERVED, ReservationState.FINISHED])),
            start,
            None,
            end,
        )
        if parts[day].apply(row):
            stored[row.id] = row
        rows_shown = [
            row
            for row in stored.values()
            if row.state is ReservationState.RESERVED
            and (row.end > on("00:00") or ZONE.day(row.start) >= MONDAY)
        ]
        assert {row.id: row for row in rows_shown} == joined.rows
        for seat in SEATS:
            assert ids(joined.by_seat.get(seat)) == ids(
                row for row in rows_shown if row.seat_id == seat
            )
        for reader in READERS:
            assert ids(joined.by_reader.get(reader)) == ids(
                row for row in rows_shown if row.reader_id == reader
            )
        now = {seat: list(joined.by_seat.get(seat)) for seat in SEATS}
        changed = joined.since(seen)
        assert changed is not None
        assert {seat for seat in SEATS if now[seat] != before[seat]} <= set(changed)
        seen, before = joined.version, now
        view.refresh(joined, look)
        fresh = AreaMap(AN_AREA)
        fresh.refresh(joined, look)
        assert view.views == fresh.views


def look_at(day: date, now: datetime) -> MapQuery:
    return MapQuery(ZONE, day, None, NIGHT, open_hours(ZONE, NIGHT, day, VENUE, AREA), now)


def test_a_booking_over_midnight_is_shown_on_both_days() -> None:
    days = {day: DayOccupancy() for day in (SUNDAY, MONDAY, TOMORROW)}
    booked = OccupancyRow.of(
        ReservationId("1"), 1, SEATS[0], READERS[0], ReservationState.RESERVED,
        on("23:00"), None, on("01:00", TOMORROW),
    )  # fmt: skip
    days[MONDAY].apply(booked)
    for day, before in ((MONDAY, SUNDAY), (TOMORROW, MONDAY)):
        others = [days[day]] + ([days[TOMORROW]] if day == MONDAY else [])
        joined = JoinedOccupancy(ZONE.midnight(day), days[before], others)
        view = AreaMap(AN_AREA)
        view.refresh(joined, look_at(day, on("08:00", SUNDAY)))
        (mine,) = view.overlay_for(READERS[0], granted=False)
        assert (mine[0], mine[1].status) == (0, SeatStatus.MINE), day


def ids(rows: Iterable[OccupancyRow]) -> list[ReservationId]:
    return sorted(row.id for row in rows)
