"""What a file says about areas, before it is held against the library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from models.kernel.errors import Malformed
from models.library.entities import Fixture, SeatDraft

MOST_AREAS: Final = 50
MOST_SEATS_IN_FILE: Final = 5000
MOST_LINES: Final = 20_000
"""Lines of a table, empty ones and fixtures too."""
LARGEST_FILE: Final = 2 * 1024 * 1024
MOST_PROBLEMS: Final = 100
"""Of a file; who mends these sees the next ones."""
CELL: Final = 50
"""Plan units from one row or column of seats to the next."""
MARGIN: Final = 20
AREA_ROW: Final = "area"
"""The kind of a table's row that says how large an area is."""


@dataclass(frozen=True, slots=True)
class FileProblem:
    """What is wrong in a file. ``line`` counts from 1 as a spreadsheet does; None in files without
    lines, in which ``area`` says where."""

    error: Malformed
    line: int | None = None
    area: str = ""


class UnreadableFile(Exception):
    """Nothing of the file can be used: all that is wrong with it."""

    def __init__(self, *problems: FileProblem) -> None:
        super().__init__(problems)
        self.problems = problems


@dataclass(frozen=True, slots=True)
class SeatInFile:
    """A seat without a place keeps the one that it has. ``line`` is where it stands."""

    draft: SeatDraft
    placed: bool = True
    line: int | None = None


@dataclass(slots=True)
class AreaInFile:
    """An area as a file names it: by its ``id``, or by its ``name``. What is None is not said;
    fixtures that are not said stay as they are."""

    name: str
    id: str = ""
    venue: str = ""
    floor: int | None = None
    width: int | None = None
    height: int | None = None
    seats: list[SeatInFile] = field(default_factory=list)
    fixtures: list[Fixture] | None = None
    base: int | None = None
    """The revision that a preview was made from; -1 for an area that there was not."""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class FloorFile:
    """What is in a file: its areas, and the headings of columns that mean nothing here; or all that
    is wrong with it."""

    areas: list[AreaInFile] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    encoding: str = ""
    """That of a file of text."""
    problems: list[FileProblem] = field(default_factory=list)


Columns = Mapping[str, str]
"""The words that head a column, in small letters, and the field that each of them means."""
