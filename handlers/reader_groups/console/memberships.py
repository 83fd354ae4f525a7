"""Who is in a reader group: entered for one reader, or by a list.

A list is shown with what is wrong in it, line by line; nothing is entered before it is confirmed.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import msgspec
from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, form_reason, form_text, redirect
from handlers.readers.console.readers import memberships_shown, reader_of
from handlers.staff.forms import decode
from handlers.staff.layout import render, staff_context
from handlers.staff.sent_forms import refuse
from handlers.texts.console import FULL_WIDTH_COMMA, WRONG_TEXT
from models.kernel.errors import Malformed, NotFound
from models.kernel.text import text_of_file
from models.reader_groups.entities import GroupId, Membership, MembershipSource
from models.reader_groups.errors import MembershipChanged
from models.reader_groups.staff.groups import StaffReaderGroups
from models.reader_groups.staff.memberships import StaffMemberships
from models.readers.entities import normalise_student_no

MAX_LINES: Final = 5000
LARGEST_LIST: Final = 512 * 1024
"""Bytes of a form with the longest list."""
_NUMBER: Final = re.compile(r"[0-9A-Z][0-9A-Z_.-]{2,31}")
_SHOWN: Final = 100
"""Wrong lines on the page."""


# --- one reader -----------------------------------------------------------------------------------
class MembershipForm(msgspec.Struct):
    """With ``remove`` the membership ends."""

    group: GroupId
    source: MembershipSource = MembershipSource.DESK
    base: str = ""
    remove: bool = False
    first: date | None = None
    last: date | None = None


async def set_membership(visit: PageRequest, form: Form) -> web.StreamResponse:
    """The reader is in the group on these days; with ``remove``, no more."""
    who, typed = await reader_of(visit), decode(form, MembershipForm)
    if typed.base != memberships_shown(who):
        raise MembershipChanged()
    asked = (typed.group, typed.source)
    was = next((m for m in who.memberships if (m.group_id, m.source) == asked), None)
    new = None if typed.remove else _membership(visit, typed)
    if typed.source is MembershipSource.CAMPUS or (was is None and new is None):
        raise NotFound()
    await visit[StaffMemberships].set_membership(
        staff_context(visit), who, was, new, form_reason(form)
    )
    return redirect(f"/console/readers/{who.id}?done=membership")


def _membership(visit: PageRequest, typed: MembershipForm) -> Membership:
    """Raises: Malformed."""
    first, last = typed.first, typed.last
    if typed.group not in visit[REFERENCE].groups.by_id:
        raise Malformed("group", "group_missing")
    if first is not None and last is not None and last < first:
        raise Malformed("last", "membership_dates")
    by, at = visit.reader.id, visit.now
    return Membership(typed.group, MembershipSource.DESK, first, last, by, at)


# --- a list ---------------------------------------------------------------------------------------
@dataclass(slots=True)
class MemberList:
    """What a list says: memberships by number, and what is wrong, by line."""

    rows: dict[str, Membership] = field(default_factory=dict)
    wrong: list[tuple[int, str]] = field(default_factory=list)


async def import_members(visit: PageRequest, form: Form) -> web.StreamResponse:
    """The list, shown as it was understood; or entered, where that was confirmed."""
    await visit[REFERENCE].refresh()
    text, file = form_text(form, "list").replace("\r\n", "\n"), form.get("file")
    group = visit[StaffReaderGroups].get(visit.id)
    found = None
    try:
        if isinstance(file, bytes) and file:
            text = _decoded(file)
        found = read_list(text, group.id, visit)
        if found.wrong or not form_text(form, "confirmed"):
            return await member_list(visit, text, found)
        changed = await visit[StaffMemberships].import_members(
            staff_context(visit), group, found.rows, form_reason(form)
        )
    except Malformed as error:
        refuse(visit, form, error)
        return await member_list(visit, text, found)
    return redirect(f"/console/groups/{group.id}?done=members-{changed}")


async def member_list(
    visit: PageRequest, text: str = "", found: MemberList | None = None
) -> web.StreamResponse:
    """The form for a list, and what was ``found`` in it."""
    await visit[REFERENCE].refresh()
    staff = visit[StaffMemberships]
    known = await staff.known_of(list(found.rows)) if found is not None else 0
    return render(
        visit,
        "member_list",
        status=400 if found is not None and found.wrong else 0,
        group=visit[StaffReaderGroups].get(visit.id),
        text=text,
        found=found,
        known=known,
        shown=_SHOWN,
        most=MAX_LINES,
    )


def _decoded(file: bytes) -> str:
    """Raises: Malformed."""
    text = text_of_file(file)
    if text is None:
        raise Malformed("file", WRONG_TEXT["list_not_text"])
    return text.text.strip()


def read_list(text: str, group_id: GroupId, visit: PageRequest) -> MemberList:
    """A line for each reader: the number, and perhaps a first and a last day. A first line without
    digits is a heading. Raises: Malformed where there is none, or there are too many."""
    lines = text.splitlines()
    if not text.strip():
        raise Malformed("list", WRONG_TEXT["list_empty"])
    if len(lines) > MAX_LINES:
        wrong = WRONG_TEXT["list_too_long"].format(most=MAX_LINES, count=len(lines))
        raise Malformed("list", wrong)
    found, seen = MemberList(), dict[str, int]()
    for number, line in enumerate(lines, 1):
        separator = "\t" if "\t" in line else ","
        plain = line.replace(FULL_WIDTH_COMMA, ",")
        cells = next(csv.reader([plain], delimiter=separator), [])
        if not any(cells) or (number == 1 and not re.search("[0-9]", line)):
            continue
        try:
            student_no, first, last = _line(cells)
        except Malformed as error:
            found.wrong.append((number, str(error.details["reason"])))
            continue
        if student_no in seen:
            wrong = WRONG_TEXT["line_twice"].format(line=seen[student_no])
            found.wrong.append((number, wrong))
            continue
        seen[student_no] = number
        found.rows[student_no] = Membership(
            group_id, MembershipSource.FILE, first, last, visit.reader.id, visit.now
        )
    if not found.rows and not found.wrong:
        raise Malformed("list", WRONG_TEXT["list_empty"])
    return found


def _line(cells: list[str]) -> tuple[str, date | None, date | None]:
    """Raises: Malformed."""
    student_no = normalise_student_no(cells[0])
    if not _NUMBER.fullmatch(student_no):
        raise Malformed("list", WRONG_TEXT["line_number"].format(text=cells[0][:40]))
    days: list[date | None] = []
    for cell in (*cells[1:3], "", "")[:2]:
        try:
            days.append(
                date.fromisoformat(cell.strip().replace("/", "-")) if cell.strip() else None
            )
        except ValueError:
            wrong = WRONG_TEXT["line_date"].format(text=cell[:40])
            raise Malformed("list", wrong) from None
    first, last = days
    if first is not None and last is not None and last < first:
        raise Malformed("list", WRONG_TEXT["line_dates"])
    return student_no, first, last
