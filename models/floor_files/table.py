"""Reads areas from a table with one row for each seat. Columns are recognised by their headings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from models.floor_files.entities import (
    AREA_ROW,
    CELL,
    MARGIN,
    MOST_AREAS,
    MOST_LINES,
    MOST_PROBLEMS,
    MOST_SEATS_IN_FILE,
    NAME_COLUMN,
    OWN_FEATURE,
    AreaInFile,
    Columns,
    FileProblem,
    FloorFile,
    SeatInFile,
    UnreadableFile,
)
from models.kernel.errors import Malformed
from models.library.entities import SEAT_FEATURES, Fixture, SeatDraft
from models.library.names import is_language_tag
from models.library.plan_editing import LARGEST
from models.library.seat_names import tidy

FORMULA: Final = "\x00="
"""A cell with this prefix contained a formula. Its displayed value is not used."""
_MOST_COLUMNS: Final = 60
_LONGEST_HEADING: Final = 40
_QUOTED: Final = ("=", "+", "-", "@", "\t", "\r", "'")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words that a table may contain. `yes`, `no`: values of features, in lower case.
    `kinds`: the word for each kind of row."""

    columns: Columns
    yes: frozenset[str]
    no: frozenset[str]
    kinds: Mapping[str, str]


Line = tuple[int, Sequence[str]]


def read_table(lines: Iterable[Line], words: Vocabulary) -> FloorFile:
    """Reads the areas from the lines of a table, whose first non-empty line has the headings.
    Raises: UnreadableFile with all problems."""
    table = _Table(words)
    for number, cells in lines:
        if number > MOST_LINES:
            table.refuse(number, "too_many_lines", most=MOST_LINES)
            break
        if any(cell.strip() for cell in cells):
            table.take(number, cells)
        if len(table.problems) >= MOST_PROBLEMS or table.seats > MOST_SEATS_IN_FILE:
            break
    if table.problems:
        raise UnreadableFile(*table.problems)
    if not table.areas:
        raise UnreadableFile(FileProblem(Malformed("file", "no_rows")))
    return FloorFile(list(table.areas.values()), table.ignored)


