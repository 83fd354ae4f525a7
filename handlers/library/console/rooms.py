"""研修间设置: the study rooms that the library keeps, and the rules of each."""

from __future__ import annotations

import hashlib
import re
from dataclasses import fields, replace
from datetime import time
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from handlers.affected_bookings.console import is_answered, question_about, resolution_from
from handlers.calendar_feed.feed import address as feed_address
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.language import library_language
from handlers.http.pages import PageRequest, form_reason, form_text, redirect
from handlers.staff.forms import decode, require_current
from handlers.staff.layout import render, staff_context
from handlers.staff.names_form import typed_names
from handlers.texts.console import SEAT_LIST_ENDS
from handlers.texts.console_labels import ROOM_TEXT
from languages.catalogue import LANGUAGES
from models.affected_bookings.rooms import AffectedRooms
from models.affected_bookings.service import Resolution
from models.calendar_feed.staff import StaffRoomFeeds
from models.identity.roles import Role
from models.kernel.errors import Malformed, NotFound
from models.library.entities import VenueId
from models.library.errors import RoomChanged
from models.library.names import label_text
from models.library.plan_editing import HIGHEST_FLOOR, LOWEST_FLOOR
from models.library.rooms import (
    BUFFERS,
    LONGEST_PICTURE_TEXT,
    LONGEST_ROOM_NAME,
    MOST_PEOPLE,
    ROOM_NUMBERS,
    RequestAnswer,
    Room,
    RoomId,
    RoomRules,
    check_room,
)
from models.library.staff.rooms import StaffStudyRooms
from models.staff.audit import AuditAction

_ID_CHARS: Final = 8
_NEW: Final = Room(RoomId(""), VenueId(""), "", 1, 2, 4)


class RoomForm(msgspec.Struct):
    """The fields of a room's form, which also has its names in other languages and a checkbox for
    each reader group. ``opens`` and ``closes``: both None if it is open as long as its venue."""

    name: Annotated[str, Meta(min_length=1, max_length=LONGEST_ROOM_NAME)]
    floor: Annotated[int, Meta(ge=LOWEST_FLOOR, le=HIGHEST_FLOOR)]
    least: int
    most: int
    min_minutes: int
    max_minutes: int
    days_ahead: int
    bookings_a_week: int
    step_minutes: int
    buffer_minutes: int
    purpose_wanted: bool = False
    confirm_minutes: int | None = None
    unanswered: RequestAnswer | None = None
    equipment: str = ""
    opens: time | None = None
    closes: time | None = None


async def room_settings(visit: PageRequest) -> web.StreamResponse:
    reference, today = visit[REFERENCE], visit.zone.day(visit.now)
    await reference.refresh()
    rooms = [room for room in reference.rooms.values() if visit.sees(room.venue_id)]
    venues, groups = reference.catalog.venues, reference.groups
    return render(
        visit,
        "room_settings",
        rooms=rooms,
        floors={r.id: label_text(venues[r.venue_id].floor(r.floor)) for r in rooms},
        doors={
            room.id
            for room in reference.rooms_in_use()
            if reference.policy_on(today, room.venue_id).hall_display
        },
        only_for={
            r.id: sorted(groups.by_id[id].name for id in groups.known(r.rules.groups))
            for r in rooms
        },
        adds=bool(_own_venues(visit)),
    )


async def new_room(visit: PageRequest) -> web.StreamResponse:
    await visit[REFERENCE].refresh()
    return await _page(visit, _NEW)


async def room(visit: PageRequest) -> web.StreamResponse:
    await visit[REFERENCE].refresh()
    room = visit[StaffStudyRooms].get(visit.id)
    visit.require_in(room.venue_id)
    return await _page(visit, room)


async def _page(visit: PageRequest, room: Room, address: str = "", **question: Any) -> web.Response:
    """The room's page. ``address``: of a new calendar feed, which only this page shows.
    ``question``: what becomes of bookings that a change no longer allows."""
    return render(
        visit,
        "room",
        room=room,
        venue=visit[REFERENCE].catalog.venues.get(room.venue_id),
        venues=_own_venues(visit),
        changes=not room.id or visit.may_in(room.venue_id, Role.ADMINISTRATOR),
        texts=ROOM_TEXT,
        bounds=ROOM_NUMBERS,
        buffers=BUFFERS,
        most_people=MOST_PEOPLE,
        longest_name=LONGEST_ROOM_NAME,
        longest_alt=LONGEST_PICTURE_TEXT,
        languages=LANGUAGES.values(),
        reader_groups=list(visit[REFERENCE].groups.by_id.values()),
        feed=await visit[StaffRoomFeeds].of(room.id),
        address=address,
        **{"impact": None} | question,
    )


