"""The form on the page of a room's booking by which its booker chooses another room or time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.http.presenting import clock, later_clock
from handlers.rooms.room_days import (
    RoomCard,
    RoomTimes,
    chosen_day,
    days_from_today,
    room_card,
    room_times,
)
from handlers.rooms.schemas import ChangeRoomBooking
from languages.text import Text
from models.booking.time_choices import end_choices
from models.kernel.errors import DomainError
from models.library.names import label_text
from models.library.rooms import Room
from models.reservations.room_booking import RoomBooking, RoomState, may_change
from models.rooms.rules import policy_of
from models.rooms.service import RoomService


@dataclass(frozen=True, slots=True)
class ChangeForm:
    """``rooms``: ids and labels to choose from; none for a stay in use, of which only the end can
    be chosen, one of ``ends``: values with their labels. ``shorter``: the library has approved the
    booking, so only a part of its time can be chosen. ``times``: None if the room has none that
    day. ``sent``: the form that was refused. ``begun``: the reader is about to choose."""

    rooms: Sequence[tuple[str, Text]]
    card: RoomCard
    days: Sequence[date]
    day: date
    times: RoomTimes | None
    ends: Sequence[tuple[str, str]]
    shorter: bool
    asks_purpose: bool
    sent: ChangeRoomBooking | None
    begun: bool


async def change_form(
    visit: PageRequest, b: RoomBooking, sent: ChangeRoomBooking | None
) -> ChangeForm | None:
    """The form; None if nothing can be changed any more, or not by this reader."""
    if b.booker != visit.reader.id:
        return None
    if b.state is RoomState.IN_USE:
        return await _extension(visit, b, sent)
    try:
        may_change(b, visit.now)
    except DomainError:
        return None
    rooms = {
        str(room.id): room for room in visit[REFERENCE].rooms_in_use() if _is_possible(b, room)
    }
    room_id = (sent.room_id if sent is not None else None) or visit.request.query.get("room", "")
    room = next((rooms[id] for id in (room_id, b.room_id) if id in rooms), None)
    if room is None:
        return None
    shorter = _is_approved(b, room)
    days = [b.day] if shorter else days_from_today(visit, room.rules.days_ahead)
    wished = sent.date if sent is not None else None
    if wished is None and "date" not in visit.request.query:
        wished = b.day
    day = chosen_day(visit, days, wished)
    (of_day,) = await visit[RoomService].day(day, [room], without=b)
    card = room_card(visit, of_day, day)
    if shorter:
        approved = replace(of_day.hours, intervals=(b.span,))
        of_day = replace(of_day, hours=approved, taken=())
    return ChangeForm(
        [(one.id, _label(visit, one)) for one in rooms.values()],
        card,
        days,
        day,
        _as_before(visit, b, room_times(visit, of_day, day, approved=shorter)),
        [],
        shorter,
        room.rules.purpose_wanted,
        sent,
        sent is not None or bool({"room", "date"} & set(visit.request.query)),
    )


def _is_possible(b: RoomBooking, room: Room) -> bool:
    """False for rooms that are too small, and for those of which the library would have to approve
    the booking anew."""
    return room.id == b.room_id or (room.most >= len(b.people) and not _is_approved(b, room))


def _is_approved(b: RoomBooking, room: Room) -> bool:
    """True if the library has approved the booking, or would have to approve it in that room."""
    asks = b.answer_by is not None or room.rules.unanswered is not None
    return b.state is RoomState.RESERVED and asks


def _label(visit: PageRequest, room: Room) -> Text:
    venue = visit[REFERENCE].catalog.venues[room.venue_id]
    return label_text(venue, venue.floor(room.floor), room)


def _as_before(visit: PageRequest, b: RoomBooking, times: RoomTimes | None) -> RoomTimes | None:
    """The times with those of the booking preselected, where they can be chosen."""
    if times is None:
        return None
    start, end = (clock(visit.zone, instant) for instant in (b.span.start, b.span.end))
    starts = [value for value, _ in times.starts]
    return replace(
        times,
        start=start if start in starts else times.start,
        end=end if end in times.ends else times.end,
    )


async def _extension(
    visit: PageRequest, b: RoomBooking, sent: ChangeRoomBooking | None
) -> ChangeForm | None:
    """The form with the later ends until which the room is free; None without one."""
    room = visit[REFERENCE].rooms.get(b.room_id)
    if room is None or room.retired or room.rules.unanswered is not None or visit.now >= b.span.end:
        return None
    (of_day,) = await visit[RoomService].day(b.day, [room], without=b)
    policy = policy_of(room, visit[REFERENCE].policy_on(b.day, room.venue_id))
    hours = of_day.hours.containing(b.span.start)
    taken = [time.start for time in of_day.taken if time.start >= b.span.end]

    def is_free(end: datetime) -> bool:
        return not taken or end + b.buffer <= taken[0]

    ends = end_choices(visit.zone, b.span.start, policy, hours) if hours is not None else []
    later = [end for end in ends if end > b.span.end and is_free(end)]
    if not later:
        return None
    return ChangeForm(
        [],
        room_card(visit, of_day, b.day),
        [],
        b.day,
        None,
        [(clock(visit.zone, end), later_clock(visit.zone, b.span.start, end)) for end in later],
        False,
        False,
        sent,
        sent is not None,
    )
