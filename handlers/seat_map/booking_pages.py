"""立即预约 and 更改预约: submitting the form beside a floor plan."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from handlers.http import presenting
from handlers.http.errors import status_of
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE, WAKE_JOBS
from handlers.http.pages import PageRequest, done, form_text
from handlers.http.refusals import count_error
from handlers.http.request_parsing import malformed
from handlers.reservations import schemas
from handlers.seat_map.pages import area_page
from handlers.seat_map.search import MapSearch, SearchTimes, features_in, is_open_at_end
from models.booking.service import ReservationService
from models.kernel.errors import Conflict, RuleViolation
from models.readers.context import RequestContext
from models.reservations.entities import Reservation
from models.reservations.rules import TimeSelection

Book = Callable[[RequestContext, str, TimeSelection], Awaitable[Reservation]]


async def book(visit: PageRequest, form: Form) -> web.StreamResponse:
    return await _submit_booking(visit, form, visit[ReservationService].create)


async def change(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Changes the seat or time of a reservation. A refused change leaves the reservation as is."""

    async def changed(ctx: RequestContext, seat_id: str, selection: TimeSelection) -> Reservation:
        start = selection.start if selection.start is not None else "now"
        return await visit[ReservationService].change(ctx, visit.id, seat_id, start, selection.end)

    return await _submit_booking(visit, form, changed, visit.id)


def plan_of(request: web.Request, form: Form) -> str:
    """The path of the floor plan on which the form's seat and times are selected, and which says
    that nothing is booked yet. Raises: NotFound if the seat does not exist."""
    seat = request.app[REFERENCE].seat(form_text(form, "seat_id"))
    named = {"date": "date", "seat": "seat_id", "begin": "start", "until": "end"}
    query = {name: form_text(form, field) for name, field in named.items()}
    query |= {"change": request.match_info.get("id", ""), "again": "1"}
    return f"/areas/{seat.area_id}?{urlencode({n: value for n, value in query.items() if value})}"


async def _submit_booking(
    visit: PageRequest, form: Form, submit: Book, changed_id: str = ""
) -> web.StreamResponse:
    """Books, or changes the reservation ``changed_id``, by calling ``submit``. If a rule refuses
    the booking, shows the floor plan with the reason and the form as it was filled in."""
    fields = {name: form_text(form, name) for name in ("seat_id", "date", "start", "end")}
    filters = {"start": form_text(form, "from"), "end": form_text(form, "to")}
    try:
        body = msgspec.convert(fields, schemas.CreateReservation, strict=False)
        times = msgspec.convert({k: v for k, v in filters.items() if v}, SearchTimes)
    except msgspec.ValidationError as error:
        raise malformed(error, "form") from error
    ctx = visit.context_with_key(form, body)
    seat = visit[REFERENCE].seat(body.seat_id)
    try:
        r = await submit(ctx, body.seat_id, schemas.time_of(body))
    except (Conflict, RuleViolation) as error:
        count_error(visit.request, error)
        search = MapSearch(
            zone=visit.zone,
            day=body.date,
            start=times.start or "",
            end=times.end or "",
            seat=seat.id,
            begin=body.start,
            until=body.end,
            change=changed_id,
            features=features_in(form, visit, body.date),
            minute=presenting.clock(visit.zone, visit.now),
            past_midnight=is_open_at_end(visit, body.date),
        )
        return await area_page(
            visit,
            seat.area_id,
            search,
            status=status_of(type(error)),
            refusal=error,
            wished_end=body.end,
        )
    visit[WAKE_JOBS]()
    return done(visit, f"/reservations/{r.id}?done={'change' if changed_id else 'reserve'}")
