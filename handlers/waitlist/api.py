from __future__ import annotations

from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE, WAKE_JOBS
from handlers.http.schemas import Page, Pagination
from handlers.reservations.presenter import after_change
from handlers.reservations.schemas import ReservationOut, time_of
from handlers.waitlist import presenter
from handlers.waitlist.schemas import JoinWaitlist, WaitlistEntryOut
from models.kernel.errors import NotFound
from models.policy.errors import FilterOff
from models.reservations.errors import (
    BOOKABLE_TIME,
    OWN_RESERVATION,
    READER_MAY_BOOK,
    SEAT_MAY_BE_BOOKED,
    Closed,
    DailyLimit,
    GroupOnly,
    OwnOverlap,
    SeatDisabled,
)
from models.waitlist.errors import AlreadyAlerted, AlreadyWaiting, SeatFree, TooManyAlerts
from models.waitlist.service import WaitlistService

routes = ApiRoutes()


@routes.post(
    "/waitlist",
    "Join the waitlist for an area at a time when no suitable seat is free",
    status=201,
    errors=(
        NotFound,
        *READER_MAY_BOOK,
        *BOOKABLE_TIME,
        SeatDisabled,
        GroupOnly,
        FilterOff,
        OwnOverlap,
        DailyLimit,
        SeatFree,
        AlreadyWaiting,
        AlreadyAlerted,
        TooManyAlerts,
    ),
)
async def join(call: ApiRequest, body: JoinWaitlist) -> WaitlistEntryOut:
    selection = time_of(body)
    waitlist = call[WaitlistService]
    entry = await waitlist.join(
        call.context(),
        body.area_id,
        body.seats,
        body.required_features,
        selection,
        only_tell=body.only_tell,
    )
    return await presenter.waitlist_entry(call[REFERENCE], waitlist, entry, call.now)


@routes.get("/waitlist", "List the reader's waitlist entries, newest first")
async def list_own(call: ApiRequest, query: Pagination) -> Page[WaitlistEntryOut]:
    waitlist = call[WaitlistService]
    rows, total = await waitlist.page_of(call.reader.id, query.offset, query.page_size)
    items = [
        await presenter.waitlist_entry(call[REFERENCE], waitlist, row, call.now) for row in rows
    ]
    return query.page_of(items, total)


@routes.delete(
    "/waitlist/{id}",
    "Leave the waitlist; a held seat is offered to the next entry",
    errors=(NotFound,),
)
async def leave(call: ApiRequest) -> None:
    await call[WaitlistService].leave(call.context(), call.id)
    call[WAKE_JOBS]()


@routes.post(
    "/reservations/{id}/accept",
    "Accept the held seat",
    errors=(
        *OWN_RESERVATION,
        *READER_MAY_BOOK,
        *SEAT_MAY_BE_BOOKED,
        DailyLimit,
        Closed,
    ),
    at_kiosk=True,
)
async def accept(call: ApiRequest) -> ReservationOut:
    return await after_change(call, await call[WaitlistService].accept(call.context(), call.id))


@routes.post(
    "/reservations/{id}/decline",
    "Decline the held seat; it is offered to the next entry, and the reader's entry stays",
    errors=OWN_RESERVATION,
    at_kiosk=True,
)
async def decline(call: ApiRequest) -> ReservationOut:
    return await after_change(call, await call[WaitlistService].decline(call.context(), call.id))
