from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import tempfile
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from aiohttp import web

from handlers.http.keys import REFERENCE
from handlers.http.language import language_of
from handlers.http.pages import PageRequest
from handlers.staff.layout import sees_area
from handlers.staff.spreadsheets import XLSX_TYPE, Workbook, csv_lines
from handlers.staff.tables import Column, Kind, Row
from handlers.statistics.console.statistics import Interval, interval, place_of, record_export
from handlers.texts.console import BETWEEN
from handlers.texts.console_labels import EXPORT_HEADER, EXPORT_SHEET
from handlers.texts.labels import STATE_TEXT
from languages.text import joined
from models.kernel.ids import ReaderId
from models.kernel.text import BYTE_ORDER_MARK
from models.readers.entities import Reader
from models.readers.staff.readers import StaffReaders
from models.reservations.booking_facts import BookingFacts
from models.statistics.daily import BOOKED_STATES
from models.statistics.service import StatisticsService

log = logging.getLogger(__name__)
LONGEST_SHEET: Final = 92
"""The most days in one XLSX file of bookings: the format allows no more than 1,048,576 rows."""
_BATCH: Final = 1000
_CHUNK: Final = 64 * 1024
_PSEUDONYM_BYTES: Final = 8
_DAY: Final = timedelta(days=1)
_KINDS: Final = (Kind.DATE, *(Kind.TEXT,) * 5, *(Kind.INSTANT,) * 5, *(Kind.TEXT,) * 2)
_COLUMNS: Final = [Column(*named) for named in zip(EXPORT_HEADER, _KINDS, strict=True)]


async def as_csv(visit: PageRequest) -> web.StreamResponse:
    """Sends bookings of the query's days as a CSV file while reading them from the database."""
    span = interval(visit)
    await record_export(visit, span, "csv", "bookings")
    language = language_of(visit.request)
    response = await _start_download(visit, span, "csv", "text/csv; charset=utf-8")
    try:
        await response.write(BYTE_ORDER_MARK.encode() + csv_lines([EXPORT_HEADER], language))
        async for batch in _batches(visit, span):
            await response.write(csv_lines(batch, language))
        await response.write_eof()
    except Exception:
        # The response has begun; an aborted connection shows the client that the file is cut off.
        log.exception("export_failed")
        if visit.request.transport is not None:
            visit.request.transport.abort()
    return response


async def as_xlsx(visit: PageRequest) -> web.StreamResponse:
    """Sends the bookings of the query's days as an XLSX file, first written to disk row by row."""
    span = interval(visit, LONGEST_SHEET)
    await record_export(visit, span, "xlsx", "bookings")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bookings.xlsx"
        book = await asyncio.to_thread(Workbook, file, language_of(visit.request))
        sheet = await asyncio.to_thread(book.sheet, EXPORT_SHEET, _COLUMNS)
        async for batch in _batches(visit, span):
            await asyncio.to_thread(sheet.write, batch)
        sheet.end()
        await asyncio.to_thread(book.close)
        response = await _start_download(visit, span, "xlsx", XLSX_TYPE)
        with await asyncio.to_thread(file.open, "rb") as source:
            while chunk := await asyncio.to_thread(source.read, _CHUNK):
                await response.write(chunk)
    await response.write_eof()
    return response


async def _start_download(
    visit: PageRequest, span: Interval, ending: str, kind: str
) -> web.StreamResponse:
    name = f"bookings-{span.first}-{span.last}.{ending}"
    headers = {
        "Content-Type": kind,
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    response = web.StreamResponse(headers=headers)
    await response.prepare(visit.request)
    return response


async def _batches(visit: PageRequest, span: Interval) -> AsyncIterator[list[Row]]:
    key = secrets.token_bytes(32)  # of this file alone and stored nowhere
    batch = list[tuple[date, BookingFacts]]()
    day = span.first
    while day <= span.last:
        async for row in visit[StatisticsService].bookings_on(day):
            if row.state in BOOKED_STATES and sees_area(visit, row.area_id):
                batch.append((day, row))
            if len(batch) == _BATCH:
                yield await _rows(visit, key, batch)
                batch = []
        day += _DAY
    if batch:
        yield await _rows(visit, key, batch)


async def _rows(
    visit: PageRequest, key: bytes, batch: list[tuple[date, BookingFacts]]
) -> list[Row]:
    readers = await visit[StaffReaders].many({b.reader_id for _, b in batch})
    return [_row(visit, key, day, b, readers.get(b.reader_id)) for day, b in batch]


def _row(visit: PageRequest, key: bytes, day: date, b: BookingFacts, reader: Reader | None) -> Row:
    catalog = visit[REFERENCE].catalog
    area, seat = catalog.areas.get(b.area_id), catalog.all_seats.get(b.seat_id)
    times = (b.created_at, b.start, b.end, b.checked_in_at, b.ended_at)
    return (
        day,
        *(place_of(catalog, area) if area is not None else ("", "", b.area_id)),
        seat.number if seat is not None else b.seat_id,
        STATE_TEXT[b.state],
        # A spreadsheet's instants have no zone: local time of the library, to the minute.
        *(
            visit.zone.local(t).replace(second=0, microsecond=0, tzinfo=None) if t else None
            for t in times
        ),
        _group_names(visit, reader, day),
        _pseudonym(key, reader.id) if reader is not None else "",
    )


def _group_names(visit: PageRequest, reader: Reader | None, day: date) -> str:
    reference = visit[REFERENCE]
    groups = reference.groups_of(reader, day)
    names = (group.name for group in reference.groups.by_id.values() if group.id in groups)
    return joined(names, BETWEEN["names"])


def _pseudonym(key: bytes, reader_id: ReaderId) -> str:
    # Without the letter a spreadsheet would read some as numbers, such as 12e45678 in a CSV file.
    return "R" + hmac.digest(key, reader_id.encode(), "sha256")[:_PSEUDONYM_BYTES].hex()
