"""研修间: the rooms of a day, booking one, the booking's page, and the invitation to take part."""

from __future__ import annotations

import msgspec
from aiohttp import web

from handlers.check_in.scanned import typed_scan
from handlers.http.forms import Form
from handlers.http.invitation_links import link_of
from handlers.http.keys import REFERENCE, WAKE_JOBS
from handlers.http.pages import PageRequest, done, form_page, form_text, redirect
from handlers.http.refusals import count_error
from handlers.http.request_parsing import malformed
from handlers.reservations.schemas import time_of
from handlers.rooms import presenter
from handlers.rooms.change_form import change_form
from handlers.rooms.room_days import chosen_day, days_from_today, room_card, room_times
from handlers.rooms.schemas import BookRoom, ChangeRoomBooking, wish_of
from handlers.texts.labels import ROOM_EVENT_TEXT, ROOM_STATE_TEXT
from handlers.texts.pages import ROOM_DONE_TEXT
from models.kernel.errors import (
    Conflict,
    DomainError,
    Malformed,
    NotFound,
    RuleViolation,
    TooManyAttempts,
)
from models.library.entities import PresenceSource
from models.reservations.room_booking import RoomBooking
from models.rooms.changes import RoomChangeService
from models.rooms.presence import RoomPresence
from models.rooms.service import RoomService


# --- rooms ----------------------------------------------------------------------------------------
async def rooms(visit: PageRequest) -> web.StreamResponse:
    """The rooms of a venue on a day, each with a bar of its hours. Raises: NotFound without any."""
    reference = visit[REFERENCE]
    in_use = reference.rooms_in_use()
    with_rooms = {room.venue_id for room in in_use}
    venues = [venue for venue in reference.catalog.venues_in_use if venue.id in with_rooms]
    if not venues:
        raise NotFound()
    venue = next((v for v in venues if v.id == visit.request.query.get("venue")), venues[0])
    days = days_from_today(visit, max(r.rules.days_ahead for r in in_use))
    day = chosen_day(visit, days)
    of_day = await visit[RoomService].day(day, [r for r in in_use if r.venue_id == venue.id])
    return form_page(
        visit,
        "rooms/list.html",
        None,
        venues=venues,
        venue=venue,
        days=days,
        day=day,
        cards=[
            room_card(visit, each, day)
            for each in of_day
            if day in days[: each.room.rules.days_ahead + 1]
        ],
    )


async def room(visit: PageRequest) -> web.StreamResponse:
    return await _room_page(visit)


async def _room_page(
    visit: PageRequest, refused: DomainError | None = None, body: BookRoom | None = None
) -> web.StreamResponse:
    """The room's page with the booking's form; ``body``: the form that was refused."""
    one = visit[REFERENCE].room(visit.id)
    days = days_from_today(visit, one.rules.days_ahead)
    day = chosen_day(visit, days, body.date if body is not None else None)
    (of_day,) = await visit[RoomService].day(day, [one])
    times, query = room_times(visit, of_day, day), visit.request.query
    return form_page(
        visit,
        "rooms/room.html",
        refused,
        of_purpose=is_of_purpose(refused),
        card=room_card(visit, of_day, day),
        rules=one.rules,
        days=days,
        day=day,
        times=times and times.preselecting(query.get("start", ""), query.get("end", "")),
        sent=body,
        suspension=visit.suspension,
    )


