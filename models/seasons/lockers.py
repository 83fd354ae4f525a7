"""The lockers that a season gives: from typed lines, and from a table with a row for each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from models.floor_files.entities import MOST_PROBLEMS, Columns, FileProblem
from models.floor_files.row_table import RowTable, TableKind, TableRow, read_rows
from models.kernel.errors import Malformed
from models.kernel.text import is_printable_line
from models.seasons.calculation import ANY
from models.seasons.entities import Thing
from models.seasons.rules import MOST_THINGS

LONGEST_SIZE: Final = 20
LONGEST_PLACE: Final = 40
MOST_ROWS: Final = 20
COLUMNS: Final = ("number", "size", "place", "row")
"""The texts of a locker in their order."""
_NUMBER: Final = re.compile(r"[\w-]{1,16}")
_COMMA: Final = re.compile(r"[,\uff0c]")
"""A comma, also the Chinese one."""
_TABLE: Final = TableKind(
    frozenset({"number"}),
    MOST_THINGS,
    missing="locker_column_missing",
    too_many="too_many_lockers",
    empty="no_lockers",
)


def lockers(text: str) -> tuple[Thing, ...]:
    """The lockers of a text with a number in each line and perhaps, after a comma each, size, place
    and row. Raises: Malformed."""
    line_of, things = dict[str, int](), []
    for n, line in enumerate(text.splitlines(), start=1):
        parts = [" ".join(part.split()) for part in _COMMA.split(line)]
        if not any(parts):
            continue
        number, size, place, row = [*parts, "", "", ""][:4]
        if len(parts) > 4 or _wrong(number, size, place, row) is not None:
            raise Malformed("lockers", "season_lockers", line=n)
        if (first := line_of.setdefault(number, n)) < n:
            raise Malformed("lockers", "season_locker_twice", line=n, number=number, first=first)
        things.append(Thing(number, size, place, int(row or 0)))
    return tuple(things)


def as_lines(things: Iterable[Thing]) -> str:
    """The lockers as a text that ``lockers`` reads."""
    rows = ((one.id, one.size, one.place, str(one.row or "")) for one in things)
    return "\n".join(",".join(row).rstrip(",") for row in rows)


def read_lockers(data: bytes, columns: Columns, most: int, encoding: str) -> RowTable:
    """The rows of a table of lockers, as ``read_rows`` decodes it."""
    return read_rows(data, _TABLE, columns, most, encoding)


def lockers_of(rows: Sequence[TableRow]) -> tuple[list[Thing], list[FileProblem]]:
    """The lockers of the rows, and the errors of the others."""
    line_of, things, problems = dict[str, int](), [], []
    for line in rows:
        number, size, place, row = (" ".join(line.cells.get(c, "").split()) for c in COLUMNS)
        if (wrong := _wrong(number, size, place, row)) is not None:
            problems.append(FileProblem(wrong, line.line))
        elif (first := line_of.setdefault(number, line.line)) < line.line:
            twice = Malformed("file", "locker_twice", number=number, first=first)
            problems.append(FileProblem(twice, line.line))
        else:
            things.append(Thing(number, size, place, int(row or 0)))
    return things, problems[:MOST_PROBLEMS]


def _wrong(number: str, size: str, place: str, row: str) -> Malformed | None:
    """The error of a locker's texts; None if they are right."""
    if _NUMBER.fullmatch(number) is None or number == ANY:
        return Malformed("number", "locker_number", text=number[:LONGEST_SIZE])
    for field, text, most in ("size", size, LONGEST_SIZE), ("place", place, LONGEST_PLACE):
        if len(text) > most or _COMMA.search(text) or not is_printable_line(text):
            return Malformed(field, "locker_text", most=most)
    if row and not (row.isascii() and row.isdigit() and 1 <= int(row) <= MOST_ROWS):
        return Malformed("row", "locker_row", text=row[:LONGEST_SIZE], most=MOST_ROWS)
    return None
