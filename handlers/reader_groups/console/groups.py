"""Reader groups. A change that takes seats from booked readers has to be confirmed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from handlers.affected_bookings.console import (
    Impact,
    is_answered,
    question_about,
    resolution_from,
)
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, form_reason, form_text, redirect
from handlers.library.console.seat_lists import chosen_seats, in_order, seat_list
from handlers.staff.forms import Lines, decode, require_current
from handlers.staff.layout import render, staff_context
from handlers.staff.sent_forms import keep_typed
from handlers.texts.console import EQUALS, WRONG_TEXT
from models.identity.roles import Role
from models.kernel.errors import Malformed
from models.library.entities import Area, SeatId
from models.policy.validation import NUMBER_BOUNDS
from models.reader_groups.entities import (
    LIMIT_NAMES,
    CampusPattern,
    GroupId,
    GroupLimits,
    ReaderGroup,
    ReaderGroups,
)
from models.reader_groups.errors import GroupChanged
from models.reader_groups.staff.groups import StaffReaderGroups
from models.reader_groups.staff.memberships import StaffMemberships

LONGEST_NAME: Final = 20
MAX_PATTERNS: Final = 20
LARGEST_GROUP: Final = 256 * 1024
"""The largest form in bytes, large enough to name every seat of the library."""
_EMPTY: Final = ReaderGroup(GroupId(""), "", "")
_PATTERN: Final = re.compile(rf"([A-Za-z][\w:.-]{{0,63}})\s*{EQUALS}\s*(\S.{{0,99}})")


GroupName = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
_STAY: Final = NUMBER_BOUNDS["max_minutes"]
_WINDOW: Final = NUMBER_BOUNDS["booking_window_days"]


class GroupForm(msgspec.Struct):
    """The fields of every group's form, which also has a checkbox and a seat list for each area."""

    name: GroupName
    shown_name: GroupName | None = None
    default: bool = False
    max_minutes: Annotated[int, Meta(ge=_STAY[0], le=_STAY[1])] | None = None
    max_minutes_at_least: bool = False
    booking_window_days: Annotated[int, Meta(ge=_WINDOW[0], le=_WINDOW[1])] | None = None
    booking_window_days_at_least: bool = False
    patterns: Lines = ""


async def reader_groups(visit: PageRequest) -> web.StreamResponse:
    await visit[REFERENCE].refresh()
    return render(
        visit,
        "reader_groups",
        items=list(visit[REFERENCE].groups.by_id.values()),
        sizes=await visit[StaffMemberships].sizes(),
        areas=visit[REFERENCE].catalog.areas,
        library=visit[REFERENCE].policy_on(visit.zone.day(visit.now), None),
        changes=visit.may_in(None, Role.ADMINISTRATOR),
    )


async def new_reader_group(visit: PageRequest) -> web.StreamResponse:
    await visit[REFERENCE].refresh()
    return _page(visit, _EMPTY)


async def reader_group(visit: PageRequest) -> web.StreamResponse:
    await visit[REFERENCE].refresh()
    return _page(visit, visit[StaffReaderGroups].get(visit.id))


def _page(
    visit: PageRequest, group: ReaderGroup, impact: Impact | None = None, **refusal: Any
) -> web.Response:
    reference = visit[REFERENCE]
    areas = list(reference.catalog.bookable_areas)
    return render(
        visit,
        "reader_group",
        group=group,
        patterns="\n".join(f"{p.attribute}={p.value}" for p in group.patterns),
        impact=impact,
        areas=areas,
        others_of={area.id: _others(reference.groups, area, group) for area in areas},
        seats_of={area.id: seat_list(area, group.seats) for area in areas},
        bounds=NUMBER_BOUNDS,
        changes=visit.may_in(None, Role.ADMINISTRATOR),
        decides=visit.may_in(None, Role.LIBRARIAN),
        longest_name=LONGEST_NAME,
        **refusal,
    )


def _others(groups: ReaderGroups, area: Area, group: ReaderGroup) -> list[str]:
    return [
        other.name
        for other in groups.by_id.values()
        if area.id in other.areas and other.id != group.id
    ]


