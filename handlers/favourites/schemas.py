"""What the API says of favourite seats."""

from __future__ import annotations

from datetime import date

from handlers.http.schemas import Id, Request, Response
from handlers.reservations.schemas import ReservedSeat


class AgainOut(Response):
    """The seat of the last stay, and when it can be booked again at the same time of day."""

    seat: ReservedSeat
    date: date
    start: str
    end: str


class FavouritesOut(Response):
    items: list[ReservedSeat]
    again: AgainOut | None


class AddFavourite(Request):
    seat_id: Id
