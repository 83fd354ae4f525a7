"""Reads study rooms from a table with a row for each."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import time
from itertools import count
from typing import Any, Final

from models.floor_files.entities import LARGEST_FILE, MOST_PROBLEMS, Columns, FileProblem
from models.floor_files.row_table import Cells, RowTable, TableKind, TableRow, read_rows
from models.floor_files.table import folded
from models.kernel.errors import Malformed
from models.kernel.text import is_printable_line
from models.library.entities import Venue, VenueId
from models.library.names import check_names
from models.library.plan_editing import HIGHEST_FLOOR, LOWEST_FLOOR
from models.library.rooms import (
    LONGEST_ROOM_NAME,
    RequestAnswer,
    Room,
    RoomId,
    RoomRules,
    check_room,
)
from models.library.seat_names import name_key

MOST_ROOMS: Final = 300
NAMES_COLUMN: Final = "name:"
"""The field of a column with rooms' names in a further language begins with this: name:en."""
_TABLE: Final = TableKind(
    frozenset({"id", "name"}),
    MOST_ROOMS,
    missing="room_columns_missing",
    too_many="too_many_rooms",
    empty="no_rooms",
    named="name",
)
_RULES: Final = frozenset(each.name for each in fields(RoomRules))
_RULE_NUMBERS: Final = (
    *("min_minutes", "max_minutes", "step_minutes", "days_ahead", "bookings_a_week"),
    *("buffer_minutes", "confirm_minutes"),
)
_NUMBERS: Final = ("floor", "least", "most", *_RULE_NUMBERS)
_ID: Final = re.compile(r"[0-9a-z][0-9a-z-]{1,29}")
_ID_CHARS: Final = 8


@dataclass(frozen=True, slots=True)
class RoomWords:
    """The words that a table of rooms may contain, in lower case. ``answers``: what becomes of a
    request without an answer; None: no approval is needed. ``dashes``, ``ends``: patterns of what
    stands between two times and between two words."""

    columns: Columns
    yes: frozenset[str]
    no: frozenset[str]
    answers: Mapping[str, RequestAnswer | None]
    dashes: str
    ends: str


@dataclass(frozen=True, slots=True)
class PlannedRoom:
    """A room that an import would write: ``old`` with its changes, or a new one."""

    old: Room | None
    new: Room

    @property
    def changes(self) -> bool:
        return self.old is None or replace(self.new, rev=self.old.rev) != self.old


@dataclass(frozen=True, slots=True)
class RoomPlan:
    rooms: list[PlannedRoom]
    problems: list[FileProblem]


def cells_of(room: Room, venue: str, yes: str, answers: Mapping[RequestAnswer, str]) -> Cells:
    """The room as the texts of a table's row, by field. ``venue``: the name of its venue. ``yes``,
    ``answers``: the words for them."""
    rules = room.rules
    numbers = {name: getattr(rules, name) for name in _RULE_NUMBERS}
    return {
        "id": room.id,
        "venue": venue,
        "name": room.name,
        **{NAMES_COLUMN + tag: name for tag, name in room.names.items()},
        **{name: str(getattr(room, name)) for name in ("floor", "least", "most")},
        "equipment": "; ".join(room.equipment),
        "hours": "-".join(f"{clock:%H:%M}" for clock in room.hours or ()),
        **{name: str(number) for name, number in numbers.items() if number is not None},
        "purpose_wanted": yes if rules.purpose_wanted else "",
        "unanswered": answers[rules.unanswered] if rules.unanswered is not None else "",
    }


# --- the table ------------------------------------------------------------------------------------
def read_rooms(
    data: bytes, columns: Columns, most: int = LARGEST_FILE, encoding: str = ""
) -> RowTable:
    """The rows of a table of rooms, as ``read_rows`` decodes it."""
    return read_rows(data, _TABLE, columns, most, encoding)


# --- the rooms ------------------------------------------------------------------------------------
def plan_rooms(
    rows: Sequence[TableRow],
    rooms: Mapping[RoomId, Room],
    venues: Mapping[VenueId, Venue],
    venue: str,
    words: RoomWords,
) -> RoomPlan:
    """The rooms that the rows describe. A row means the room with its id, or with its name in its
    venue (``venue``, if it names none); an empty cell leaves the room's value, or the usual one of
    a new room. ``venues``: those in use."""
    plan = RoomPlan([], [])
    for row in rows:
        try:
            planned = _planned(row, rooms, venues, venue, words)
            if planned.new.id in {other.new.id for other in plan.rooms}:
                raise Malformed("file", "room_twice", room=planned.new.name)
            plan.rooms.append(planned)
        except Malformed as error:
            plan.problems.append(FileProblem(error, row.line))
    del plan.problems[MOST_PROBLEMS:]
    return plan


