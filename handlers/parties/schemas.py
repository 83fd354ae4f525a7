from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta

from handlers.http.schemas import ClockTime, Id, Request, Response, Start
from handlers.reservations.schemas import ReservationOut, ReservedSeat


class BeginParty(Request):
    """``seat_id``: the reader's own seat. ``friends``: the seats to hold, in the same area."""

    seat_id: Id
    friends: Annotated[list[Id], Meta(max_length=5)]
    date: date
    start: Start
    end: ClockTime


class AcceptInvitation(Request):
    """``seat_id``: one of the held seats; null for any."""

    seat_id: Id | None = None


class PartySeatOut(Response):
    """A seat of a party. ``held``: it waits for a friend. Otherwise ``accepted`` says whether a
    friend has it, or it is free again."""

    seat: ReservedSeat
    held: bool
    accepted: bool


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
