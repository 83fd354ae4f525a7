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
    """The lockers of a text with a number and, after a comma, perhaps a size in each line. Raises:
    Malformed."""
    line_of, things = dict[str, int](), []
    for n, line in enumerate(text.splitlines(), start=1):
        number, size = (part.strip() for part in [*_COMMA.split(line, maxsplit=1), ""][:2])
        if not number and not size:
            continue
        if not _is_number(number) or not _is_size(size):
            raise Malformed("lockers", "season_lockers", line=n)
        if (first := line_of.setdefault(number, n)) < n:
            raise Malformed("lockers", "season_locker_twice", line=n, number=number, first=first)
        things.append(Thing(number, size))
    return tuple(things)


def as_lines(things: Iterable[Thing]) -> str:
    """The lockers as a text that ``lockers`` reads."""
    return "\n".join(f"{one.id},{one.size}" if one.size else one.id for one in things)


def read_lockers(data: bytes, columns: Columns, most: int, encoding: str) -> RowTable:
    """The rows of a table of lockers, as ``read_rows`` decodes it."""
    return read_rows(data, _TABLE, columns, most, encoding)


def lockers_of(rows: Sequence[TableRow]) -> tuple[list[Thing], list[FileProblem]]:
    """The lockers of the rows, and the errors of the others."""
    line_of, things, problems = dict[str, int](), [], []
    for row in rows:
        number, size = row.cells.get("number", ""), " ".join(row.cells.get("size", "").split())
        if not _is_number(number):
            problems.append(FileProblem(_wrong("number", "locker_number", number), row.line))
        elif not _is_size(size):
            problems.append(FileProblem(_wrong("size", "locker_size", size), row.line))
        elif (first := line_of.setdefault(number, row.line)) < row.line:
            twice = Malformed("file", "locker_twice", number=number, first=first)
            problems.append(FileProblem(twice, row.line))
        else:
            things.append(Thing(number, size))
    return things, problems[:MOST_PROBLEMS]


def _wrong(field: str, reason: str, text: str) -> Malformed:
    return Malformed(field, reason, text=text[:LONGEST_SIZE], most=LONGEST_SIZE)


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None and text != ANY


def _is_size(text: str) -> bool:
    return len(text) <= LONGEST_SIZE and is_printable_line(text)
