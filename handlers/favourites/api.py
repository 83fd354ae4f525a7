from __future__ import annotations

import asyncio

from handlers.favourites.schemas import AddFavourite, FavouritesOut
from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE
from handlers.reservations import presenter
from models.booking.service import ReservationService
from models.favourites.errors import TooManyFavourites
from models.favourites.service import FavouriteSeats
from models.kernel.errors import NotFound

routes = ApiRoutes()


@routes.get(
    "/favourites", "List favourite seats, and the next free time of the seat of the last stay"
)
async def list_own(call: ApiRequest) -> FavouritesOut:
    seats, last = await asyncio.gather(
        call[FavouriteSeats].of(call.reader.id), call[ReservationService].last_stay(call.reader.id)
    )
    favourites = [presenter.seat(call[REFERENCE], seat.id) for seat in seats]
    return FavouritesOut(favourites, presenter.again(call[REFERENCE], call.reader, last, call.now))


@routes.post(
    "/favourites",
    "Add a favourite seat; adding it twice changes nothing",
    errors=(NotFound, TooManyFavourites),
)
async def add(call: ApiRequest, body: AddFavourite) -> FavouritesOut:
    await call[FavouriteSeats].add(call.reader.id, body.seat_id, call.now)
    return await list_own(call)


@routes.delete("/favourites/{id}", "Remove a favourite seat", errors=(NotFound,))
async def remove(call: ApiRequest) -> FavouritesOut:
    await call[FavouriteSeats].remove(call.reader.id, call.id)
    return await list_own(call)
