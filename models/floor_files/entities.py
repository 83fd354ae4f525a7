from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from models.kernel.errors import Malformed
from models.library.entities import Fixture, SeatDraft

MOST_AREAS: Final = 50
MOST_SEATS_IN_FILE: Final = 5000
MOST_LINES: Final = 20_000
"""Lines of a table, including empty ones and those of fixtures."""
LARGEST_FILE: Final = 2 * 1024 * 1024
MOST_PROBLEMS: Final = 100
"""Problems that are reported of one file; the next ones appear when these are corrected."""
CELL: Final = 50
"""Plan units between neighbouring rows or columns of seats."""
MARGIN: Final = 20
AREA_ROW: Final = "area"
"""The kind of table row that gives an area's size."""


@dataclass(frozen=True, slots=True)
class FileProblem:
    """``line`` counts from 1, as in a spreadsheet; None in files where only ``area`` names a
    place."""

    error: Malformed
    line: int | None = None
    area: str = ""


class UnreadableFile(Exception):
    """A file that cannot be used, with all problems found."""

    def __init__(self, *problems: FileProblem) -> None:
        super().__init__(problems)
        self.problems = problems


@dataclass(frozen=True, slots=True)
class SeatInFile:
    """``placed`` is False if the file gives no coordinates: the seat keeps its present ones."""

    draft: SeatDraft
    placed: bool = True
    line: int | None = None


@dataclass(slots=True)
class AreaInFile:
    """Identified by ``id`` or ``name``. None: not mentioned in the file (fixtures then stay)."""

    name: str
    id: str = ""
    venue: str = ""
    floor: int | None = None
    width: int | None = None
    height: int | None = None
    seats: list[SeatInFile] = field(default_factory=list)
    fixtures: list[Fixture] | None = None
    base: int | None = None
    """The area's revision when the preview was made; -1 if the area did not exist."""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class FloorFile:
    """A decoded file: its areas and the column headings that were ignored, or all problems."""

    areas: list[AreaInFile] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    encoding: str = ""
    """The name of a text file's encoding; "" for a workbook."""
    problems: list[FileProblem] = field(default_factory=list)


Columns = Mapping[str, str]
"""Column headings in lower case → the field that each means."""