def _planned(
    row: TableRow,
    rooms: Mapping[RoomId, Room],
    venues: Mapping[VenueId, Venue],
    venue: str,
    words: RoomWords,
) -> PlannedRoom:
    cells = row.cells
    id, name = cells.get("id", ""), _line(cells.get("name", ""))
    old = rooms.get(RoomId(id)) if id else None
    venue_id = _venue(cells.get("venue", "") or (old.venue_id if old else venue), venues)
    if old is None and not id:
        key = name_key(name)
        same = [r for r in rooms.values() if (r.venue_id, name_key(r.name)) == (venue_id, key)]
        if len(same) > 1:
            raise Malformed("file", "room_not_one", room=name)
        old = same[0] if same else None
    if old is not None and old.retired:
        raise Malformed("file", "room_out_of_use", room=old.name)
    if old is not None and old.venue_id != venue_id:
        raise Malformed("file", "room_of_another_venue", room=old.name)
    if old is None:
        _check_new(id, cells)
    base = old or Room(RoomId(id) or _new_id(venue_id, name, rooms), venue_id, name, 1, 1, 1)
    values = dict(_values(cells, base, words))
    rules = {name: values.pop(name) for name in _RULES if name in values}
    new = replace(base, **values, rules=replace(base.rules, **rules))
    if not 0 < len(new.name) <= LONGEST_ROOM_NAME or not is_printable_line(new.name):
        raise Malformed("name", "name_length", most=LONGEST_ROOM_NAME)
    if not LOWEST_FLOOR <= new.floor <= HIGHEST_FLOOR:
        raise Malformed("floor", "out_of_bounds", least=LOWEST_FLOOR, most=HIGHEST_FLOOR)
    check_room(new)
    check_names("names", new.names, LONGEST_ROOM_NAME)
    return PlannedRoom(old, new if old is None else replace(new, rev=old.rev + 1))


def _check_new(id: str, cells: Cells) -> None:
    """Raises: Malformed if a new room lacks what every room needs, or has a wrong id."""
    if id and _ID.fullmatch(id) is None:
        raise Malformed("id", "id_format")
    for name in ("name", "floor", "least", "most"):
        if name not in cells:
            raise Malformed(name, "room_cell_missing")


def _new_id(venue_id: VenueId, name: str, rooms: Mapping[RoomId, Room]) -> RoomId:
    """An unused id that is the same whenever the same file is read."""
    hashes = (
        hashlib.sha256(f"{venue_id}\n{name_key(name)}\n{n}".encode()).hexdigest() for n in count()
    )
    ids = (RoomId(f"r{digest[:_ID_CHARS]}") for digest in hashes)
    return next(id for id in ids if id not in rooms)


def _venue(text: str, venues: Mapping[VenueId, Venue]) -> VenueId:
    """The id of the venue with this id or name. Raises: Malformed if no venue in use has it."""
    for venue in venues.values():
        if text == venue.id or name_key(text) == name_key(venue.name):
            return venue.id
    raise Malformed("file", "venue_unknown", venue=text[:20])


def _values(cells: Cells, base: Room, words: RoomWords) -> Iterator[tuple[str, Any]]:
    """The values of the room and of its rules that the row gives. Raises: Malformed."""
    names = {f.removeprefix(NAMES_COLUMN): cells[f] for f in cells if f.startswith(NAMES_COLUMN)}
    yield "names", {**base.names, **names}
    for name, text in cells.items():
        if name == "name":
            yield name, _line(text)
        elif name in _NUMBERS:
            yield name, _number(name, text)
        elif name == "equipment":
            yield name, tuple(filter(None, map(str.strip, re.split(words.ends, text))))
        elif name == "hours":
            yield name, _hours(text, words.dashes)
        elif name == "purpose_wanted":
            if folded(text) not in words.yes | words.no:
                raise Malformed("file", "not_yes_or_no", column=name, text=text[:20])
            yield name, folded(text) in words.yes
        elif name == "unanswered":
            if folded(text) not in words.answers:
                raise Malformed(name, "room_answer", text=text[:20])
            yield name, words.answers[folded(text)]


def _line(text: str) -> str:
    return " ".join(text.split())


def _number(name: str, text: str) -> int:
    match = re.fullmatch(r"(-?[0-9]{1,5})(\.0+)?", text)
    if match is None:
        raise Malformed(name, "not_an_integer", text=text[:20])
    return int(match[1])


def _hours(text: str, dashes: str) -> tuple[time, time]:
    parts = [
        re.fullmatch("([0-9]{1,2}):([0-9]{2})", part.strip()) for part in re.split(dashes, text)
    ]
    try:
        opens, closes = (time(int(part[1]), int(part[2])) for part in parts if part is not None)
    except ValueError as error:
        raise Malformed("hours", "room_hours_text", text=text[:20]) from error
    return opens, closes