async def book(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Books the room, or requests it. If this is refused, the page says why."""
    fields = {name: form_text(form, name) for name in ("date", "start", "end", "purpose")}
    try:
        body = msgspec.convert(fields | {"room_id": visit.id}, BookRoom, strict=False)
    except msgspec.ValidationError as error:
        raise malformed(error, "form") from error
    try:
        made = await visit[RoomService].book(
            visit.context_with_key(form, body), body.room_id, time_of(body), body.purpose
        )
    except (Conflict, RuleViolation, Malformed) as error:
        count_error(visit.request, error)
        return await _room_page(visit, error, body)
    return _done(visit, made, "book")


# --- a booking ------------------------------------------------------------------------------------
async def booking(visit: PageRequest) -> web.StreamResponse:
    return await _booking_page(visit)


async def _booking_page(
    visit: PageRequest, refused: DomainError | None = None, body: ChangeRoomBooking | None = None
) -> web.StreamResponse:
    """The booking's page; ``body``: the form of a change that was refused."""
    b = await visit[RoomService].own(visit.reader.id, visit.id)
    invitation, reference = visit[RoomService].invitation_to(b), visit[REFERENCE]
    venue = reference.catalog.venues[b.venue_id]
    return form_page(
        visit,
        "rooms/booking.html",
        refused,
        b=presenter.detail(reference, b, visit.reader.id, invitation),
        change=await change_form(visit, b, body),
        of_purpose=is_of_purpose(refused),
        events=ROOM_EVENT_TEXT,
        live=b.live,
        lacks_people=b.lacks_people,
        invitation=invitation,
        link=link_of(visit.request, f"/room-invitations/{invitation}"),
        room_states=ROOM_STATE_TEXT,
        way=venue.check_in_way,
        kiosks=PresenceSource.KIOSK in venue.presence_sources,
        labels=PresenceSource.SEAT_LABEL in venue.presence_sources,
        done=ROOM_DONE_TEXT.get(visit.request.query.get("done", ""), ""),
    )


async def change(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Cancels, ends early or checks in. If this is refused, the page says why."""
    service, verb = visit[RoomService], visit.request.match_info["verb"]
    try:
        match verb:
            case "cancel":
                b = await service.cancel(visit.context(), visit.id)
            case "finish":
                b = await service.finish(visit.context(), visit.id)
            case "check-in":
                b = await _check_in(visit, form)
            case _:
                raise NotFound()
    except (Conflict, RuleViolation, TooManyAttempts) as error:
        count_error(visit.request, error)
        return await _booking_page(visit, error)
    return _done(visit, b, verb)


async def change_time(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Gives the booking another room or time. If this is refused, the form keeps what was sent."""
    body = _change_of(form)
    try:
        b = await visit[RoomChangeService].change(visit.context(), visit.id, wish_of(body))
    except (Conflict, RuleViolation, Malformed) as error:
        count_error(visit.request, error)
        return await _booking_page(visit, error, body)
    return _done(visit, b, "change")


def _change_of(form: Form) -> ChangeRoomBooking:
    names = ("room_id", "date", "start", "end", "purpose")
    fields = {name: form_text(form, name) for name in names if name in form}
    try:
        return msgspec.convert(fields, ChangeRoomBooking, strict=False)
    except msgspec.ValidationError as error:
        raise malformed(error, "form") from error


async def _check_in(visit: PageRequest, form: Form) -> RoomBooking:
    """Checks in by the digits of a kiosk of the room's venue."""
    b = await visit[RoomService].own(visit.reader.id, visit.id)
    scan = await typed_scan(visit, form, b.venue_id)
    return await visit[RoomPresence].check_in(visit.context(), b.id, scan)


# --- for others -----------------------------------------------------------------------------------
async def invitation(visit: PageRequest) -> web.StreamResponse:
    return await _invitation_page(visit)


async def _invitation_page(
    visit: PageRequest, refused: DomainError | None = None
) -> web.StreamResponse:
    b = await visit[RoomService].invited(visit.id)
    return form_page(
        visit,
        "rooms/invitation.html",
        refused,
        b=presenter.invitation(visit[REFERENCE], b, visit.reader.id),
        booking=b,
        invitation=visit.id,
        open=b.live and visit.now < b.span.end,
        suspension=visit.suspension,
    )


async def answer_invitation(visit: PageRequest, _: Form) -> web.StreamResponse:
    """Confirms that the reader takes part, or withdraws. If this is refused, the page says why."""
    service, verb = visit[RoomService], visit.request.match_info["verb"]
    try:
        match verb:
            case "confirm":
                b = await service.confirm(visit.context(), visit.id)
            case "withdraw":
                b = await service.withdraw(visit.context(), visit.id)
            case _:
                raise NotFound()
    except (Conflict, RuleViolation) as error:
        count_error(visit.request, error)
        return await _invitation_page(visit, error)
    visit[WAKE_JOBS]()
    if verb == "confirm":
        return _done(visit, b, verb)
    return done(visit, "/reservations?done=withdraw")


async def back_to_page(visit: PageRequest) -> web.StreamResponse:
    """Redirects a GET of a form's path, which a refused form leaves in the address bar, to the
    form's page."""
    return redirect(visit.request.path.rpartition("/")[0])


def is_of_purpose(refused: DomainError | None) -> bool:
    """True if the sentence of the refusal belongs to the field of the purpose."""
    return refused is not None and refused.details.get("field") == "purpose"


def _done(visit: PageRequest, b: RoomBooking, verb: str) -> web.Response:
    visit[WAKE_JOBS]()
    return done(visit, f"/room-bookings/{b.id}?done={verb}")
