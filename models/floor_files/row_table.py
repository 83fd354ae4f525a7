"""Reads a table with a row for each thing of one kind. Columns are recognised by their headings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from models.floor_files import decoding
from models.floor_files.entities import Columns, FileProblem, UnreadableFile
from models.floor_files.table import FORMULA, Line, folded, plain
from models.kernel.errors import Malformed
from models.library.names import is_language_tag
from models.library.seat_names import tidy

Cells = Mapping[str, str]
"""The texts of a row's cells by field."""
_MOST_COLUMNS: Final = 60


@dataclass(frozen=True, slots=True)
class TableKind:
    """A kind of table. ``needed``: it has a column for one of these fields. ``most``: at most so
    many rows. ``missing``, ``too_many``, ``empty``: the reasons of the errors of a table
    without such a column, with more rows, or without any. ``named``: a column with this field and
    a language as its heading (name:en) has both as its field."""

    needed: frozenset[str]
    most: int
    missing: str
    too_many: str
    empty: str
    named: str = ""


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of the table: the texts of its cells that are not empty, by field."""

    line: int
    cells: Cells


@dataclass(frozen=True, slots=True)
class RowTable:
    """A decoded table and the headings of ignored columns; or all its problems."""

    rows: list[TableRow] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    encoding: str = ""
    problems: list[FileProblem] = field(default_factory=list)


def read_rows(data: bytes, kind: TableKind, columns: Columns, most: int, encoding: str) -> RowTable:
    """Decodes a workbook or a CSV file. Errors become `problems`. Run it ``confined``. ``most``,
    ``encoding``: as for ``decoding.read_file``."""
    try:
        lines, used = decoding.table_lines(data, most, encoding)
        return replace(_table(lines, kind, columns), encoding=used)
    except UnreadableFile as error:
        return RowTable(problems=list(error.problems))


def _table(lines: Iterable[Line], kind: TableKind, columns: Columns) -> RowTable:
    heads, ignored, rows = list[str](), list[str](), list[TableRow]()
    for line, cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        if not heads:
            heads = [_field(cell, kind, columns) for cell in cells[:_MOST_COLUMNS]]
            read = {folded(cell) for cell, name in zip(cells, heads, strict=False) if name}
            ignored = [cell[:40] for cell in cells if folded(cell) and folded(cell) not in read]
            for name in sorted({name for name in heads if name and heads.count(name) > 1}):
                raise _unreadable(line, "column_twice", column=name)
            if not kind.needed & set(heads):
                raise _unreadable(line, kind.missing)
            continue
        if len(rows) == kind.most:
            raise _unreadable(line, kind.too_many, most=kind.most)
        texts = {name: plain(c) for name, c in zip(heads, cells, strict=False) if name}
        if any(text.startswith(FORMULA) for text in texts.values()):
            raise _unreadable(line, "formula")
        rows.append(TableRow(line, {name: text for name, text in texts.items() if text}))
    if not rows:
        raise UnreadableFile(FileProblem(Malformed("file", kind.empty)))
    return RowTable(rows, ignored[:_MOST_COLUMNS])


def _unreadable(line: int, reason: str, **facts: object) -> UnreadableFile:
    return UnreadableFile(FileProblem(Malformed("file", reason, **facts), line))


def _field(heading: str, kind: TableKind, columns: Columns) -> str:
    """The field of the column with this heading; empty for a column that is ignored."""
    name, _, tag = tidy(heading).rpartition(":")
    if kind.named and columns.get(folded(name)) == kind.named and is_language_tag(tag):
        return f"{kind.named}:{tag}"
    return columns.get(folded(heading), "")
