from __future__ import annotations

from handlers.favourites.schemas import AddFavourite, FavouritesOut
from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE
from handlers.reservations import presenter
from models.booking.overview_queries import ReaderOverviews
from models.favourites.errors import TooManyFavourites
from models.favourites.service import FavouriteSeats
from models.kernel.errors import NotFound

routes = ApiRoutes()


@routes.get(
    "/favourites", "List favourite seats, and the next free time of the seat of the last stay"
)
async def list_own(call: ApiRequest) -> FavouritesOut:
    reference, reader = call[REFERENCE], call.reader
    today = call.zone.day(call.now)
    overview = await call[ReaderOverviews].of(reader.id, today, call.now)
    seats = overview.favourite_seats(reference.catalog)
    return FavouritesOut(
        [presenter.seat(reference, seat.id) for seat in seats],
        presenter.again(reference, reader, overview.last_stay, call.now),
    )


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
