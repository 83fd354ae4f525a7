"""常用座位 and 再约一次 for apps."""

from __future__ import annotations

import asyncio

from handlers import keys
from handlers.favourites.schemas import AddFavourite, FavouritesOut
from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE
from handlers.reservations import presenter


async def list_own(call: ApiRequest) -> FavouritesOut:
    seats, last = await asyncio.gather(
        call[keys.FAVOURITES].of(call.reader.id), call[keys.RESERVATIONS].last_stay(call.reader.id)
    )
    shown = [presenter.seat(call[REFERENCE], seat.id) for seat in seats]
    return FavouritesOut(shown, presenter.again(call[REFERENCE], call.reader, last, call.now))


async def add(call: ApiRequest, body: AddFavourite) -> FavouritesOut:
    await call[keys.FAVOURITES].add(call.reader.id, body.seat_id, call.now)
    return await list_own(call)


async def remove(call: ApiRequest) -> FavouritesOut:
    await call[keys.FAVOURITES].remove(call.reader.id, call.id)
    return await list_own(call)
