"""Reader groups: what each decides, and what is reserved for it.

A change that takes seats from others is shown with their bookings first; nothing changes before
that is confirmed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from aiohttp import web

from handlers.affected_bookings.console import is_answered, question_about, resolution_from
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import LONGEST_REASON, PageRequest, form_reason, form_text, redirect
from handlers.library.console.seat_lists import chosen_seats, in_order, seat_list
from handlers.staff.forms import refusal, typed_in
from handlers.staff.layout import render, staff_context
from handlers.texts.console import EQUALS, WRONG_TEXT
from models.identity.roles import Role
from models.kernel.errors import InvalidRequest
from models.kernel.text import is_printable_line
from models.kernel.time_range import local_date
from models.library.entities import Area, SeatId
from models.policy.validation import NUMBER_BOUNDS
from models.reader_groups.entities import (
    CampusPattern,
    GroupId,
    GroupLimits,
    ReaderGroup,
    ReaderGroups,
)
from models.reader_groups.errors import GroupChanged, GroupNameTaken, TooManyGroups
from models.reader_groups.staff.groups import StaffReaderGroups
from models.reader_groups.staff.memberships import StaffMemberships

LONGEST_NAME: Final = 20
MAX_PATTERNS: Final = 20
LARGEST_GROUP: Final = 256 * 1024
"""Bytes of a form that names every seat of the library."""
_PATTERN: Final = re.compile(rf"([A-Za-z][\w:.-]{{0,63}})\s*{EQUALS}\s*(\S.{{0,99}})")


async def reader_groups(visit: PageRequest) -> web.StreamResponse:
    """All groups."""
    await visit[REFERENCE].refresh()
    groups = list(visit[REFERENCE].groups.by_id.values())
    return render(
        visit,
        "reader_groups",
        items=groups,
        sizes=await visit[StaffMemberships].sizes(),
        areas=visit[REFERENCE].catalog.areas,
        library=visit[REFERENCE].policy_on(local_date(visit.now)),
        changes=visit.may_in(None, Role.ADMINISTRATOR),
        done=visit.request.query.get("done", ""),
    )


async def new_reader_group(visit: PageRequest) -> web.StreamResponse:
    """The form, empty."""
    await visit[REFERENCE].refresh()
    return _page(visit, None, _typed(visit, ReaderGroup(GroupId(""), "", "")))


async def reader_group(visit: PageRequest) -> web.StreamResponse:
    """One group with its form."""
    await visit[REFERENCE].refresh()
    group = visit[StaffReaderGroups].get(visit.id)
    return _page(visit, group, _typed(visit, group))


def _page(
    visit: PageRequest, group: ReaderGroup | None, typed: Mapping[str, str], **more: Any
) -> web.Response:
    catalog = visit[REFERENCE].catalog
    facts: dict[str, Any] = {
        "group": group,
        "typed": typed,
        "wrong": "",
        "impact": None,
        "areas": [
            (area, _others(visit[REFERENCE].groups, area, group)) for area in catalog.bookable_areas
        ],
        "bounds": NUMBER_BOUNDS,
        "changes": visit.may_in(None, Role.ADMINISTRATOR),
        "decides": visit.may_in(None, Role.LIBRARIAN),
        "longest": LONGEST_REASON,
        "longest_name": LONGEST_NAME,
        "done": visit.request.query.get("done", ""),
    }
    return render(visit, "reader_group", **facts | more)


def _others(groups: ReaderGroups, area: Area, group: ReaderGroup | None) -> list[str]:
    """The other groups that the area is reserved for."""
    return [
        other.name
        for other in groups.by_id.values()
        if area.id in other.areas and (group is None or other.id != group.id)
    ]


def _typed(visit: PageRequest, g: ReaderGroup) -> dict[str, str]:
    longest, window = g.limits.max_minutes, g.limits.booking_window_days
    typed = {
        "name": g.name,
        "shown_name": g.shown_name,
        "default": "on" if g.default else "",
        "max_minutes": str(longest) if longest is not None else "",
        "booking_window_days": str(window) if window is not None else "",
        "patterns": "\n".join(f"{p.attribute}={p.value}" for p in g.patterns),
        "base": str(g.rev),
        "reason": "",
    }
    for area in visit[REFERENCE].catalog.bookable_areas:
        typed[f"area-{area.id}"] = "on" if area.id in g.areas else ""
        typed[f"seats-{area.id}"] = seat_list(area, g.seats)
    return typed


def seats_in(area: Area, text: str) -> Iterable[SeatId]:
    """The seats that the typed names stand for; none where nothing is typed. Raises:
    InvalidRequest."""
    if not text.strip():
        return ()
    try:
        return [seat.id for seat in chosen_seats(in_order(area.seats), text)]
    except InvalidRequest as error:
        wrong = WRONG_TEXT["of_area"].format(area=area.full_name, reason=error.details["reason"])
        raise InvalidRequest("seats", wrong) from None


# --- changing one ---------------------------------------------------------------------------------
async def add_reader_group(visit: PageRequest, form: Form) -> web.StreamResponse:
    """A new group."""
    await visit[REFERENCE].refresh()
    return await _save(visit, form, None)


async def change_reader_group(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Another name, other numbers, or other seats."""
    await visit[REFERENCE].refresh()  # another worker may have changed it
    return await _save(visit, form, visit[StaffReaderGroups].get(visit.id))


