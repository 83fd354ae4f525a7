from __future__ import annotations

from handlers.http.schemas import Id, Request, Response
from handlers.reservations.schemas import AgainOut, ReservedSeat


class FavouritesOut(Response):
    items: list[ReservedSeat]
    again: AgainOut | None


class AddFavourite(Request):
    seat_id: Id
