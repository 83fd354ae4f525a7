"""The tables of the statistics as files: CSV, one table each, and XLSX with a sheet for each."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from handlers.http.pages import PageRequest
from handlers.staff.layout import staff_context
from handlers.staff.spreadsheets import XLSX_TYPE, Workbook, csv_lines
from handlers.staff.tables import Table
from handlers.statistics.console.seats import chosen_area, seats_of
from handlers.statistics.console.statistics import LONGEST_SEATS, Interval, interval, tables_of
from models.kernel.errors import NotFound
from models.kernel.text import BYTE_ORDER_MARK
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditLog


async def statistics_csv(visit: PageRequest) -> web.StreamResponse:
    """One table, which ``table`` names; the one of the days without it. Raises: NotFound."""
    asked, wanted = interval(visit), visit.request.query.get("table", "days")
    table = next((t for t in await tables_of(visit, asked) if t.key == wanted), None)
    if table is None:
        raise NotFound()
    return await _csv(visit, asked, table)


async def statistics_xlsx(visit: PageRequest) -> web.StreamResponse:
    """All tables of the page in one file."""
    asked = interval(visit)
    return await _xlsx(visit, asked, "statistics", await tables_of(visit, asked))


async def seats_csv(visit: PageRequest) -> web.StreamResponse:
    """The seats of one area by the hour."""
    asked = interval(visit, LONGEST_SEATS)
    return await _csv(visit, asked, await seats_of(visit, asked, chosen_area(visit)))


async def seats_xlsx(visit: PageRequest) -> web.StreamResponse:
    """The seats of one area by the hour, for spreadsheets."""
    asked, area = interval(visit, LONGEST_SEATS), chosen_area(visit)
    return await _xlsx(visit, asked, f"seats-{area.id}", [await seats_of(visit, asked, area)])


async def _csv(visit: PageRequest, asked: Interval, table: Table) -> web.Response:
    await _record(visit, asked, "csv")
    body = BYTE_ORDER_MARK.encode() + csv_lines([table.header, *table.rows])
    name = f"{table.key}-{asked.first}-{asked.last}.csv"
    return _file(body, name, "text/csv; charset=utf-8")


async def _xlsx(
    visit: PageRequest, asked: Interval, name: str, tables: Sequence[Table]
) -> web.Response:
    await _record(visit, asked, "xlsx")
    body = await asyncio.to_thread(_workbook, tables)
    return _file(body, f"{name}-{asked.first}-{asked.last}.xlsx", XLSX_TYPE)


def _workbook(tables: Sequence[Table]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tables.xlsx"
        book = Workbook(file)
        for table in tables:
            book.add(table)
        book.close()
        return file.read_bytes()


async def _record(visit: PageRequest, asked: Interval, ending: str) -> None:
    facts = {"format": ending, "first": f"{asked.first}", "last": f"{asked.last}"}
    await visit[AuditLog].record_look(
        staff_context(visit), AuditAction.EXPORTED, target="statistics", facts=facts
    )


def _file(body: bytes, name: str, kind: str) -> web.Response:
    headers = {
        "Content-Type": kind,
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(body=body, headers=headers)
