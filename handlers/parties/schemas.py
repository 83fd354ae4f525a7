from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta, field

from handlers.http.schemas import ClockTime, Id, Request, Response, Start
from handlers.reservations.schemas import ReservationOut, ReservedSeat
from handlers.seat_map.schemas import WindowQuery

StudentNo = Annotated[str, Meta(min_length=1, max_length=32)]


class TogetherQuery(WindowQuery):
    people: Annotated[int, Meta(ge=2, le=6)] = 2


class SeatsTogether(Response):
    """Seats that are free together, the reader's own first. ``seating``: how they are placed:
    opposite, side_by_side, one_table, one_row or near."""

    seating: str
    seats: list[ReservedSeat]


class TogetherOut(Response):
    """``most``: so many people may sit together in the seat's area; below 2 nobody may. ``items``:
    the group around the seat, then one that is closer together; empty if too few seats are
    free."""

    most: int
    items: list[SeatsTogether]


class BeginParty(Request):
    """``seat_id``: the reader's own seat. ``friends``: the seats to hold, in the same area.
    ``invited``: for the seats that are held for one friend each, that friend's student number."""

    seat_id: Id
    friends: Annotated[list[Id], Meta(max_length=5)]
    date: date
    start: Start
    end: ClockTime
    invited: Annotated[dict[Id, StudentNo], Meta(max_length=5)] = field(default_factory=dict)


class AcceptInvitation(Request):
    """``seat_id``: one of the held seats; null for any."""

    seat_id: Id | None = None


class PartySeatOut(Response):
    """A seat of a party. ``held``: it waits for a friend; in an invitation, for the one who reads
    it. Otherwise ``accepted`` says whether a friend has it. ``named``: for one friend alone."""

    seat: ReservedSeat
    held: bool
    accepted: bool
    named: bool


class InvitationOut(Response):
    """The seats that are held for friends, without any name. ``ended``: none is held any more."""

    seats: list[PartySeatOut]
    date: date
    start: datetime
    end: datetime
    until: datetime
    ended: bool


class PartyOut(InvitationOut):
    """``invitation``: whoever has it can accept a seat, as ``/invitations/{invitation}/accept``."""

    invitation: str


class PartyMadeOut(Response):
    reservation: ReservationOut
    party: PartyOut
