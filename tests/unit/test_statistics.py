"""The statistics of a day, compared with a count by minutes."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange
from models.library.entities import AreaId, SeatId
from models.reservations.booking_facts import BookingFacts
from models.reservations.state_machine import ReservationState
from models.statistics.daily import summarise_day, summary, weekday_utilisation
from models.statistics.today import occupied_seats, totals
from tests.builders import ZONE

DAY = date(2026, 9, 7)
AREA = AreaId("2f-hall")
MIDNIGHT = ZONE.midnight(DAY)
OPEN = TimeRange(ZONE.instant(DAY, time(7)), ZONE.instant(DAY, time(22, 30)))


@st.composite
def briefs(draw: st.DrawFn) -> BookingFacts:
    start = draw(st.integers(7 * 60, 21 * 60))
    end = draw(st.integers(start + 10, 22 * 60 + 30))
    came = draw(st.none() | st.integers(start - 30, end - 1))
    left = draw(st.none() | st.integers(came if came is not None else start, end))
    states = (
        [ReservationState.FINISHED, ReservationState.COMPLETED, ReservationState.AWAY_EXPIRED]
        if came is not None
        else []
    )
    states += (
        [ReservationState.CANCELLED, ReservationState.NO_SHOW, ReservationState.OFFER_EXPIRED]
        if came is None
        else []
    )
    return BookingFacts(
        seat_id=SeatId("x"),
        area_id=AREA,
        reader_id=ReaderId("r"),
        state=draw(st.sampled_from(states)),
        created_at=minute(start - draw(st.integers(0, 2000))),
        start=minute(start),
        end=minute(end),
        checked_in_at=minute(came) if came is not None else None,
        available_from=minute(draw(st.sampled_from([came, max(came, start)])))
        if came is not None
        else None,
        ended_at=minute(left) if left is not None else None,
    )


def minute(n: int) -> datetime:
    return MIDNIGHT + timedelta(minutes=n)


@given(st.lists(briefs(), max_size=12))
@settings(max_examples=60, deadline=None)
def test_a_day_equals_a_recount_by_minutes(rows: list[BookingFacts]) -> None:
    day = summarise_day(ZONE, DAY, AREA, 40, [OPEN], rows)
    used = [0] * 24
    for row in rows:
        if row.checked_in_at is not None and row.available_from is not None:
            for n in range(24 * 60):
                used[n // 60] += row.available_from <= minute(n) < (row.ended_at or row.end)
    bookings = [row for row in rows if row.state is not ReservationState.OFFER_EXPIRED]
    assert list(day.used) == used
    assert day.booked == len(bookings) == totals(rows).booked
    assert day.checked_in == sum(row.checked_in_at is not None for row in bookings)
    assert (day.open_minutes, day.seats) == (40 * 930, 40)
    whole = summary([day, summarise_day(ZONE, DAY + timedelta(days=1), AREA, 40, [], [])])
    assert whole.days == 2 and whole.used_minutes == sum(used)
    assert whole.utilisation == sum(used) / (40 * 930)
    attended = [row for row in bookings if row.state is not ReservationState.CANCELLED]
    missed = sum(row.state is ReservationState.NO_SHOW for row in attended)
    assert whole.no_show_rate == (missed / len(attended) if attended else None)
    monday = weekday_utilisation([day])[0]
    assert monday == [minutes / (60 * 40) for minutes in used]


@given(st.lists(briefs(), max_size=12))
def test_past_hours_count_stays_and_future_hours_count_bookings(
    rows: list[BookingFacts],
) -> None:
    instants = [minute(60 * hour) for hour in range(7, 23)]
    past = occupied_seats(rows, instants, minute(24 * 60))
    for n, instant in enumerate(instants):
        there = [r for r in rows if r.available_from is not None and r.available_from <= instant]
        assert past[n] == sum(instant < (r.ended_at or r.end) for r in there)
    assert occupied_seats(rows, instants, minute(0)) == [0] * len(instants)  # nothing of it is live
    assert all(ZONE.local(instant).minute == 0 for instant in instants)


def test_an_empty_period_has_no_rates() -> None:
    nothing = summary([])
    assert (nothing.days, nothing.utilisation, nothing.no_show_rate) == (0, None, None)
    assert weekday_utilisation([]) == [[None] * 24] * 7, "no data is not zero"
