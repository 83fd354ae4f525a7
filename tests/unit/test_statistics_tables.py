"""Charts, tables and files show the same values, equal to a recount."""

from __future__ import annotations

import csv
import io
from datetime import date, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.staff.spreadsheets import csv_lines
from handlers.staff.tables import Table
from handlers.statistics.console import charts
from handlers.statistics.console import tables as statistics_tables
from handlers.statistics.console.statistics import columns_of, rows_of
from languages.catalogue import CHINESE
from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange
from models.library.entities import Area, AreaId, Seat, SeatId, VenueId
from models.reservations.booking_facts import BookingFacts
from models.reservations.state_machine import ReservationState
from models.statistics.daily import AreaDay
from models.statistics.seat_hours import seat_hours
from tests.builders import ZONE

FIRST = date(2026, 9, 7)
DAYS = [FIRST + timedelta(days=n) for n in range(5)]
AREAS = [
    Area(AreaId(id), VenueId("main"), id, 2, n, 100, 100, (), ()) for n, id in enumerate("abc")
]


@st.composite
def stored_days(draw: st.DrawFn) -> list[AreaDay]:
    """Daily statistics of some days, on some of which everything was closed."""
    rows_made = []
    for day in draw(st.sets(st.sampled_from(DAYS))):
        for area in draw(st.sets(st.sampled_from(AREAS[:2]))):
            closed = draw(st.booleans())
            used = (
                [0] * 24
                if closed
                else draw(st.lists(st.integers(0, 600), min_size=24, max_size=24))
            )
            booked = draw(st.integers(0, 9))
            minutes = 0 if closed else 10 * 930
            rows_made.append(AreaDay(day, area.id, 10, minutes, booked, 1, 2, 3, 4, 0, tuple(used)))
    return rows_made


@given(stored_days())
@settings(max_examples=80, deadline=None)
def test_charts_and_tables_equal_a_recount(days: list[AreaDay]) -> None:
    places = [(a.id, ("图书馆", "2", a.name)) for a in AREAS]
    tables = {t.key: t for t in statistics_tables.tables(days, DAYS, [places])}
    table = tables["days"]
    assert table.column("日期") == DAYS
    chart = columns_of(table, "day", "utilisation")
    full = chart.bottom - chart.top
    for day, rate, booked, note, bar in zip(
        DAYS,
        *(table.column(name) for name in ("使用率", "预约", "说明")),
        chart.bars,
        strict=True,
    ):
        mine = [d for d in days if d.day == day]
        opened = sum(d.open_minutes for d in mine)
        used = sum(sum(d.used) for d in mine)
        if not mine:
            assert (rate, booked, note, bar.gap) == (None, None, "无数据", True)
        elif not opened:
            assert (rate, note, bar.gap) == (None, "闭馆", True)
        else:
            assert rate == used / opened and not bar.gap and note == ""
            assert abs(bar.h - full * min(1.0, used / opened)) < 0.02
        if mine:
            assert booked == sum(d.booked for d in mine), "a closed day had no bookings, or some"
    areas = tables["areas"]
    for name, rate, bar in zip(
        areas.column("区域"),
        areas.column("使用率"),
        rows_of(areas, "area", "utilisation").bars,
        strict=True,
    ):
        assert bar.gap is (rate is None) and bar.title.startswith(str(name))
    assert areas.column("预约")[areas.column("区域").index("c")] is None, "unknown is not 0"
    hours = tables["hours"]
    table_values = dict(zip(hours.column("时段"), hours.column("使用小时"), strict=True))
    for hour in range(24):
        minutes = sum(d.used[hour] for d in days)
        assert table_values.get(statistics_tables.hour_text(hour), 0) == minutes / 60


@given(st.floats(0, 1e6))
def test_the_axis_of_counts_reaches_above_the_largest(largest: float) -> None:
    ticks = charts.count_ticks(largest)
    assert ticks[0] == 0 and ticks[-1] >= largest and len(ticks) == 5
    assert all(tick == int(tick) for tick in ticks)
    if largest > 4:
        assert ticks[-1] <= 3 * largest