def seats_in(area: Area, text: str) -> Iterable[SeatId]:
    """The area's seats in the typed list; none if the list is empty. Raises: Malformed."""
    if not text.strip():
        return ()
    try:
        return [seat.id for seat in chosen_seats(in_order(area.seats), text)]
    except Malformed as error:
        wrong = WRONG_TEXT["of_area"].format(area=area.name, reason=error.details["reason"])
        raise Malformed(f"seats-{area.id}", wrong) from None


# --- changing one ---------------------------------------------------------------------------------
async def add_reader_group(visit: PageRequest, form: Form) -> web.StreamResponse:
    await visit[REFERENCE].refresh()
    return await _save(visit, form, None)


async def change_reader_group(visit: PageRequest, form: Form) -> web.StreamResponse:
    await visit[REFERENCE].refresh()  # another worker may have changed it
    return await _save(visit, form, visit[StaffReaderGroups].get(visit.id))


async def _save(visit: PageRequest, form: Form, old: ReaderGroup | None) -> web.StreamResponse:
    staff, reference, ctx = visit[StaffReaderGroups], visit[REFERENCE], staff_context(visit)
    if old is not None:
        require_current(form, old.rev, GroupChanged)
    new = _read(visit, form, old)
    keep_typed(visit, form)
    if form_text(form, "edit"):
        return _page(visit, old or _EMPTY)
    reason = form_reason(form)
    rows = await staff.find_barred(reference.groups.with_group(new), ctx)
    if rows and not is_answered(form, rows):
        return _page(visit, old or _EMPTY, **await question_about(visit, form, rows))
    await staff.save(ctx, old, new, reason, resolution_from(form))
    return redirect("/console/groups?done=group")


def _read(visit: PageRequest, form: Form, old: ReaderGroup | None) -> ReaderGroup:
    """The reader group that the form describes. Raises: Malformed."""
    typed, areas = (
        decode(visit.zone, form, GroupForm),
        list(visit[REFERENCE].catalog.bookable_areas),
    )
    seats = {id for area in areas for id in seats_in(area, form_text(form, f"seats-{area.id}"))}
    chosen = {area.id for area in areas if form_text(form, f"area-{area.id}")}
    for area in visit[REFERENCE].catalog.known_areas:
        if old is not None and not area.in_use:
            # The form has no fields for retired areas and seats, which stay reserved.
            chosen |= {area.id} & old.areas
            seats |= {seat.id for seat in area.retired_seats} & old.seats
    return ReaderGroup(
        id=old.id if old is not None else GroupId(""),
        name=typed.name,
        shown_name=typed.shown_name or typed.name,
        default=typed.default,
        limits=_limits(typed),
        areas=frozenset(chosen),
        seats=frozenset(seats),
        patterns=_patterns(typed.patterns),
        rev=old.rev + 1 if old is not None else 0,
    )


def _limits(typed: GroupForm) -> GroupLimits:
    at_least = frozenset(
        name
        for name in LIMIT_NAMES
        if getattr(typed, name) is not None and getattr(typed, f"{name}_at_least")
    )
    return GroupLimits(typed.max_minutes, typed.booking_window_days, at_least)


def _patterns(text: str) -> tuple[CampusPattern, ...]:
    patterns = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        match = _PATTERN.fullmatch(line.strip())
        if match is None:
            raise Malformed("patterns", "group_patterns", line=number)
        patterns.append(CampusPattern(match[1], match[2]))
    if len(patterns) > MAX_PATTERNS:
        raise Malformed("patterns", "too_many_patterns", most=MAX_PATTERNS)
    return tuple(patterns)


async def delete_reader_group(visit: PageRequest, form: Form) -> web.StreamResponse:
    await visit[REFERENCE].refresh()
    group = visit[StaffReaderGroups].get(visit.id)
    require_current(form, group.rev, GroupChanged)
    await visit[StaffReaderGroups].delete(staff_context(visit), group, form_reason(form))
    return redirect("/console/groups?done=delete_group")
