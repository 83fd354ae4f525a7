from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from aiohttp import web

from handlers.http.keys import REFERENCE
from handlers.http.language import language_of
from handlers.http.pages import PageRequest
from handlers.staff.layout import sees_area
from handlers.staff.spreadsheets import XLSX_TYPE, Workbook, csv_lines
from handlers.staff.tables import Column, Kind, Row
from handlers.statistics.console.pseudonyms import Pseudonyms
from handlers.statistics.console.rooms import place_of_room
from handlers.statistics.console.statistics import Interval, interval, place_of, record_export
from handlers.texts.console_labels import (
    EXPORT_HEADER,
    EXPORT_SHEET,
    ROOM_EXPORT_HEADER,
    ROOM_EXPORT_SHEET,
)
from handlers.texts.labels import ROOM_STATE_TEXT, STATE_TEXT
from models.kernel.text import BYTE_ORDER_MARK
from models.readers.staff.readers import StaffReaders
from models.reservations.booking_facts import BookingFacts, RoomBookingFacts
from models.statistics.daily import BOOKED_STATES
from models.statistics.room_service import RoomStatistics
from models.statistics.service import StatisticsService

log = logging.getLogger(__name__)
LONGEST_SHEET: Final = 92
"""The most days in one XLSX file of bookings: the format allows no more than 1,048,576 rows."""
_BATCH: Final = 1000
_CHUNK: Final = 64 * 1024
_DAY: Final = timedelta(days=1)
_KINDS: Final = (Kind.DATE, *(Kind.TEXT,) * 5, *(Kind.INSTANT,) * 5, *(Kind.TEXT,) * 2)
_COLUMNS: Final = [Column(*named) for named in zip(EXPORT_HEADER, _KINDS, strict=True)]
_ROOM_KINDS: Final = (
    *(Kind.DATE, *(Kind.TEXT,) * 4, *(Kind.INSTANT,) * 5, Kind.COUNT),
    *(Kind.TEXT,) * 2,
)
_ROOM_COLUMNS: Final = [
    Column(*named) for named in zip(ROOM_EXPORT_HEADER, _ROOM_KINDS, strict=True)
]


async def as_csv(visit: PageRequest) -> web.StreamResponse:
    """Sends bookings of the query's days as a CSV file while reading them from the database."""
    span = interval(visit)
    batches = _batches(visit, span, Pseudonyms(visit))
    return await _csv(visit, span, "bookings", EXPORT_HEADER, batches)


async def rooms_as_csv(visit: PageRequest) -> web.StreamResponse:
    """Sends bookings of rooms in the same way."""
    span = interval(visit)
    batches = _room_batches(visit, span, Pseudonyms(visit))
    return await _csv(visit, span, "room-bookings", ROOM_EXPORT_HEADER, batches)


async def _csv(
    visit: PageRequest,
    span: Interval,
    name: str,
    header: Sequence[str],
    batches: AsyncIterator[list[Row]],
) -> web.StreamResponse:
    await record_export(visit, span, "csv", name)
    language = language_of(visit.request)
    response = await _start_download(visit, span, name, "csv", "text/csv; charset=utf-8")
    try:
        await response.write(BYTE_ORDER_MARK.encode() + csv_lines([tuple(header)], language))
        async for batch in batches:
            await response.write(csv_lines(batch, language))
        await response.write_eof()
    except Exception:
        # The response has begun; an aborted connection shows the client that the file is cut off.
        log.exception("export_failed")
        if visit.request.transport is not None:
            visit.request.transport.abort()
    return response