async def _save(visit: PageRequest, form: Form, old: ReaderGroup | None) -> web.StreamResponse:
    names = _typed(visit, old or ReaderGroup(GroupId(""), "", ""))
    typed, staff = typed_in(form, names), visit[StaffReaderGroups]
    reference, ctx = visit[REFERENCE], staff_context(visit)
    try:
        if old is not None and typed["base"] != str(old.rev):
            raise GroupChanged()
        new = _read(visit, typed, old)
        if form_text(form, "edit"):
            return _page(visit, old, typed)
        reason = form_reason(form)
        rows = await staff.find_barred(reference.groups.with_group(new), ctx)
        if rows and not is_answered(form, rows):
            return _page(visit, old, typed, **await question_about(visit, form, rows))
        await staff.save(ctx, old, new, reason, resolution_from(form))
    except (InvalidRequest, GroupChanged, GroupNameTaken, TooManyGroups) as error:
        return _page(visit, old, **refusal(visit, error, typed))
    return redirect("/console/groups?done=group")


def _read(visit: PageRequest, typed: Mapping[str, str], old: ReaderGroup | None) -> ReaderGroup:
    """Raises: InvalidRequest."""
    areas = list(visit[REFERENCE].catalog.bookable_areas)
    seats = {id for area in areas for id in seats_in(area, typed[f"seats-{area.id}"])}
    chosen = {area.id for area in areas if typed[f"area-{area.id}"] == "on"}
    for area in visit[REFERENCE].catalog.known_areas:
        if old is not None and not area.in_use:
            # No field of the form is for them: they are still reserved when they come back.
            chosen |= {area.id} & old.areas
            seats |= {seat.id for seat in area.retired_seats} & old.seats
    name = _name(typed, "name")
    return ReaderGroup(
        id=old.id if old is not None else GroupId(""),
        name=name,
        shown_name=_name(typed, "shown_name") if typed["shown_name"] else name,
        default=typed["default"] == "on",
        limits=GroupLimits(_number(typed, "max_minutes"), _number(typed, "booking_window_days")),
        areas=frozenset(chosen),
        seats=frozenset(seats),
        patterns=_patterns(typed["patterns"]),
        rev=old.rev + 1 if old is not None else 0,
    )


def _name(typed: Mapping[str, str], field: str) -> str:
    name = typed[field]
    if not 0 < len(name) <= LONGEST_NAME or not is_printable_line(name):
        raise InvalidRequest(field, WRONG_TEXT["group_name_length"].format(most=LONGEST_NAME))
    return name


def _number(typed: Mapping[str, str], field: str) -> int | None:
    text = typed[field]
    if not text:
        return None
    least, most = NUMBER_BOUNDS[field]
    if not re.fullmatch(r"[0-9]{1,4}", text) or not least <= int(text) <= most:
        wrong = WRONG_TEXT["group_number"].format(least=least, most=most)
        raise InvalidRequest(field, wrong)
    return int(text)


def _patterns(text: str) -> tuple[CampusPattern, ...]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        match = _PATTERN.fullmatch(line.strip())
        if match is None:
            wrong = WRONG_TEXT["group_patterns"].format(line=number)
            raise InvalidRequest("patterns", wrong)
        found.append(CampusPattern(match[1], match[2]))
    if len(found) > MAX_PATTERNS:
        raise InvalidRequest("patterns", WRONG_TEXT["too_many_patterns"].format(most=MAX_PATTERNS))
    return tuple(found)


async def delete_reader_group(visit: PageRequest, form: Form) -> web.StreamResponse:
    """The group is gone, with its memberships."""
    await visit[REFERENCE].refresh()
    group = visit[StaffReaderGroups].get(visit.id)
    try:
        if form_text(form, "base") != str(group.rev):
            raise GroupChanged()
        await visit[StaffReaderGroups].delete(staff_context(visit), group, form_reason(form))
    except (InvalidRequest, GroupChanged) as error:
        return _page(visit, group, **refusal(visit, error, _typed(visit, group)))
    return redirect("/console/groups?done=delete_group")
