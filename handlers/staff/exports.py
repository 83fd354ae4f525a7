"""The bookings of an interval as files: CSV and XLSX."""

from __future__ import annotations

import asyncio
import csv
import io
import logging
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import xlsxwriter  # type: ignore[import-untyped]
from aiohttp import web

from handlers import keys
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.staff.layout import sees_area, staff_context
from handlers.staff.statistics import Interval, interval
from handlers.texts.console_labels import EXPORT_HEADER, EXPORT_SHEET
from handlers.texts.labels import STATE_TEXT
from models.kernel.time_range import to_local
from models.reservations.booking_facts import BookingFacts
from models.staff.audit import AuditAction
from models.staff.recorder import AuditedOperation
from models.statistics.daily import BOOKED_STATES

log = logging.getLogger(__name__)
LONGEST_SHEET: Final = 92
"""Days in one XLSX file, which holds a million rows and no more."""
_BATCH: Final = 1000
_CHUNK: Final = 64 * 1024
_DAY: Final = timedelta(days=1)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet calculates."""
Row = tuple[str, ...]


async def as_csv(visit: PageRequest) -> web.StreamResponse:
    """The bookings of an interval as a CSV file that grows while it is read from the database."""
    asked = interval(visit)
    await _record(visit, asked, "csv")
    response = await _start_download(visit, asked, "csv", "text/csv; charset=utf-8")
    try:
        # The mark tells spreadsheets that it is UTF-8.
        await response.write(b"\xef\xbb\xbf" + _lines([EXPORT_HEADER]))
        async for batch in _batches(visit, asked):
            await response.write(_lines(batch))
        await response.write_eof()
    except Exception:
        # No second answer fits in here: the client sees that the file has been cut off.
        log.exception("export_failed")
        if visit.request.transport is not None:
            visit.request.transport.abort()
    return response


def _lines(rows: Sequence[Row]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([_as_text(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _as_text(cell: str) -> str:
    """The cell, so that no spreadsheet reads it as a formula: names are typed by people."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


async def as_xlsx(visit: PageRequest) -> web.StreamResponse:
    """The same for spreadsheets: written to the disk row by row, then sent."""
    asked = interval(visit, LONGEST_SHEET)
    await _record(visit, asked, "xlsx")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bookings.xlsx"
        book = await asyncio.to_thread(_book, file)
        write = _sheet(book)
        await asyncio.to_thread(write, [EXPORT_HEADER])
        async for batch in _batches(visit, asked):
            await asyncio.to_thread(write, batch)
        await asyncio.to_thread(book.close)
        kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        response = await _start_download(visit, asked, "xlsx", kind)
        with await asyncio.to_thread(file.open, "rb") as source:
            while chunk := await asyncio.to_thread(source.read, _CHUNK):
                await response.write(chunk)
    await response.write_eof()
    return response


def _book(file: Path) -> Any:
    # Rows go to the disk at once, and text stays text, whatever it looks like.
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    return xlsxwriter.Workbook(str(file), options)


def _sheet(book: Any) -> Callable[[Sequence[Row]], None]:
    sheet, place = book.add_worksheet(EXPORT_SHEET), 0

    def write(rows: Sequence[Row]) -> None:
        nonlocal place
        for row in rows:
            sheet.write_row(place, 0, row)
            place += 1

    return write


async def _record(visit: PageRequest, asked: Interval, ending: str) -> None:
    """Keep that a file is asked for, before it is sent."""
    facts = {"format": ending, "first": f"{asked.first}", "last": f"{asked.last}"}
    operation = AuditedOperation(AuditAction.EXPORTED, "bookings")
    await visit[keys.AUDIT_LOG].record_look(staff_context(visit), operation, facts)


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
        async for row in visit[keys.STATISTICS].bookings_on(day):
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
    return (
        day.isoformat(),
        area.name if area is not None else b.area_id,
        seat.number if seat is not None else b.seat_id,
        STATE_TEXT[b.state],
        *(f"{to_local(t):%Y-%m-%d %H:%M}" if t is not None else "" for t in times),
    )
