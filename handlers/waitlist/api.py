"""候补: waitlist entries, and the seats that are offered for them."""

from __future__ import annotations

from datetime import time

from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE, WAKE_JOBS
from handlers.http.schemas import Page, Pagination
from handlers.reservations.presenter import after_change
from handlers.reservations.schemas import ReservationOut
from handlers.waitlist import presenter
from handlers.waitlist.schemas import JoinWaitlist, WaitlistEntryOut
from models.reservations.rules import TimeSelection
from models.waitlist.service import WaitlistService


async def join(call: ApiRequest, body: JoinWaitlist) -> WaitlistEntryOut:
    start = None if body.start == "now" else time.fromisoformat(body.start)
    selection = TimeSelection(body.date, start, time.fromisoformat(body.end))
    waitlist = call[WaitlistService]
    entry = await waitlist.join(
        *(call.context(), body.area_id, body.seats, body.wanted, selection),
        only_tell=body.only_tell,
    )
    return await presenter.wait(call[REFERENCE], waitlist, entry, call.now)


async def list_own(call: ApiRequest, query: Pagination) -> Page[WaitlistEntryOut]:
    waitlist = call[WaitlistService]
    rows, total = await waitlist.page_of(call.reader.id, query.offset, query.page_size)
    items = [await presenter.wait(call[REFERENCE], waitlist, row, call.now) for row in rows]
    return query.page_of(items, total)


async def leave(call: ApiRequest) -> None:
    await call[WaitlistService].leave(call.context(), call.id)
    call[WAKE_JOBS]()


async def accept(call: ApiRequest) -> ReservationOut:
    return await after_change(call, await call[WaitlistService].accept(call.context(), call.id))


async def decline(call: ApiRequest) -> ReservationOut:
    return await after_change(call, await call[WaitlistService].decline(call.context(), call.id))
