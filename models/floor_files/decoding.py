from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import msgspec

from models.floor_files import layout, table, workbook
from models.floor_files.entities import (
    LARGEST_FILE,
    MOST_AREAS,
    MOST_SEATS_IN_FILE,
    AreaInFile,
    FileProblem,
    FloorFile,
    SeatInFile,
    UnreadableFile,
)
from models.floor_files.table import Line, Vocabulary
from models.kernel.errors import Malformed
from models.kernel.text import FileText, text_of_file
from models.library.entities import Fixture, SeatDraft
from models.library.plan_json import place_of

_LONGEST_CELL: Final = 10_000


class _Plan(msgspec.Struct, forbid_unknown_fields=True):
    """The plan of an area in a JSON file (in ``plan_to_json``'s form) or in a stored preview."""

    seats: list[SeatDraft]
    marks: list[Fixture] | None = None
    width: int | None = None
    height: int | None = None
    area: str = ""
    name: str = ""
    floor: int | None = None
    venue: str = ""
    base: int | None = None
    names: dict[str, str] = {}


class _Plans(msgspec.Struct, forbid_unknown_fields=True):
    areas: list[_Plan]


def read_file(
    data: bytes, words: Vocabulary, most: int = LARGEST_FILE, encoding: str = ""
) -> FloorFile:
    """Decodes a file with plans: workbook, CSV, ``plan_to_json``'s JSON, or another system's
    layout. Errors become `problems`. Run it ``confined``: a small file can take much memory and
    time. ``most``: limit in bytes. ``encoding``: one of ``ENCODINGS`` for text; "" detects it."""
    try:
        return _read(data, words, most, encoding)
    except UnreadableFile as error:
        return FloorFile(problems=list(error.problems))


def _read(data: bytes, words: Vocabulary, most: int, encoding: str) -> FloorFile:
    """Decodes the file by its kind. Raises: UnreadableFile."""
    if len(data) > most:
        raise _unreadable("file_too_large", most=LARGEST_FILE // 1024 // 1024)
    if zipfile.is_zipfile(io.BytesIO(data)):
        decoded = table.read_table(workbook.lines_of(data), words)
    else:
        file_text = _text(data, encoding)
        if file_text.text.lstrip()[:1] in ("{", "["):
            decoded = FloorFile(_from_json(file_text.text))
        else:
            decoded = table.read_table(_lines(file_text.text), words)
        decoded = replace(decoded, encoding=file_text.encoding)
    if len(decoded.areas) > MOST_AREAS:
        raise _unreadable("too_many_areas", most=MOST_AREAS)
    if sum(len(area.seats) for area in decoded.areas) > MOST_SEATS_IN_FILE:
        raise _unreadable("too_many_seats_in_file", most=MOST_SEATS_IN_FILE)
    return decoded


def table_lines(data: bytes, most: int, encoding: str) -> tuple[Iterator[Line], str]:
    """The lines of a workbook or a CSV file, and the encoding in which the latter is read. Lines
    are read as they are taken. Raises: UnreadableFile."""
    if len(data) > most:
        raise _unreadable("file_too_large", most=LARGEST_FILE // 1024 // 1024)
    if zipfile.is_zipfile(io.BytesIO(data)):
        return workbook.lines_of(data), ""
    read = _text(data, encoding)
    return _lines(read.text), read.encoding


def _unreadable(reason: str, **facts: object) -> UnreadableFile:
    return UnreadableFile(FileProblem(Malformed("file", reason, **facts)))


def _text(data: bytes, encoding: str) -> FileText:
    """Decodes the bytes of a text file. Raises: UnreadableFile."""
    read = text_of_file(data, encoding)
    if read is None:
        raise _unreadable("not_text" if b"\0" in data else "encoding_unknown")
    return read


def _lines(text: str) -> Iterator[Line]:
    """The rows of a CSV text, each with the number of its last line: cells can have line breaks."""
    first = text.lstrip().partition("\n")[0]
    signs = [(first.count(sign), sign) for sign in (",", ";", "\t")]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=max(signs)[1])
    try:
        for row in rows:
            if any(len(cell) > _LONGEST_CELL for cell in row):
                raise _unreadable("not_a_table")
            yield rows.line_num, row
    except csv.Error as error:
        raise _unreadable("not_a_table") from error


def _from_json(text: str) -> list[AreaInFile]:
    try:
        value = json.loads(text)
        if layout.is_layout(value):
            return layout.read_layouts(value)
        if isinstance(value, dict) and "areas" not in value:
            value = {"areas": [value]}
        elif isinstance(value, list):
            value = {"areas": value}
        plans = msgspec.convert(value, _Plans).areas
    except msgspec.ValidationError as error:
        raise _unreadable("not_a_plan_file", where=place_of(error)) from error
    except json.JSONDecodeError as error:
        raise _unreadable("not_json", line=error.lineno) from error
    except (ValueError, RecursionError) as error:
        raise _unreadable("not_a_plan_file", where="$") from error
    return [_area(plan) for plan in plans]


def _area(plan: _Plan) -> AreaInFile:
    return AreaInFile(
        name=plan.name.strip(),
        id=plan.area,
        venue=plan.venue,
        floor=plan.floor,
        width=plan.width,
        height=plan.height,
        seats=[SeatInFile(seat) for seat in plan.seats],
        fixtures=plan.marks,
        base=plan.base,
        names=plan.names,
    )


def to_json(areas: list[dict[str, Any]]) -> str:
    return json.dumps({"areas": areas}, ensure_ascii=False, separators=(",", ":"))
