"""The statistics' tables as files. A CSV file has one table, an XLSX file a sheet for each."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from handlers.http.keys import REFERENCE
from handlers.http.language import language_of
from handlers.http.pages import PageRequest
from handlers.staff.spreadsheets import XLSX_TYPE, Workbook, csv_lines, download
from handlers.staff.tables import Table
from handlers.statistics.console.seats import chosen_area, seats_of
from handlers.statistics.console.statistics import (
    LONGEST_SEATS,
    Interval,
    interval,
    place_of,
    record_export,
    tables_of,
)
from handlers.statistics.console.tables import placed
from languages.text import Language
from models.kernel.errors import NotFound
from models.kernel.text import BYTE_ORDER_MARK
from models.library.entities import Area


async def statistics_csv(visit: PageRequest) -> web.StreamResponse:
    """Sends one table as a CSV file: the table that the query names, by default the one by days.
    Raises: NotFound for an unknown name."""
    span, key = interval(visit), visit.request.query.get("table", "days")
    table = next((t for t in await tables_of(visit, span) if t.key == key), None)
    if table is None:
        raise NotFound()
    return await _csv(visit, span, table)


async def statistics_xlsx(visit: PageRequest) -> web.StreamResponse:
    span = interval(visit)
    return await _xlsx(visit, span, "statistics", await tables_of(visit, span))


async def seats_csv(visit: PageRequest) -> web.StreamResponse:
    span, area = interval(visit, LONGEST_SEATS), chosen_area(visit)
    return await _csv(visit, span, await _seats(visit, span, area))


async def seats_xlsx(visit: PageRequest) -> web.StreamResponse:
    span, area = interval(visit, LONGEST_SEATS), chosen_area(visit)
    return await _xlsx(visit, span, f"seats-{area.id}", [await _seats(visit, span, area)])


async def _seats(visit: PageRequest, span: Interval, area: Area) -> Table:
    place = place_of(visit[REFERENCE].catalog, area)
    return placed(await seats_of(visit, span, area), place)


async def _csv(visit: PageRequest, span: Interval, table: Table) -> web.Response:
    await record_export(visit, span, "csv", "statistics")
    rows = [table.header, *table.rows]
    body = BYTE_ORDER_MARK.encode() + csv_lines(rows, language_of(visit.request))
    name = f"{table.key}-{span.first}-{span.last}.csv"
    return download(body, "text/csv; charset=utf-8", name)


async def _xlsx(
    visit: PageRequest, span: Interval, name: str, tables: Sequence[Table]
) -> web.Response:
    await record_export(visit, span, "xlsx", "statistics")
    body = await asyncio.to_thread(_workbook, tables, language_of(visit.request))
    return download(body, XLSX_TYPE, f"{name}-{span.first}-{span.last}.xlsx")


def _workbook(tables: Sequence[Table], language: Language) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tables.xlsx"
        book = Workbook(file, language)
        for table in tables:
            book.add(table)
        book.close()
        return file.read_bytes()
