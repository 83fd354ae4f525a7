"""What the API says of favourite seats."""

from __future__ import annotations

from handlers.http.schemas import Id, Request, Response
from handlers.reservations.schemas import ReservedSeat


class FavouritesOut(Response):
    items: list[ReservedSeat]


class AddFavourite(Request):
    seat_id: Id