@dataclass(slots=True)
class _Table:
    words: Vocabulary
    fields: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    areas: dict[str, AreaInFile] = field(default_factory=dict)
    problems: list[FileProblem] = field(default_factory=list)
    seats: int = 0

    def refuse(self, line: int, reason: str, **facts: object) -> None:
        self.problems.append(FileProblem(Malformed("file", reason, **facts), line))

    def take(self, line: int, cells: Sequence[str]) -> None:
        if not self.fields:
            self._head(line, cells)
            return
        row = {name: plain(c) for name, c in zip(self.fields, cells, strict=False) if name}
        if any(value.startswith(FORMULA) for value in row.values()):
            self.refuse(line, "formula")
            return
        area = self._area(line, row)
        if area is None:
            return
        kind = self._kind(line, row)
        if kind == "seat":
            self._seat(line, row, area)
        elif kind == AREA_ROW:
            width, height = (self._number(line, row, name, 1) for name in ("w", "h"))
            area.width, area.height = width or area.width, height or area.height
        elif kind is not None:
            self._fixture(line, row, area, kind)

    def _head(self, line: int, cells: Sequence[str]) -> None:
        self.fields = [self._field(cell) for cell in cells[:_MOST_COLUMNS]]
        # Columns beyond the limit are listed as ignored, too.
        read = {folded(cell) for cell, name in zip(cells, self.fields, strict=False) if name}
        unknown = [cell for cell in cells if folded(cell) and folded(cell) not in read]
        self.ignored = [" ".join(c.split())[:_LONGEST_HEADING] for c in unknown[:_MOST_COLUMNS]]
        twice = {name for name in self.fields if name and self.fields.count(name) > 1}
        for name in sorted(twice):
            self.refuse(line, "column_twice", column=name)
        if not {"area", "area_id"} & set(self.fields) or "seat" not in self.fields:
            problem = FileProblem(Malformed("file", "columns_missing"), line)
            raise UnreadableFile(problem)

    def _field(self, heading: str) -> str:
        """The field of the column with this heading; empty for a column that is ignored."""
        columns = self.words.columns
        name, _, tag = tidy(heading).rpartition(":")
        if columns.get(folded(name)) == "area" and is_language_tag(tag):
            return NAME_COLUMN + tag
        return columns.get(folded(heading), "")

    def _area(self, line: int, row: Mapping[str, str]) -> AreaInFile | None:
        name, id = row.get("area", ""), row.get("area_id", "")
        if not name and not id:
            self.refuse(line, "area_missing")
            return None
        key = id or f"{row.get('venue', '')}\n{row.get('floor', '')}\n{name}"
        area = self.areas.get(key)
        if area is None:
            if len(self.areas) == MOST_AREAS:
                self.refuse(line, "too_many_areas", most=MOST_AREAS)
                return None
            area = self.areas[key] = AreaInFile(name, id, row.get("venue", ""), line=line)
            area.floor = self._number(line, row, "floor", -99)
        for column, text in row.items():
            if column.startswith(NAME_COLUMN) and text:
                area.names[column.removeprefix(NAME_COLUMN)] = text
            area.features = frozenset(self._own_features())
        return area

    def _own_features(self) -> Iterator[str]:
        return (f.removeprefix(OWN_FEATURE) for f in self.fields if f.startswith(OWN_FEATURE))

    def _kind(self, line: int, row: Mapping[str, str]) -> str | None:
        text = folded(row.get("kind", ""))
        if not text:
            return "seat"
        kind = self.words.kinds.get(text)
        if kind is None:
            self.refuse(line, "unknown_fixture", kind=row["kind"])
        return kind

    def _seat(self, line: int, row: Mapping[str, str], area: AreaInFile) -> None:
        no = tidy(row.get("seat", ""))
        if not no:
            self.refuse(line, "seat_missing")
            return
        self.seats += 1
        if self.seats > MOST_SEATS_IN_FILE:
            self.refuse(line, "too_many_seats_in_file", most=MOST_SEATS_IN_FILE)
            return
        place = self._place(line, row)
        has: dict[str, Any] = {name: self._mark(line, row, name) for name in SEAT_FEATURES}
        own = tuple(f for f in self._own_features() if self._mark(line, row, OWN_FEATURE + f))
        x, y = place or (0, 0)
        draft = SeatDraft(
            no,
            x,
            y,
            **has,
            disabled=row.get("disabled") or None,
            disabled_from=self._day(line, row, "disabled_from"),
            disabled_until=self._day(line, row, "disabled_until"),
            features=own,
        )
        area.seats.append(SeatInFile(draft, place is not None, line))

    def _place(self, line: int, row: Mapping[str, str]) -> tuple[int, int] | None:
        """The plan coordinates that a row gives to its seat; None if it gives none."""
        x, y = (self._number(line, row, name, 0) for name in ("x", "y"))
        column, at = (self._number(line, row, name, 1) for name in ("column", "row"))
        if x is not None and y is not None:
            return x, y
        if column is not None and at is not None:
            return MARGIN + CELL * (column - 1), MARGIN + CELL * (at - 1)
        if any(value is not None for value in (x, y, column, at)):
            self.refuse(line, "half_a_place")
        return None

    def _fixture(self, line: int, row: Mapping[str, str], area: AreaInFile, kind: str) -> None:
        values = [self._number(line, row, name, 0) for name in ("x", "y", "w", "h")]
        if area.fixtures is None:
            area.fixtures = []
        x, y, w, h = (value if value is not None else -1 for value in values)
        if min(x, y, w, h) < 0:
            self.refuse(line, "fixture_place")
        else:
            area.fixtures.append(Fixture(kind, x, y, w, h))

    def _number(self, line: int, row: Mapping[str, str], name: str, least: int) -> int | None:
        text = row.get(name, "")
        if not text:
            return None
        match = re.fullmatch(r"(-?[0-9]{1,6})(\.0+)?", text)
        if match is None or not least <= int(match[1]) <= LARGEST:
            self.refuse(line, "not_a_number", column=name, text=text[:20], most=LARGEST)
            return None
        return int(match[1])

    def _mark(self, line: int, row: Mapping[str, str], name: str) -> bool:
        text = folded(row.get(name, ""))
        if text and text not in self.words.yes | self.words.no:
            self.refuse(line, "not_yes_or_no", column=name, text=row[name][:20])
        return text in self.words.yes

    def _day(self, line: int, row: Mapping[str, str], name: str) -> date | None:
        text = row.get(name, "")
        if not text:
            return None
        match = re.fullmatch(r"([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})( 00:00:00)?", text)
        try:
            year, month, day = (int(match[n]) for n in (1, 2, 3)) if match else (0, 0, 0)
            return date(year, month, day)
        except ValueError:
            self.refuse(line, "not_a_day", column=name, text=text[:20])
            return None


def folded(text: str) -> str:
    return tidy(text).casefold()


def plain(text: str) -> str:
    """The cell's text without the leading apostrophe that keeps spreadsheets from evaluating it."""
    text = text.strip()
    quoted = text.startswith("'") and text[1:].startswith(_QUOTED)
    return text[1:] if quoted else text
