from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta

from handlers.http.schemas import ClockTime, Id, Request, Response, Start

Purpose = Annotated[str, Meta(max_length=200)]
RoomBookingState = Literal[
    "requested",
    "declined",
    "reserved",
    "in_use",
    "finished",
    "completed",
    "cancelled",
    "released",
    "no_show",
]


class RoomsQuery(Request):
    """``date``: by default today. ``venue_id``: null for all venues."""

    date: date | None = None
    venue_id: Id | None = None


class BookRoom(Request):
    """``purpose``: what for; needed where the room's rules say so."""

    room_id: Id
    date: date
    start: Start
    end: ClockTime
    purpose: Purpose = ""


class TimeOut(Response):
    start: datetime
    end: datetime


class RoomRulesOut(Response):
    """``confirm_minutes``: so long before the start the room's least number of people must have
    confirmed; null: nobody need. ``approval``: the library answers each request."""

    min_minutes: int
    max_minutes: int
    days_ahead: int
    bookings_a_week: int
    step_minutes: int
    buffer_minutes: int
    purpose_wanted: bool
    confirm_minutes: int | None
    approval: bool


class RoomOut(Response):
    """A study room for ``least`` to ``most`` people. ``names``: its names by language tag."""

    id: str
    name: str
    names: dict[str, str]
    venue_id: str
    venue: str
    floor: int
    least: int
    most: int
    equipment: list[str]


class RoomDayOut(Response):
    """A room on a day. ``closed_reason``: why it is not ``open``. ``taken``: by stays, and after
    them where the room is kept empty."""

    room: RoomOut
    rules: RoomRulesOut
    open: list[TimeOut]
    closed_reason: str
    taken: list[TimeOut]


class RoomsOut(Response):
    items: list[RoomDayOut]


class RoomInvitationOut(Response):
    """A booking of a room, without any name. ``people``: how many have confirmed, the booker
    included; ``confirm_by``: by then there must be ``room.least``; null: no longer asked for.
    ``takes_part``: the caller is one of them."""

    room: RoomOut
    date: date
    start: datetime
    end: datetime
    state: RoomBookingState
    people: int
    confirm_by: datetime | None
    takes_part: bool


class RoomBookingOut(RoomInvitationOut):
    """A booking of a room in which the caller takes part. ``own``: the caller has made it;
    ``purpose`` and ``answer`` (the library's words) are empty otherwise. Whoever has the
    ``invitation`` can confirm or withdraw, as ``/room-invitations/{invitation}/confirm``.
    ``answer_by``: when a request is answered at the latest. ``excused``: a no-show would be no
    violation."""

    id: str
    own: bool
    purpose: str
    answer: str
    invitation: str
    answer_by: datetime | None
    check_in_from: datetime
    check_in_until: datetime
    checked_in_at: datetime | None
    ended_at: datetime | None
    excused: bool


class RoomBookingsOut(Response):
    items: list[RoomBookingOut]


class RoomRequestOut(RoomInvitationOut):
    """A booking of a room, for the staff. For a program, ``reader_id`` is a pseudonym fixed for
    its token."""

    id: str
    reader_id: str
    purpose: str
    answer: str
    made_at: datetime
    answer_by: datetime | None


class RoomRequestsOut(Response):
    items: list[RoomRequestOut]
