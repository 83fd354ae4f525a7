"""Statistics as tables, from which the page, its charts and the files are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

Cell = str | int | float | date | datetime | None
"""A value in a table. None means that there is no data, which is not the same as zero."""
Row = tuple[Cell, ...]


class Kind(StrEnum):
    """The format of a column's values. Instants are shown in the library's time zone."""

    TEXT = "text"
    DATE = "date"
    INSTANT = "instant"
    COUNT = "count"
    HOURS = "hours"
    RATE = "rate"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. ``short``: its name where there is little room; empty for the same."""

    name: str
    kind: Kind
    short: str = ""

    @property
    def is_number(self) -> bool:
        return self.kind in (Kind.COUNT, Kind.HOURS, Kind.RATE)

    def formatted(self, cell: Cell) -> str:
        if cell is None:
            return "—"
        match self.kind:
            case Kind.RATE:
                return f"{100 * float(str(cell)):.1f}%"
            case Kind.HOURS:
                return f"{float(str(cell)):.1f}"
            case _:
                return cell if isinstance(cell, str) else str(cell)


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a title. ``key``: the table's name in URLs and file names."""

    key: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]

    @property
    def header(self) -> Row:
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> list[Cell]:
        n = self.header.index(name)
        return [row[n] for row in self.rows]
