from __future__ import annotations

from datetime import time

from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE
from handlers.http.language import language_of
from handlers.http.request_parsing import digest_of
from handlers.http.schemas import Page
from handlers.reservations import presenter
from handlers.reservations.schemas import (
    ChangeReservation,
    CreateReservation,
    ReservationDetail,
    ReservationOut,
    ReservationsQuery,
    time_of,
)
from models.booking.service import ReservationService
from models.kernel.errors import NotFound
from models.parties.service import PartyService
from models.reservations.errors import BOOKING, OWN_RESERVATION, DailyLimit, DrawPending
from models.reservations.state_machine import LIVE, ReservationState

routes = ApiRoutes()


@routes.post(
    "/reservations",
    "Reserve a seat",
    status=201,
    idempotent=True,
    takes_seat=True,
    errors=(*BOOKING, DailyLimit, DrawPending),
    at_kiosk=True,
)
async def create(call: ApiRequest, body: CreateReservation) -> ReservationOut:
    selection = time_of(body)
    made = await call[ReservationService].create(
        call.context(digest_of(body)), body.seat_id, selection
    )
    return await presenter.after_change(call, made)


@routes.get("/reservations", "List the reader's reservations, newest first", at_kiosk=True)
async def list_own(call: ApiRequest, query: ReservationsQuery) -> Page[ReservationOut]:
    states = [ReservationState(query.state)] if query.state else []
    rows, total = await call[ReservationService].page_of(
        call.reader.id, states, query.offset, query.page_size
    )
    items = [await presenter.reservation(call[REFERENCE], r, call.now) for r in rows]
    return query.page_of(items, total)


@routes.get(
    "/reservations/{id}",
    "Get one of the reader's reservations with its history",
    errors=(NotFound,),
    at_kiosk=True,
)
async def get(call: ApiRequest) -> ReservationDetail:
    r = await call[ReservationService].get_own(call.id, call.reader.id)
    detail = await presenter.detail(call[REFERENCE], r, call.now, language_of(call.request))
    if r.state in LIVE and await call[PartyService].of_booking(r.id) is not None:
        detail.party = True
    return detail


@routes.post(
    "/reservations/{id}/cancel",
    "Cancel a reservation before check-in",
    idempotent=True,
    errors=OWN_RESERVATION,
    at_kiosk=True,
)
async def cancel(call: ApiRequest) -> ReservationOut:
    cancelled = await call[ReservationService].cancel(call.context(), call.id)
    return await presenter.after_change(call, cancelled)


@routes.post(
    "/reservations/{id}/change",
    "Change the seat or time; if the change is refused, the reservation stays",
    idempotent=True,
    takes_seat=True,
    errors=(*OWN_RESERVATION, *BOOKING),
    at_kiosk=True,
)
async def change(call: ApiRequest, body: ChangeReservation) -> ReservationOut:
    start: time | str | None = body.start
    if body.start not in (None, "now"):
        start = time.fromisoformat(str(body.start))
    end = time.fromisoformat(body.end) if body.end else None
    changed = await call[ReservationService].change(
        call.context(digest_of(body)), call.id, body.seat_id, start, end
    )
    return await presenter.after_change(call, changed)
