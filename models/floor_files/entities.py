from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from models.kernel.errors import Malformed
from models.library.entities import Fixture, SeatDraft

MOST_AREAS: Final = 50
MOST_SEATS_IN_FILE: Final = 5000
MOST_LINES: Final = 20_000
"""A table may have at most this many lines, empty ones and those of fixtures included."""
LARGEST_FILE: Final = 2 * 1024 * 1024
MOST_PROBLEMS: Final = 100
"""At most this many problems of a file are reported; others are found when these are corrected."""
CELL: Final = 50
"""In a table with rows and columns, neighbouring seats are placed this many plan units apart."""
MARGIN: Final = 20
NAME_COLUMN: Final = "area:"
"""The field of a column with areas' names in a further language begins with this: area:en."""
AREA_ROW: Final = "area"
"""The kind of a table's row that gives the size of an area."""


@dataclass(frozen=True, slots=True)
class FileProblem:
    """A problem in a file. `line` counts from 1, as in a spreadsheet, and is None for files
    without lines, where `area` names the place."""

    error: Malformed
    line: int | None = None
    area: str = ""


class UnreadableFile(Exception):
    """The file cannot be used. `problems`: all that were found in it."""

    def __init__(self, *problems: FileProblem) -> None:
        super().__init__(problems)
        self.problems = problems


@dataclass(frozen=True, slots=True)
class SeatInFile:
    """A seat in a file, with its line there. `placed`: False if the file gives no coordinates;
    an existing seat then keeps its own."""

    draft: SeatDraft
    placed: bool = True
    line: int | None = None


@dataclass(slots=True)
class AreaInFile:
    """An area in a file: an existing one, found by `id` or by `name`, or a new one. None, or ""
    as the venue, means that the file has no value; an existing area then keeps its own."""

    name: str
    id: str = ""
    venue: str = ""
    floor: int | None = None
    width: int | None = None
    height: int | None = None
    names: dict[str, str] = field(default_factory=dict)
    """Names in further languages; an existing area keeps those that the file lacks."""
    seats: list[SeatInFile] = field(default_factory=list)
    fixtures: list[Fixture] | None = None
    base: int | None = None
    """The existing area's revision when the import's preview was made; -1 if there was none."""
    line: int | None = None
    features: frozenset[str] | None = None
    """The library's own features that the file has for seats; None for all of them. Existing
    seats keep the others."""


@dataclass(frozen=True, slots=True)
class FloorFile:
    """A decoded file: its areas and the headings of ignored columns; or all its problems."""

    areas: list[AreaInFile] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    encoding: str = ""
    """The encoding in which the text file was read; "" for a workbook."""
    problems: list[FileProblem] = field(default_factory=list)


Columns = Mapping[str, str]
"""The field that each column of a table has, by the column's heading in lower case. The field of
one of the library's own features is its id after ``OWN_FEATURE``."""
OWN_FEATURE: Final = "feature:"
