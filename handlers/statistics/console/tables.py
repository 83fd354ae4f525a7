"""Tables of the statistics. A day or an hour without data has empty cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from handlers.staff.tables import Cell, Column, Kind, Row, Table
from handlers.texts.labels import WEEKDAYS
from handlers.texts.statistics import (
    CLOSED_DAY,
    COLUMN_TEXT,
    HOUR,
    NO_DATA,
    TABLE_TEXT,
)
from models.library.entities import AreaId
from models.statistics.daily import (
    HOURS,
    AreaDay,
    Summary,
    hourly_utilisation,
    summary,
    weekday_utilisation,
)
from models.statistics.seat_hours import SeatHours

_RATES: Final = ("utilisation", "no_show_rate")
_COUNTS: Final = ("booked", "checked_in", "cancelled", "no_show", "away_expired")
_SUMMARY: Final = (
    *(Column(COLUMN_TEXT[name], Kind.RATE) for name in _RATES),
    *(Column(COLUMN_TEXT[name], Kind.COUNT) for name in _COUNTS),
    Column(COLUMN_TEXT["used_hours"], Kind.HOURS),
)
Areas = Sequence[tuple[AreaId, Row]]
"""The areas of a venue, each with its place: the cells of ``PLACE``."""
PLACE: Final = tuple(Column(COLUMN_TEXT[name], Kind.TEXT) for name in ("venue", "floor", "area"))
_NOTHING: Final[Row] = (None,) * len(_SUMMARY)


def tables(days: Sequence[AreaDay], dates: Sequence[date], venues: Sequence[Areas]) -> list[Table]:
    """The tables by day, by area, by hour, and by weekday and hour. The first one has a row for
    each of ``dates``, even if ``days`` has no data for it."""
    return [_days(days, dates), _areas(days, venues), _hours(days), _weekdays(days)]


def _days(days: Sequence[AreaDay], dates: Sequence[date]) -> Table:
    days_by_date: dict[date, list[AreaDay]] = {}
    for d in days:
        days_by_date.setdefault(d.day, []).append(d)
    rows: list[Row] = []
    for day in dates:
        weekday = WEEKDAYS[day.weekday()]
        if day not in days_by_date:
            rows.append((day, weekday, *_NOTHING, NO_DATA))
            continue
        totals = summary(days_by_date[day])
        rows.append(
            (day, weekday, *_cells(totals), "" if totals.utilisation is not None else CLOSED_DAY)
        )
    first = (Column(COLUMN_TEXT["day"], Kind.DATE), Column(COLUMN_TEXT["weekday"], Kind.TEXT))
    note = Column(COLUMN_TEXT["note"], Kind.TEXT)
    return Table("days", TABLE_TEXT["days"], (*first, *_SUMMARY, note), rows)


def _areas(days: Sequence[AreaDay], venues: Sequence[Areas]) -> Table:
    """A row for each area, by venue, with the most used area of a venue first."""
    rows: list[Row] = []
    for areas in venues:
        used: list[tuple[float, Row]] = []
        for id, place in areas:
            mine = [d for d in days if d.area_id == id]
            totals = summary(mine)
            cells = _cells(totals) if mine else _NOTHING
            used.append((totals.utilisation or 0.0, (*place, *cells)))
        used.sort(key=lambda row: -row[0])
        rows += [row for _, row in used]
    return Table("areas", TABLE_TEXT["areas"], (*PLACE, *_SUMMARY), rows)


def _hours(days: Sequence[AreaDay]) -> Table:
    used = [sum(d.used[hour] for d in days) for hour in range(HOURS)]
    rates = hourly_utilisation(days)
    rows: list[Row] = [(hour_text(h), rates[h], used[h] / 60) for h in _used_hours(days)]
    columns = (
        Column(COLUMN_TEXT["hour"], Kind.TEXT),
        Column(COLUMN_TEXT["utilisation"], Kind.RATE),
        Column(COLUMN_TEXT["used_hours"], Kind.HOURS),
    )
    return Table("hours", TABLE_TEXT["hours"], columns, rows)


def _weekdays(days: Sequence[AreaDay]) -> Table:
    hours = _used_hours(days)
    rows: list[Row] = [
        (WEEKDAYS[n], *(rates[hour] for hour in hours))
        for n, rates in enumerate(weekday_utilisation(days))
    ]
    columns = (Column(COLUMN_TEXT["weekday"], Kind.TEXT), *_hour_columns(hours))
    return Table("weekdays", TABLE_TEXT["weekdays"], columns, rows)


def seats_table(seats: Sequence[SeatHours]) -> Table:
    """The table of seats by hour of the day. Hours in which no seat was open are left out."""
    hours = [h for h in range(HOURS) if any(seat.rates[h] is not None for seat in seats)]
    rows: list[Row] = [
        (
            seat.seat.number,
            seat.utilisation,
            seat.used_minutes / 60 if seat.open_minutes else None,
            *(seat.rates[hour] for hour in hours),
        )
        for seat in seats
    ]
    columns = (
        Column(COLUMN_TEXT["seat"], Kind.TEXT),
        Column(COLUMN_TEXT["utilisation"], Kind.RATE),
        Column(COLUMN_TEXT["used_hours"], Kind.HOURS),
        *_hour_columns(hours),
    )
    return Table("seats", TABLE_TEXT["seats"], columns, rows)


def placed(table: Table, place: Row) -> Table:
    """The table with the cells of ``place`` before each row."""
    rows = [(*place, *row) for row in table.rows]
    return replace(table, columns=(*PLACE, *table.columns), rows=rows)


def hour_text(hour: int) -> str:
    return HOUR.format(hour=hour, next=hour + 1)


def _hour_columns(hours: Sequence[int]) -> list[Column]:
    return [Column(hour_text(hour), Kind.RATE, f"{hour:02}–{hour + 1:02}") for hour in hours]


def _used_hours(days: Sequence[AreaDay]) -> range:
    """The hours of the day from the first to the last in which any seat was used."""
    hours = [hour for hour in range(HOURS) if any(d.used[hour] for d in days)]
    return range(min(hours), max(hours) + 1) if hours else range(0)


def _cells(totals: Summary) -> tuple[Cell, ...]:
    return (
        *(getattr(totals, name) for name in (*_RATES, *_COUNTS)),
        totals.used_minutes / 60,
    )
