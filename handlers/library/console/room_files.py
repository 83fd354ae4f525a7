"""Adds or changes several study rooms at once: from a list of names, or from a table after a
preview. The previewed table is stored only in the browser's form, so the import reads it again."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.language import language_of
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.http.uploads import LARGEST_FORM
from handlers.staff.layout import render, staff_context
from handlers.staff.row_files import problem_text, read_table
from handlers.staff.sent_forms import refuse, typed_in
from handlers.staff.spreadsheets import XLSX_TYPE, download
from handlers.texts.console_labels import ROOM_TEXT
from handlers.texts.floor_files import ENCODING_TEXT, YES
from handlers.texts.room_files import (
    ANSWER_TEXT,
    CHANGED,
    NAME_IN,
    ROOM_COLUMN_TEXT,
    ROOM_LIST_ENDS,
    ROOM_WORDS,
    SHEET_TEXT,
    TEMPLATE_EXPLAINED,
    TEMPLATE_FIELDS,
    TEMPLATE_ROWS,
)
from languages.text import Text
from models.floor_files import writing
from models.floor_files.entities import LARGEST_FILE, FileProblem
from models.floor_files.room_table import (
    MOST_ROOMS,
    NAMES_COLUMN,
    PlannedRoom,
    cells_of,
    plan_rooms,
    read_rooms,
)
from models.floor_files.row_table import RowTable, TableRow
from models.identity.roles import Role
from models.kernel.errors import Malformed
from models.library.entities import Venue, VenueId
from models.library.errors import RoomChanged, VenueChanged
from models.library.names import label_text
from models.library.rooms import LONGEST_ROOM_NAME, MOST_PEOPLE, Room
from models.library.staff.rooms import StaffStudyRooms
from models.staff.audit import AuditAction

_DONE: Final = f"/console/room-settings?done={AuditAction.ADD_ROOM}"
_FOR_ALL: Final = ("floor", "least", "most", "equipment")


@dataclass(frozen=True, slots=True)
class RoomPreview:
    """A room in an import's preview. ``changes``: those of an existing room in words."""

    room: Room
    is_new: bool
    place: Text | str
    changes: list[Text]


def _venues(visit: PageRequest) -> dict[VenueId, Venue]:
    """The venues in use to which this staff member may add rooms."""
    venues = visit[REFERENCE].catalog.venues_in_use
    return {v.id: v for v in venues if visit.may_in(v.id, Role.ADMINISTRATOR)}


# --- a list of names ------------------------------------------------------------------------------
async def several_rooms(visit: PageRequest) -> web.StreamResponse:
    await visit[REFERENCE].refresh()
    return render(
        visit,
        "rooms_several",
        venues=_venues(visit).values(),
        texts=ROOM_TEXT,
        most_people=MOST_PEOPLE,
        longest=(LONGEST_ROOM_NAME + 1) * MOST_ROOMS,
    )


