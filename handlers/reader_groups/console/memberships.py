"""Memberships of reader groups: of a single reader, or imported as a list after a preview."""

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
"""The largest form in bytes, large enough for the longest list."""
_NUMBER: Final = re.compile(r"[0-9A-Z][0-9A-Z_.-]{2,31}")
_SHOWN: Final = 100
"""At most this many wrong lines of a list are shown."""


# --- one reader -----------------------------------------------------------------------------------
class MembershipForm(msgspec.Struct):
    group: GroupId
    source: MembershipSource = MembershipSource.DESK
    base: str = ""
    remove: bool = False
    first: date | None = None
    last: date | None = None


async def set_membership(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Sets a membership's first and last day or, with the form field ``remove``, ends it."""
    who, typed = await reader_of(visit), decode(visit.zone, form, MembershipForm)
    if typed.base != memberships_shown(who):
        raise MembershipChanged()
    key = (typed.group, typed.source)
    was = next((m for m in who.memberships if (m.group_id, m.source) == key), None)
    new = None if typed.remove else _membership(visit, typed)
    if typed.source is MembershipSource.CAMPUS or (was is None and new is None):
        raise NotFound()
    await visit[StaffMemberships].set_membership(
        staff_context(visit), who, was, new, form_reason(form)
    )
    return redirect(f"/console/readers/{who.id}?done=membership")


def _membership(visit: PageRequest, typed: MembershipForm) -> Membership:
    """The membership that the form describes. Raises: Malformed."""
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
    """The result of reading a list of members: the memberships by student or staff number, and
    the errors with their line's number."""

    rows: dict[str, Membership] = field(default_factory=dict)
    wrong: list[tuple[int, str]] = field(default_factory=list)


async def import_members(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Shows a preview of the list, or imports the list if the form confirms its preview."""
    await visit[REFERENCE].refresh()
    text, file = form_text(form, "list").replace("\r\n", "\n"), form.get("file")
    group = visit[StaffReaderGroups].get(visit.id)
    members = None
    try:
        if isinstance(file, bytes) and file:
            text = _decoded(file)
        members = read_list(text, group.id, visit)
        if members.wrong or not form_text(form, "confirmed"):
            return await member_list(visit, text, members)
        changed = await visit[StaffMemberships].import_members(
            staff_context(visit), group, members.rows, form_reason(form)
        )
    except Malformed as error:
        refuse(visit, form, error)
        return await member_list(visit, text, members)
    return redirect(f"/console/groups/{group.id}?done=members-{changed}")


async def member_list(
    visit: PageRequest, text: str = "", members: MemberList | None = None
) -> web.StreamResponse:
    """The page on which staff enter a list of members. ``members``: the result of reading
    ``text``, whose errors the page shows."""
    await visit[REFERENCE].refresh()
    staff = visit[StaffMemberships]
    known_count = await staff.known_of(list(members.rows)) if members is not None else 0
    return render(
        visit,
        "member_list",
        status=400 if members is not None and members.wrong else 0,
        group=visit[StaffReaderGroups].get(visit.id),
        text=text,
        found=members,
        known=known_count,
        shown=_SHOWN,
        most=MAX_LINES,
    )


def _decoded(file: bytes) -> str:
    """The text of an uploaded file. Raises: Malformed."""
    text = text_of_file(file)
    if text is None:
        raise Malformed("file", WRONG_TEXT["list_not_text"])
    return text.text.strip()


def read_list(text: str, group_id: GroupId, visit: PageRequest) -> MemberList:
    """The memberships in a typed or uploaded list. Each line has a student or staff number, and
    may have the first and the last day. A first line without digits is a heading. Raises:
    Malformed if the list is empty or too long."""
    lines = text.splitlines()
    if not text.strip():
        raise Malformed("list", WRONG_TEXT["list_empty"])
    if len(lines) > MAX_LINES:
        wrong = WRONG_TEXT["list_too_long"].format(most=MAX_LINES, count=len(lines))
        raise Malformed("list", wrong)
    members, line_of = MemberList(), dict[str, int]()
    for number, line in enumerate(lines, 1):
        separator = "\t" if "\t" in line else ","
        plain = line.replace(FULL_WIDTH_COMMA, ",")
        cells = next(csv.reader([plain], delimiter=separator), [])
        if not any(cells) or (number == 1 and not re.search("[0-9]", line)):
            continue
        try:
            student_no, first, last = _line(cells)
        except Malformed as error:
            members.wrong.append((number, str(error.details["reason"])))
            continue
        if student_no in line_of:
            wrong = WRONG_TEXT["line_twice"].format(line=line_of[student_no])
            members.wrong.append((number, wrong))
            continue
        line_of[student_no] = number
        members.rows[student_no] = Membership(
            group_id, MembershipSource.FILE, first, last, visit.reader.id, visit.now
        )
    if not members.rows and not members.wrong:
        raise Malformed("list", WRONG_TEXT["list_empty"])
    return members


def _line(cells: list[str]) -> tuple[str, date | None, date | None]:
    """A line's student or staff number, first and last day (None if missing). Raises: Malformed."""
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