async def as_xlsx(visit: PageRequest) -> web.StreamResponse:
    """Sends the bookings of the query's days as an XLSX file, first written to disk row by row:
    seats and rooms on a sheet each, with the same pseudonyms."""
    span = interval(visit, LONGEST_SHEET)
    await record_export(visit, span, "xlsx", "bookings")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bookings.xlsx"
        book = await asyncio.to_thread(Workbook, file, language_of(visit.request))
        names = Pseudonyms(visit)
        for title, columns, batches in (
            (EXPORT_SHEET, _COLUMNS, _batches(visit, span, names)),
            (ROOM_EXPORT_SHEET, _ROOM_COLUMNS, _room_batches(visit, span, names)),
        ):
            sheet = await asyncio.to_thread(book.sheet, title, columns)
            async for batch in batches:
                await asyncio.to_thread(sheet.write, batch)
            sheet.end()
        await asyncio.to_thread(book.close)
        response = await _start_download(visit, span, "bookings", "xlsx", XLSX_TYPE)
        with await asyncio.to_thread(file.open, "rb") as source:
            while chunk := await asyncio.to_thread(source.read, _CHUNK):
                await response.write(chunk)
    await response.write_eof()
    return response


async def _start_download(
    visit: PageRequest, span: Interval, name: str, ending: str, kind: str
) -> web.StreamResponse:
    file = f"{name}-{span.first}-{span.last}.{ending}"
    headers = {
        "Content-Type": kind,
        "Content-Disposition": f'attachment; filename="{file}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    response = web.StreamResponse(headers=headers)
    await response.prepare(visit.request)
    return response


async def _batches(
    visit: PageRequest, span: Interval, names: Pseudonyms
) -> AsyncIterator[list[Row]]:
    batch = list[tuple[date, BookingFacts]]()
    day = span.first
    while day <= span.last:
        async for row in visit[StatisticsService].bookings_on(day):
            if row.state in BOOKED_STATES and sees_area(visit, row.area_id):
                batch.append((day, row))
            if len(batch) == _BATCH:
                yield await _rows(visit, names, batch)
                batch = []
        day += _DAY
    if batch:
        yield await _rows(visit, names, batch)


async def _rows(
    visit: PageRequest, names: Pseudonyms, batch: list[tuple[date, BookingFacts]]
) -> list[Row]:
    readers = await visit[StaffReaders].many({b.reader_id for _, b in batch})
    return [(*_row(visit, day, b), *names.cells(readers.get(b.reader_id), day)) for day, b in batch]


def _row(visit: PageRequest, day: date, b: BookingFacts) -> Row:
    catalog = visit[REFERENCE].catalog
    area, seat = catalog.areas.get(b.area_id), catalog.all_seats.get(b.seat_id)
    times = (b.created_at, b.start, b.end, b.checked_in_at, b.ended_at)
    return (
        day,
        *(place_of(catalog, area) if area is not None else ("", "", b.area_id)),
        seat.number if seat is not None else b.seat_id,
        STATE_TEXT[b.state],
        *(_local(visit, t) for t in times),
    )


def _local(visit: PageRequest, instant: datetime | None) -> datetime | None:
    """The library's local time to the minute. A spreadsheet's instants have no zone."""
    if instant is None:
        return None
    return visit.zone.local(instant).replace(second=0, microsecond=0, tzinfo=None)


async def _room_batches(
    visit: PageRequest, span: Interval, names: Pseudonyms
) -> AsyncIterator[list[Row]]:
    batch = list[RoomBookingFacts]()
    async for b in visit[RoomStatistics].bookings(span.first, span.last):
        if visit.sees(b.venue_id):
            batch.append(b)
        if len(batch) == _BATCH:
            yield await _room_rows(visit, names, batch)
            batch = []
    if batch:
        yield await _room_rows(visit, names, batch)


async def _room_rows(
    visit: PageRequest, names: Pseudonyms, batch: list[RoomBookingFacts]
) -> list[Row]:
    readers = await visit[StaffReaders].many({b.booker for b in batch})
    return [
        (
            b.day,
            *place_of_room(visit[REFERENCE], b.room_id, b.venue_id),
            ROOM_STATE_TEXT[b.state],
            *(_local(visit, t) for t in (b.made_at, b.start, b.end, b.checked_in_at, b.ended_at)),
            b.people,
            *names.cells(readers.get(b.booker), b.day),
        )
        for b in batch
    ]
