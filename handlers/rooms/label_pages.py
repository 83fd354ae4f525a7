"""The page that the label at a study room opens: a check-in of the room's people, or its day."""

from __future__ import annotations

from datetime import date, timedelta

from aiohttp import web

from bind.scan_notes import ScanNotes
from handlers.accounts.scan_note import carried_note, take_scan
from handlers.check_in.scanned import check_in_by
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, domain_error_page, form_page, redirect
from handlers.rooms import presenter
from handlers.rooms.room_days import present_state, room_card
from models.check_in.arrival import RoomLabelScan
from models.check_in.errors import QrExpired
from models.kernel.errors import DomainError, NotFound
from models.library.rooms import Room, RoomId
from models.reference_data import ReferenceData
from models.reservations.room_booking import RoomBooking, RoomState
from models.rooms.service import RoomDay, RoomService


async def scanned(request: web.Request) -> web.StreamResponse:
    """Redirects a label's link, opened by camera or WeChat, to check-in with a scan note."""
    try:
        room = _room(request.app[REFERENCE], request.match_info["id"])
        return await take_scan(request, f"/s/room/{room.id}")
    except DomainError as error:
        return domain_error_page(request, error)


def _room(reference: ReferenceData, id: str) -> Room:
    """The room, also one that is no longer booked but still used. Raises: NotFound."""
    room = reference.rooms.get(RoomId(id))
    if room is None:
        raise NotFound()
    return room


async def check_in_form(visit: PageRequest) -> web.StreamResponse:
    """The reader's booking of this room, with a button where it can be checked in now; without a
    booking the room's day."""
    room, b = _room(visit[REFERENCE], visit.id), await _booking(visit)
    day, of_day = await _day(visit, room)
    return form_page(
        visit,
        "rooms/scanned.html",
        None,
        here=f"/s/room/{room.id}",
        card=room_card(visit, of_day, day),
        present=present_state(visit, of_day),
        b=presenter.own(visit[REFERENCE], b, visit.reader.id, "") if b is not None else None,
        due=b is not None
        and b.state is RoomState.RESERVED
        and b.check_in_from <= visit.now < b.check_in_until,
        lacks_people=b is not None and b.lacks_people,
        has_note=_carried_scan(visit) is not None,
    )


async def _booking(visit: PageRequest) -> RoomBooking | None:
    """The reader's earliest live booking of this room; None without any."""
    live = await visit[RoomService].of(visit.reader.id, visit.now)
    return next((b for b in live if b.room_id == visit.id and b.live), None)


async def _day(visit: PageRequest, room: Room) -> tuple[date, RoomDay]:
    """The room's day whose hours are now, which may have begun before midnight; else today."""
    today = visit.zone.day(visit.now)
    for day in (today - timedelta(days=1), today):
        (of_day,) = await visit[RoomService].day(day, [room])
        if any(hours.contains(visit.now) for hours in of_day.hours.intervals):
            break
    return day, of_day


async def check_in(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Checks in the booking that the form names. The browser's scan note is the proof."""
    scan = _carried_scan(visit)
    if scan is None:
        return redirect(f"/s/room/{visit.id}/check-in")  # which explains the next step
    return await check_in_by(visit, form, scan)


def _carried_scan(visit: PageRequest) -> RoomLabelScan | None:
    """The scan proved by the browser's note; None if the note is expired or of another place."""
    try:
        note, session_id = carried_note(visit.request), visit.principal.session.id
        scan = visit[ScanNotes].scan_of(note, session_id, visit.now)
    except QrExpired:
        return None
    return scan if isinstance(scan, RoomLabelScan) and scan.room_id == visit.id else None
