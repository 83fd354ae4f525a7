"""常用座位 and 再约一次 for apps."""

from __future__ import annotations

import asyncio

from handlers import keys
from handlers.favourites.schemas import AddFavourite, AgainOut, FavouritesOut
from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE
from handlers.reservations import presenter
from models.reservations.again import stay_again
from models.reservations.entities import Reservation


async def list_own(call: ApiRequest) -> FavouritesOut:
    seats, last = await asyncio.gather(
        call[keys.FAVOURITES].of(call.reader.id), call[keys.RESERVATIONS].last_stay(call.reader.id)
    )
    shown = [presenter.seat(call[REFERENCE], seat.id) for seat in seats]
    return FavouritesOut(shown, _again(call, last) if last is not None else None)


def _again(call: ApiRequest, last: Reservation) -> AgainOut | None:
    reference = call[REFERENCE]
    dates = reference.bookable_dates(call.reader, call.now)
    found = stay_again(last, reference.policy, dates, call.now)
    if found is None or last.seat_id not in reference.catalog.seats:
        return None
    begin = f"{found.start:%H:%M}" if found.start is not None else "now"
    seat = presenter.seat(reference, last.seat_id)
    return AgainOut(seat, found.day, begin, f"{found.end:%H:%M}")


async def add(call: ApiRequest, body: AddFavourite) -> FavouritesOut:
    await call[keys.FAVOURITES].add(call.reader.id, body.seat_id, call.now)
    return await list_own(call)


async def remove(call: ApiRequest) -> FavouritesOut:
    await call[keys.FAVOURITES].remove(call.reader.id, call.id)
    return await list_own(call)
