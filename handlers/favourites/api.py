"""常用座位 and 再约一次 for apps."""

from __future__ import annotations

import asyncio

from handlers.favourites.schemas import AddFavourite, FavouritesOut
from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE
from handlers.reservations import presenter
from models.booking.service import ReservationService
from models.favourites.service import FavouriteSeats


async def list_own(call: ApiRequest) -> FavouritesOut:
    seats, last = await asyncio.gather(
        call[FavouriteSeats].of(call.reader.id), call[ReservationService].last_stay(call.reader.id)
    )
    shown = [presenter.seat(call[REFERENCE], seat.id) for seat in seats]
    return FavouritesOut(shown, presenter.again(call[REFERENCE], call.reader, last, call.now))


async def add(call: ApiRequest, body: AddFavourite) -> FavouritesOut:
    await call[FavouriteSeats].add(call.reader.id, body.seat_id, call.now)
    return await list_own(call)


async def remove(call: ApiRequest) -> FavouritesOut:
    await call[FavouriteSeats].remove(call.reader.id, call.id)
    return await list_own(call)