def test_a_name_beside_a_bar_keeps_its_beginning_where_there_is_no_room() -> None:
    names = "二层中厅", "经济管理与法学外文期刊阅览" * 2, "Wirtschaftswissenschaftlicher Lesesaal"
    chart = charts.rows([charts.Point(name, 1.0, "1") for name in names], (0.0, 1.0), rates=False)
    short, chinese, german = (label for _, label in chart.labels)
    assert short == "二层中厅" and chinese == "经济管理与法学外文期刊阅览经…"
    assert german == "Wirtschaftswissenschaftli…"


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_seats_by_the_hour_equal_a_recount_by_minutes(data: st.DataObject) -> None:
    off = DAYS[1]
    seats = [
        Seat(SeatId("a"), AreaId("x"), "001", 0, 0),
        Seat(SeatId("b"), AreaId("x"), "002", 0, 0, False, False, False, False, "坏", off, off),
    ]
    opened = {
        DAYS[0]: TimeRange(ZONE.instant(DAYS[0], time(8)), ZONE.instant(DAYS[0], time(21, 30))),
        off: TimeRange(ZONE.instant(off, time(8)), ZONE.instant(off, time(20))),
        DAYS[2]: None,
    }
    spans = {day: [span] if span is not None else [] for day, span in opened.items()}
    rows = [data.draw(booking(opened)) for _ in range(data.draw(st.integers(0, 6)))]
    for seat, row in zip(seats, seat_hours(ZONE, seats, spans, of_days(rows)), strict=True):
        for hour in range(24):
            used = usable = 0
            for day, span in opened.items():
                if seat.unavailable_reason(day) is not None:
                    continue
                for minute in range(60):
                    now = ZONE.instant(day, time(hour, minute))
                    usable += span is not None and span.start <= now < span.end
                    used += sum(
                        r.seat_id == seat.id
                        and r.state is ReservationState.COMPLETED
                        and r.checked_in_at is not None
                        and r.checked_in_at <= now < (r.ended_at or r.end)
                        for r in rows
                    )
            assert row.rates[hour] == (min(1.0, used / usable) if usable else None)


def of_days(rows: list[BookingFacts]) -> list[tuple[date, BookingFacts]]:
    return [(ZONE.day(row.start), row) for row in rows]


@st.composite
def booking(draw: st.DrawFn, opened: dict[date, TimeRange | None]) -> BookingFacts:
    day = draw(st.sampled_from([*opened, DAYS[4]]))
    start = draw(st.integers(8 * 60, 20 * 60))
    begin = ZONE.midnight(day) + timedelta(minutes=start)
    end = begin + timedelta(minutes=draw(st.integers(10, 90)))
    state = draw(st.sampled_from([ReservationState.COMPLETED, ReservationState.CANCELLED]))
    came = begin if draw(st.booleans()) else None
    seat = SeatId(draw(st.sampled_from("abz")))
    reader = ReaderId("r")
    return BookingFacts(seat, AreaId("x"), reader, state, begin, begin, end, came, None, end)


def test_a_seat_disabled_all_the_time_has_no_rate() -> None:
    seat = Seat(SeatId("a"), AreaId("x"), "001", 0, 0, disabled="坏")
    hours = TimeRange(ZONE.instant(FIRST, time(8)), ZONE.instant(FIRST, time(10)))
    good = Seat(SeatId("b"), AreaId("x"), "002", 0, 0)
    table: Table = statistics_tables.seats_table(
        seat_hours(ZONE, [seat, good], {FIRST: [hours]}, [])
    )
    assert table.rows == [("001", None, None, None, None), ("002", 0.0, 0.0, 0.0, 0.0)]


def test_no_cell_of_a_file_is_a_formula() -> None:
    """Names are typed by people, and a spreadsheet evaluates text that looks like a formula."""
    for start in ("=", "+", "-", "@", "\t", "\r"):
        name = f'{start}HYPERLINK("//e")'
        text = csv_lines([(name, f"2层 {name}", -1)], CHINESE).decode()
        ((first, second, number),) = csv.reader(io.StringIO(text, newline=""))
        assert (first, second, number) == (f"'{name}", f"2层 {name}", "-1")
