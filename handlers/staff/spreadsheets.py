"""CSV and XLSX files for spreadsheets. A text in a cell is never read as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from handlers.staff.tables import Cell, Column, Kind, Row, Table
from languages.text import Language
from models.kernel.text import FORMULA_SIGNS

XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FORMATS: Final[Mapping[Kind, str]] = {
    Kind.DATE: "yyyy-mm-dd",
    Kind.INSTANT: "yyyy-mm-dd hh:mm",
    Kind.COUNT: "0",
    Kind.HOURS: "0.0",
    Kind.RATE: "0.0%",
}
_WIDTHS: Final[Mapping[Kind, int]] = {Kind.TEXT: 16, Kind.DATE: 12, Kind.INSTANT: 18}
_WIDTH: Final = 10
_HEADER: Final = {"bold": True, "bg_color": "#E6EDF5", "bottom": 1, "text_wrap": True}


def csv_lines(rows: Iterable[Row], language: Language) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([_in_csv(language.say(cell)) for cell in row] for row in rows)
    return text.getvalue().encode()


def _in_csv(cell: Cell) -> object:
    if isinstance(cell, str):
        # People type names, and no spreadsheet may read one as a formula.
        return f"'{cell}" if cell.startswith(FORMULA_SIGNS) else cell
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d %H:%M}"
    if isinstance(cell, float):
        return round(cell, 4)
    return cell


def download(data: bytes, kind: str, name: str) -> web.Response:
    """The answer that a browser saves as a file of that name. ``kind``: its content type."""
    headers = {
        "Content-Type": kind,
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(body=data, headers=headers)


class Workbook:
    """An XLSX file, written to disk row by row. Its methods block: call them in a thread."""

    def __init__(self, file: Path, language: Language) -> None:
        # Imported late: it takes 2 MB in each worker, and is rarely used.
        import xlsxwriter  # type: ignore[import-untyped]

        # Text that looks like a formula or a link stays text.
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        self._say = language.say
        self._book = xlsxwriter.Workbook(str(file), options)
        self._header = self._book.add_format(_HEADER)
        self._formats = {
            kind: self._book.add_format({"num_format": text}) for kind, text in _FORMATS.items()
        }

    def sheet(self, name: str, columns: Sequence[Column]) -> Sheet:
        names = [self._say(column.name) for column in columns]
        sheet = self._book.add_worksheet(self._say(name))
        sheet.write_row(0, 0, names, self._header)
        return Sheet(sheet, columns, self._formats, self._say)

    def add(self, table: Table) -> None:
        sheet = self.sheet(table.title, table.columns)
        sheet.write(table.rows)
        sheet.end()

    def close(self) -> None:
        self._book.close()


class Sheet:
    def __init__(
        self,
        sheet: Any,
        columns: Sequence[Column],
        formats: Mapping[Kind, Any],
        say: Callable[[Any], Any],
    ) -> None:
        self._sheet, self._columns, self._formats, self._say = sheet, columns, formats, say
        self._next = 1
        sheet.freeze_panes(1, 0)
        for n, column in enumerate(columns):
            sheet.set_column(n, n, _WIDTHS.get(column.kind, _WIDTH))

    def write(self, rows: Sequence[Row]) -> None:
        for row in rows:
            for n, (cell, column) in enumerate(zip(row, self._columns, strict=True)):
                self._cell(n, cell, self._formats.get(column.kind))
            self._next += 1

    def _cell(self, n: int, cell: Cell, shape: Any) -> None:
        match cell:
            case None | "":
                return
            case datetime() | date():
                self._sheet.write_datetime(self._next, n, cell, shape)
            case int() | float():
                self._sheet.write_number(self._next, n, cell, shape)
            case str():
                self._sheet.write_string(self._next, n, self._say(cell))

    def end(self) -> None:
        self._sheet.autofilter(0, 0, max(1, self._next - 1), len(self._columns) - 1)
