"""The place of a study room on the plan of an area."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.seat_map.plan_pieces import fixtures_of
from handlers.staff.forms import decode, require_current
from handlers.staff.layout import render, staff_context
from models.identity.roles import Role
from models.kernel.errors import Malformed, NotFound
from models.library.entities import Area, AreaId
from models.library.errors import RoomChanged
from models.library.rooms import SMALLEST_ON_PLAN, Room, RoomPlace, check_on_plan
from models.library.staff.rooms import StaffStudyRooms
from models.staff.audit import AuditAction

_WIDTH, _HEIGHT = 120, 80
"""The usual size of a room on a plan."""


class PlaceForm(msgspec.Struct):
    area: AreaId
    x: int
    y: int
    w: int
    h: int


async def room_place(visit: PageRequest) -> web.StreamResponse:
    """The room on the plan that the query or the form names: by default the one that it is on,
    then the first one of its floor."""
    await visit[REFERENCE].refresh()
    room = visit[StaffStudyRooms].get(visit.id)
    visit.require_in(room.venue_id, Role.ADMINISTRATOR)
    areas = _areas(visit, room)
    at = room.place
    named = visit.request.query.get("area") or (at.area_id if at is not None else "")
    area = next((one for one in areas if one.id == named), areas[0] if areas else None)
    if at is None or area is None or at.area_id != area.id:
        at = RoomPlace(area.id, 0, 0, _WIDTH, _HEIGHT) if area is not None else None
    return render(
        visit,
        "room_place",
        room=room,
        areas=areas,
        area=area,
        at=at,
        fixtures=list(fixtures_of(area)) if area is not None else [],
        smallest=SMALLEST_ON_PLAN,
    )


def _areas(visit: PageRequest, room: Room) -> list[Area]:
    """The areas in use of the room's venue, those of its floor first."""
    areas = [a for a in visit[REFERENCE].catalog.areas_in_use if a.venue_id == room.venue_id]
    return sorted(areas, key=lambda area: area.floor != room.floor)


async def change_place(visit: PageRequest, form: Form) -> web.StreamResponse:
    await visit[REFERENCE].refresh()
    context, staff = staff_context(visit), visit[StaffStudyRooms]
    room = staff.get(visit.id)
    visit.require_in(room.venue_id, Role.ADMINISTRATOR)
    require_current(form, room.rev, RoomChanged)
    operation = form_text(form, "operation")
    if operation not in ("put", "remove"):
        raise NotFound()
    place = _typed(visit, form, room) if operation == "put" else None
    await staff.change(context, room, replace(room, place=place))
    return redirect(f"/console/room-settings/{room.id}?done={AuditAction.CHANGE_ROOM}")


def _typed(visit: PageRequest, form: Form, room: Room) -> RoomPlace:
    """The place of the form. Raises: Malformed."""
    typed = decode(visit.zone, form, PlaceForm)
    area = next((one for one in _areas(visit, room) if one.id == typed.area), None)
    if area is None:
        raise Malformed("area", "no_area_chosen")
    place = RoomPlace(area.id, typed.x, typed.y, typed.w, typed.h)
    check_on_plan(place, area.width, area.height)
    return place