async def add_several(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Adds a room for each name, with the usual rules. A form sent twice adds them once."""
    reference = visit[REFERENCE]
    await reference.refresh()
    venues = _venues(visit)
    if (venue := VenueId(form_text(form, "venue"))) not in venues:
        raise Malformed("venue", "venue_missing")
    names = [n for n in map(str.strip, re.split(ROOM_LIST_ENDS, form_text(form, "names"))) if n]
    if not names:
        raise Malformed("names", "room_names_missing")
    if len(names) > MOST_ROOMS:
        raise Malformed("names", "too_many_rooms", most=MOST_ROOMS)
    same = {name: text for name in _FOR_ALL if (text := form_text(form, name))}
    rows = [TableRow(n, {**same, "name": name}) for n, name in enumerate(names)]
    plan = plan_rooms(rows, reference.rooms, venues, venue, ROOM_WORDS)
    for problem in plan.problems:
        raise _at(problem.error, "names")
    if any(planned.changes for planned in plan.rooms):
        for planned in plan.rooms:
            if planned.old is not None:
                raise Malformed("names", "room_exists", room=planned.old.name)
        await visit[StaffStudyRooms].change_several(
            staff_context(visit), [(None, planned.new) for planned in plan.rooms]
        )
    return redirect(_DONE)


def _at(error: Malformed, field: str) -> Malformed:
    """The error of a row at its field of the form; at ``field``, if it has none there."""
    details = dict(error.details)
    named, reason = str(details.pop("field")), str(details.pop("reason"))
    return Malformed(named if named in _FOR_ALL else field, reason, **details)


# --- a table --------------------------------------------------------------------------------------
async def import_page(visit: PageRequest) -> web.StreamResponse:
    await visit[REFERENCE].refresh()
    return _page(visit)


def _page(visit: PageRequest, **more: Any) -> web.Response:
    facts: dict[str, Any] = {
        "venues": _venues(visit).values(),
        "largest": LARGEST_FILE // 1024 // 1024,
        "most": MOST_ROOMS,
        "encodings": ENCODING_TEXT,
        **{"problems": [], "previews": [], "ignored": [], "changed": 0},
        **{"encoding": "", "table": "", "base": "", "typed": {}},
    }
    return render(visit, "room_import", **facts | more)


async def import_rooms(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Shows the preview of an uploaded table, or imports the table of a confirmed preview."""
    reference = visit[REFERENCE]
    await reference.refresh()
    typed = typed_in(form, ("venue", "encoding"))
    read = await _read(visit, form)
    plan = plan_rooms(read.rows, reference.rooms, _venues(visit), typed["venue"], ROOM_WORDS)
    if problems := [*read.problems, *plan.problems]:
        texts = [problem_text(problem, ROOM_COLUMN_TEXT) for problem in problems]
        return _page(visit, status=400, problems=texts, typed=typed)
    base = " ".join(f"{p.new.id}:{p.old.rev if p.old else -1}" for p in plan.rooms)
    changed = [planned for planned in plan.rooms if planned.changes]
    try:
        if not changed:
            raise Malformed("file", "nothing_changed")
        if form_text(form, "confirmed"):
            if form_text(form, "base") != base:
                raise RoomChanged()
            await visit[StaffStudyRooms].change_several(
                staff_context(visit), [(planned.old, planned.new) for planned in changed]
            )
            return redirect(_DONE)
    except (RoomChanged, VenueChanged, Malformed) as error:
        refuse(visit, form, error)
    return _page(
        visit,
        previews=[_preview(visit, planned) for planned in plan.rooms],
        changed=len(changed),
        ignored=read.ignored,
        encoding=read.encoding,
        table=_table(read.rows),
        base=base,
        typed=typed,
    )


async def _read(visit: PageRequest, form: Form) -> RowTable:
    """The content of the uploaded file or the confirmed preview. ``problems`` has its errors."""
    table, file = form_text(form, "table"), form.get("file")
    if table:
        data, most = table.encode(), LARGEST_FORM
    elif isinstance(file, bytes) and file:
        data, most = file, LARGEST_FILE
    else:
        return RowTable(problems=[FileProblem(Malformed("file", "file_missing"))])
    return await read_table(visit, form, read_rooms, ROOM_WORDS.columns, data, most)


def _table(rows: Sequence[TableRow]) -> str:
    """The rows as a CSV text with the fields as headings."""
    fields = list(dict.fromkeys(name for row in rows for name in row.cells))
    lines = [fields, *([row.cells.get(name, "") for name in fields] for row in rows)]
    return writing.as_csv(lines).decode("utf-8-sig")


def _preview(visit: PageRequest, planned: PlannedRoom) -> RoomPreview:
    old, new = planned.old, planned.new
    venue = visit[REFERENCE].catalog.venues[new.venue_id]
    place = label_text(venue, venue.floor(new.floor))
    if old is None:
        return RoomPreview(new, True, place, [])
    before, after = (_cells(visit, room) for room in (old, new))
    changes = [
        CHANGED.format(
            field=_label(name),
            before=before.get(name) or "—",
            after=after.get(name) or "—",
        )
        for name in dict.fromkeys((*before, *after))
        if before.get(name) != after.get(name)
    ]
    return RoomPreview(new, False, place, changes)


def _label(field: str) -> str:
    """The name of a table's field."""
    if field.startswith(NAMES_COLUMN):
        return NAME_IN.format(tag=field.removeprefix(NAMES_COLUMN))
    return ROOM_COLUMN_TEXT[field]


def _cells(visit: PageRequest, room: Room) -> Mapping[str, str]:
    venue = visit[REFERENCE].catalog.venues[room.venue_id].name
    return cells_of(room, venue, YES, ANSWER_TEXT)


async def template(visit: PageRequest) -> web.StreamResponse:
    """A table to fill in as an XLSX workbook, with a sheet that explains the columns. It has the
    rooms that there are, or two examples."""
    say = language_of(visit.request).say
    await visit[REFERENCE].refresh()
    own = [r for r in visit[REFERENCE].rooms_in_use() if r.venue_id in _venues(visit)]
    tags = sorted({tag for room in own for tag in room.names})
    fields = [*(ROOM_COLUMN_TEXT if own else TEMPLATE_FIELDS), *(f"name:{tag}" for tag in tags)]
    named = str(say(ROOM_COLUMN_TEXT["name"]))
    head = [ROOM_COLUMN_TEXT.get(name) or name.replace("name", named) for name in fields]
    rows: Iterable[writing.Row] = (
        [[_cells(visit, room).get(name, "") for name in fields] for room in own]
        if own
        else TEMPLATE_ROWS
    )
    sheets: dict[str, Sequence[writing.Row]] = {
        say(SHEET_TEXT["rooms"]): [[say(cell) for cell in row] for row in (head, *rows)],
        say(SHEET_TEXT["explained"]): [[say(c) for c in row] for row in TEMPLATE_EXPLAINED],
    }
    book = await asyncio.to_thread(writing.as_workbook, sheets)
    return download(book, XLSX_TYPE, "rooms.xlsx")