async def change_calendar(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Issues a new URL of the room's calendar feed, or revokes it."""
    await visit[REFERENCE].refresh()
    feeds, room = visit[StaffRoomFeeds], visit[StaffStudyRooms].get(visit.id)
    match form_text(form, "operation"):
        case "issue":
            language = library_language(visit[REFERENCE].profile)
            token = await feeds.issue(staff_context(visit), room, language.tag)
            return await _page(visit, room, feed_address(visit.request, token))
        case "revoke":
            await feeds.revoke(staff_context(visit), room)
            done = AuditAction.CHANGE_ROOM_CALENDAR
            return redirect(f"/console/room-settings/{room.id}?done={done}")
        case _:
            raise NotFound()


def _own_venues(visit: PageRequest) -> dict[str, str]:
    """The names of the venues in use to which this staff member may add a room."""
    venues = visit[REFERENCE].catalog.venues_in_use
    return {v.id: v.name for v in venues if visit.may_in(v.id, Role.ADMINISTRATOR)}


async def add_room(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Adds a room with an id from the form's idempotency key: a form sent twice adds one room."""
    await visit[REFERENCE].refresh()
    venue_id = form_text(form, "venue")
    if venue_id not in _own_venues(visit):
        raise Malformed("venue", "venue_missing")
    new = _typed(visit, form, _NEW)
    sent = hashlib.sha256((form_text(form, "key") or new.name).encode()).hexdigest()
    new = replace(new, id=RoomId(f"r{sent[:_ID_CHARS]}"), venue_id=VenueId(venue_id))
    await visit[StaffStudyRooms].add(staff_context(visit), new)
    return redirect(f"/console/room-settings?done={AuditAction.ADD_ROOM}")


async def change_room(visit: PageRequest, form: Form) -> web.StreamResponse:
    await visit[REFERENCE].refresh()
    context, staff = staff_context(visit), visit[StaffStudyRooms]
    old = staff.get(visit.id)
    visit.require_in(old.venue_id, Role.ADMINISTRATOR)
    require_current(form, old.rev, RoomChanged)
    match form_text(form, "operation"):
        case "change":
            done, new = AuditAction.CHANGE_ROOM, _typed(visit, form, old)
        case "retire":
            done, new = AuditAction.RETIRE_ROOM, replace(old, retired=True)
        case "restore":
            done, new = AuditAction.RESTORE_ROOM, replace(old, retired=False)
        case _:
            raise NotFound()
    check_room(new)
    reason, affected = "", await visit[AffectedRooms].find_affected(visit.now, room=new)
    if affected:
        if not is_answered(form, [], affected):
            question = await question_about(visit, form, [], affected)
            return await _page(visit, old, **question)
        if resolution_from(form) is not Resolution.KEEP:
            reason = form_reason(form)
    await staff.change(context, old, new, done, reason)
    return redirect(f"/console/room-settings?done={done}")


def _typed(visit: PageRequest, form: Form, old: Room) -> Room:
    """``old`` with the values of the form. Raises: Malformed."""
    typed = decode(visit.zone, form, RoomForm)
    hours = None
    if typed.opens is not None and typed.closes is not None:
        hours = typed.opens, typed.closes
    elif typed.opens is not None or typed.closes is not None:
        raise Malformed("closes", "room_hours")
    words = map(str.strip, re.split(SEAT_LIST_ENDS, typed.equipment))
    groups = [id for id in visit[REFERENCE].groups.by_id if form_text(form, f"group-{id}")]
    return replace(
        old,
        name=typed.name,
        names=typed_names(form, old.names, LONGEST_ROOM_NAME),
        floor=typed.floor,
        least=typed.least,
        most=typed.most,
        equipment=tuple(filter(None, words)),
        hours=hours,
        rules=RoomRules(
            **{f.name: getattr(typed, f.name) for f in fields(RoomRules) if f.name != "groups"},
            groups=tuple(groups),
        ),
    )
