"""The bookings of an interval as files: CSV and XLSX."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from aiohttp import web

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.staff.layout import sees_area, staff_context
from handlers.staff.spreadsheets import XLSX_TYPE, Workbook, csv_lines
from handlers.staff.tables import Column, Kind, Row
from handlers.statistics.console.statistics import Interval, interval
from handlers.texts.console_labels import EXPORT_HEADER, EXPORT_SHEET
from handlers.texts.labels import STATE_TEXT
from models.kernel.text import BYTE_ORDER_MARK
from models.kernel.time_range import to_local
from models.reservations.booking_facts import BookingFacts
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditLog
from models.statistics.daily import BOOKED_STATES
from models.statistics.service import StatisticsService

log = logging.getLogger(__name__)
LONGEST_SHEET: Final = 92
"""Days in one XLSX file, which holds a million rows and no more."""
_BATCH: Final = 1000
_CHUNK: Final = 64 * 1024
_DAY: Final = timedelta(days=1)
_KINDS: Final = (Kind.DATE, *(Kind.TEXT,) * 4, *(Kind.INSTANT,) * 5)
_COLUMNS: Final = [Column(*named) for named in zip(EXPORT_HEADER, _KINDS, strict=True)]


async def as_csv(visit: PageRequest) -> web.StreamResponse:
    """The bookings of an interval as a CSV file that grows while it is read from the database."""
    asked = interval(visit)
    await _record(visit, asked, "csv")
    response = await _start_download(visit, asked, "csv", "text/csv; charset=utf-8")
    try:
        await response.write(BYTE_ORDER_MARK.encode() + csv_lines([EXPORT_HEADER]))
        async for batch in _batches(visit, asked):
            await response.write(csv_lines(batch))
        await response.write_eof()
    except Exception:
        # No second answer fits in here: the client sees that the file has been cut off.
        log.exception("export_failed")
        if visit.request.transport is not None:
            visit.request.transport.abort()
    return response


async def as_xlsx(visit: PageRequest) -> web.StreamResponse:
    """The same for spreadsheets: written to the disk row by row, then sent."""
    asked = interval(visit, LONGEST_SHEET)
    await _record(visit, asked, "xlsx")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bookings.xlsx"
        book = await asyncio.to_thread(Workbook, file)
        sheet = await asyncio.to_thread(book.sheet, EXPORT_SHEET, _COLUMNS)
        async for batch in _batches(visit, asked):
            await asyncio.to_thread(sheet.write, batch)
        sheet.end()
        await asyncio.to_thread(book.close)
        response = await _start_download(visit, asked, "xlsx", XLSX_TYPE)
        with await asyncio.to_thread(file.open, "rb") as source:
            while chunk := await asyncio.to_thread(source.read, _CHUNK):
                await response.write(chunk)
    await response.write_eof()
    return response


async def _record(visit: PageRequest, asked: Interval, ending: str) -> None:
    """Keep that a file is asked for, before it is sent."""
    facts = {"format": ending, "first": f"{asked.first}", "last": f"{asked.last}"}
    await visit[AuditLog].record_look(
        staff_context(visit), AuditAction.EXPORTED, target="bookings", facts=facts
    )


async def _start_download(
    visit: PageRequest, asked: Interval, ending: str, kind: str
) -> web.StreamResponse:
    name = f"bookings-{asked.first}-{asked.last}.{ending}"
    headers = {
        "Content-Type": kind,
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    response = web.StreamResponse(headers=headers)
    await response.prepare(visit.request)
    return response


async def _batches(visit: PageRequest, asked: Interval) -> AsyncIterator[list[Row]]:
    batch = list[Row]()
    day = asked.first
    while day <= asked.last:
        async for row in visit[StatisticsService].bookings_on(day):
            if row.state in BOOKED_STATES and sees_area(visit, row.area_id):
                batch.append(_row(visit, day, row))
            if len(batch) == _BATCH:
                yield batch
                batch = []
        day += _DAY
    if batch:
        yield batch


def _row(visit: PageRequest, day: date, b: BookingFacts) -> Row:
    catalog = visit[REFERENCE].catalog
    area, seat = catalog.areas.get(b.area_id), catalog.all_seats.get(b.seat_id)
    times = (b.created_at, b.start, b.end, b.checked_in_at, b.ended_at)
    venue = catalog.venues.get(area.venue_id) if area is not None else None
    return (
        day,
        venue.name if venue is not None else "",
        area.name if area is not None else b.area_id,
        seat.number if seat is not None else b.seat_id,
        STATE_TEXT[b.state],
        # A spreadsheet's instants have no zone: they are on the library's clock, to the minute.
        *(to_local(t).replace(second=0, microsecond=0, tzinfo=None) if t else None for t in times),
    )
