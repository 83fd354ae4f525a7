"""Statistics as tables, shared by page, chart and file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

Cell = str | int | float | date | datetime | None
"""A value in a table; None: no data, as opposed to zero."""
Row = tuple[Cell, ...]


class Kind(StrEnum):
    """The format of a column. Instants are in the library's time zone."""

    TEXT = "text"
    DATE = "date"
    INSTANT = "instant"
    COUNT = "count"
    HOURS = "hours"
    RATE = "rate"


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    kind: Kind

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
                return str(cell)


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table. ``key``: its name in addresses and files."""

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
