"""研修间: the requests that the desk answers, and who has which room when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE, WAKE_JOBS
from handlers.http.pages import PageRequest, form_reason, redirect
from handlers.rooms import presenter
from handlers.rooms.schemas import RoomRequestOut
from handlers.staff.forms import day_of
from handlers.staff.layout import SHOWN, reader_label, render, staff_context
from handlers.texts.console_labels import ROOM_ACTS
from handlers.texts.labels import ROOM_STATE_TEXT
from models.identity.roles import Role
from models.library.rooms import RequestAnswer
from models.readers.staff.readers import StaffReaders
from models.reservations.room_booking import RoomBooking, RoomState
from models.rooms.staff import StaffRooms
from models.staff.audit import AuditAction


@dataclass(frozen=True, slots=True)
class _Line:
    """A booking on the page. ``who``: its booker; empty after an erasure. ``decides``: this staff
    member may decide about it. ``acts``: what they can do for its people now."""

    booking: RoomRequestOut
    label: str
    who: str
    unanswered: RequestAnswer | None
    decides: bool
    acts: Sequence[AuditAction]


async def rooms(visit: PageRequest) -> web.StreamResponse:
    """The requests that wait, and the bookings of the day that the query names; without one those
    from today on."""
    staff, context, typed = visit[StaffRooms], staff_context(visit), visit.request.query.get("date")
    day, today = day_of(typed, "date") if typed else None, visit.zone.day(visit.now)
    venues = visit.rights.venues if visit.rights is not None else None
    requests = await staff.requests(context, venues)
    # A stay of yesterday goes over midnight.
    first, last = (day, day) if day else (today - timedelta(days=1), date.max)
    bookings = await staff.occupancies(first, last, venues, SHOWN + 1)
    people = await visit[StaffReaders].many({b.booker for b in (*requests, *bookings)})
    names = {id: reader_label(reader) for id, reader in people.items()}
    lines = [_line(visit, b, names.get(b.booker, "")) for b in bookings[:SHOWN]]
    waiting = [_line(visit, b, names.get(b.booker, "")) for b in requests]
    return render(
        visit,
        "rooms",
        requests=waiting,
        forms={
            *(f"/console/rooms/{one.booking.id}/decline" for one in waiting if one.decides),
            *(f"/console/rooms/{one.booking.id}/{act}" for one in lines for act in one.acts),
        },
        days=[(day, list(those)) for day, those in groupby(lines, lambda one: one.booking.date)],
        listed=SHOWN if len(bookings) > SHOWN else 0,
        day=day,
        today=today,
        states=ROOM_STATE_TEXT,
        acts=ROOM_ACTS,
    )


def _line(visit: PageRequest, b: RoomBooking, who: str) -> _Line:
    booking = presenter.request(visit[REFERENCE], b, b.booker)
    decides = visit.may_in(b.venue_id, Role.LIBRARIAN)
    return _Line(
        booking,
        presenter.room_label(visit[REFERENCE], b),
        who,
        b.unanswered,
        decides,
        possible_actions(b, visit.now) if decides else (),
    )


def possible_actions(b: RoomBooking, now: datetime) -> list[AuditAction]:
    """The actions that the desk can take for the booking's people now. The service checks again."""
    actions = []
    if b.state is RoomState.RESERVED and now < b.check_in_until:
        if b.check_in_from <= now and not b.lacks_people:
            actions.append(AuditAction.CHECK_IN)
        actions.append(AuditAction.CANCEL)
    elif b.state is RoomState.IN_USE and now < b.span.end:
        actions.append(AuditAction.FINISH)
    return actions


async def approve(visit: PageRequest, _: Form) -> web.StreamResponse:
    await visit[StaffRooms].answer(staff_context(visit), visit.id, RequestAnswer.APPROVE)
    return _done(visit, AuditAction.APPROVE_ROOM)


async def decline(visit: PageRequest, form: Form) -> web.StreamResponse:
    await visit[StaffRooms].answer(
        staff_context(visit), visit.id, RequestAnswer.DECLINE, form_reason(form)
    )
    return _done(visit, AuditAction.DECLINE_ROOM)


async def cancel(visit: PageRequest, form: Form) -> web.StreamResponse:
    await visit[StaffRooms].cancel(staff_context(visit), visit.id, form_reason(form))
    return _done(visit, AuditAction.CANCEL)


async def check_in(visit: PageRequest, form: Form) -> web.StreamResponse:
    await visit[StaffRooms].check_in(staff_context(visit), visit.id, form_reason(form))
    return _done(visit, AuditAction.CHECK_IN)


async def finish(visit: PageRequest, form: Form) -> web.StreamResponse:
    await visit[StaffRooms].finish(staff_context(visit), visit.id, form_reason(form))
    return _done(visit, AuditAction.FINISH)


def _done(visit: PageRequest, action: AuditAction) -> web.StreamResponse:
    visit[WAKE_JOBS]()
    return redirect(f"/console/rooms?done={action}")
