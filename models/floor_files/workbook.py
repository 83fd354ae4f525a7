"""Reads untrusted workbooks (XLSX), which can unpack to gigabytes and contain formulas."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final

from models.floor_files.entities import MOST_LINES, FileProblem, UnreadableFile
from models.floor_files.table import FORMULA, Line
from models.kernel.errors import Malformed

_MOST_UNPACKED: Final = 24 * 1024 * 1024
_MOST_PARTS: Final = 200
_MOST_COLUMNS: Final = 60
_CHUNK: Final = 64 * 1024


def lines_of(data: bytes) -> Iterator[Line]:
    """The lines of the workbook's first sheet. Raises: UnreadableFile."""
    # Imported here: 7 MB in every worker, for an import that staff run a few times a year.
    import openpyxl  # type: ignore[import-untyped]
    from openpyxl.utils.exceptions import InvalidFileException  # type: ignore[import-untyped]

    _check_size(data)
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
        sheet = book.worksheets[0]
        # A sheet's declared dimensions may be wrong.
        sheet.reset_dimensions()
        rows = sheet.iter_rows(max_row=MOST_LINES + 1, max_col=_MOST_COLUMNS)
        for number, row in enumerate(rows, start=1):
            yield number, [_text(cell) for cell in row]
    except UnreadableFile:
        raise
    # Broken workbooks end in errors of the zip file, of the XML, and of what the library expects.
    except (
        *(InvalidFileException, zipfile.BadZipFile, SyntaxError, KeyError, IndexError),
        *(ValueError, TypeError, AttributeError, OverflowError, EOFError, RuntimeError),
    ) as error:
        raise _broken() from error


def _broken() -> UnreadableFile:
    return UnreadableFile(FileProblem(Malformed("file", "not_a_workbook")))


def _check_size(data: bytes) -> None:
    """Checks the unpacked size, by unpacking: the sizes written in the archive may be wrong.
    Raises: UnreadableFile."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            if len(parts) > _MOST_PARTS or "xl/workbook.xml" not in archive.namelist():
                raise _broken()
            left = _MOST_UNPACKED
            for part in parts:
                with archive.open(part) as source:
                    head = b""
                    while chunk := source.read(_CHUNK):
                        left -= len(chunk)
                        # A document type can declare entities that expand without limit.
                        if left < 0 or b"<!DOCTYPE" in head + chunk:
                            raise _broken()
                        head = chunk[-16:]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise _broken() from error


def _text(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "f":
        return FORMULA
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)[:10_000]
