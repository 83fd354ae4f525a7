from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated, Literal

from msgspec import Meta

from handlers.http.schemas import ClockTime, Id, Request, Response, Start
from handlers.reservations.schemas import HistoryEntryOut
from models.rooms.changes import RoomWish

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


class ChangeRoomBooking(Request):
    """The room and time that are chosen instead; what is null or absent stays as it is. Of a stay
    in use only ``end`` can be chosen."""

    room_id: Id | None = None
    date: date | None = None
    start: Start | None = None
    end: ClockTime | None = None
    purpose: Purpose | None = None


def wish_of(body: ChangeRoomBooking) -> RoomWish:
    start: time | Literal["now"] | None = None
    if body.start is not None:
        start = "now" if body.start == "now" else time.fromisoformat(body.start)
    end = time.fromisoformat(body.end) if body.end is not None else None
    purpose = body.purpose.strip() if body.purpose is not None else None
    return RoomWish(body.room_id, body.date, start, end, purpose)


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


class RoomPictureOut(Response):
    """A JPEG at ``path`` of this host, which needs no session and never changes. ``alt``: what it
    shows, for those who do not see it; may be empty."""

    path: str
    width: int
    height: int
    alt: str


class RoomOut(Response):
    """A study room for ``least`` to ``most`` people. ``names``: its names by language tag.
    ``check_in_by``: how its people check in; the label is the room's."""

    id: str
    name: str
    names: dict[str, str]
    venue_id: str
    venue: str
    floor: int
    least: int
    most: int
    equipment: list[str]
    check_in_by: Literal["kiosk", "kiosk_or_label", "seat_label", "desk"]
    picture: RoomPictureOut | None


class RoomEventOut(TimeOut):
    """A stay of the library's own in a room."""

    title: str


class RoomDayOut(Response):
    """A room on a day. ``closed_reason``: why it is not ``open``. ``taken``: by stays, and after
    them where the room is kept empty. ``events``: the library's own among these stays.
    ``reserved_for``: the names of the reader groups that alone may book it; empty if the caller
    may."""

    room: RoomOut
    rules: RoomRulesOut
    open: list[TimeOut]
    closed_reason: str
    taken: list[TimeOut]
    events: list[RoomEventOut]
    reserved_for: list[str]


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


class RoomBookingDetail(RoomBookingOut):
    """A booking of a room with its history."""

    history: list[HistoryEntryOut]


class RoomBookingsOut(Response):
    items: list[RoomBookingOut]


class RoomRequestOut(RoomInvitationOut):
    """A booking of a room, for the staff. For a program, ``reader_id`` is a pseudonym fixed for
    its token. ``text_check``: WeChat's verdict on the purpose."""

    id: str
    reader_id: str
    purpose: str
    text_check: Literal["pass", "review", "risky", "unchecked"]
    answer: str
    made_at: datetime
    answer_by: datetime | None


class StaffRoomsQuery(Request):
    """``date``: by default today."""

    date: date | None = None


class RoomRequestsOut(Response):
    items: list[RoomRequestOut]
