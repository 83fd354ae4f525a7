"""Study rooms (研修间): rooms of a venue that are booked as a whole, each by rules of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from typing import Final, NewType

from models.kernel.errors import Malformed
from models.kernel.text import is_printable_line
from models.library.entities import AreaId, VenueId
from models.library.names import Names

RoomId = NewType("RoomId", str)
BUFFERS: Final = (0, 30, 60)
"""The minutes for which a room can stay empty after each stay."""
MOST_BOOKINGS_A_WEEK: Final = 20
ROOM_NUMBERS: Final = {
    "min_minutes": (1, 1440),
    "max_minutes": (30, 1440),
    "days_ahead": (0, 60),
    "bookings_a_week": (1, MOST_BOOKINGS_A_WEEK),
    "confirm_minutes": (0, 10080),
}
"""The least and the greatest value of each number of ``RoomRules``, besides further conditions."""
LONGEST_ROOM_NAME: Final = 60
MOST_PEOPLE: Final = 200
LONGEST_PICTURE_TEXT: Final = 100
SMALLEST_ON_PLAN: Final = 40
"""The least side of a room on a plan, in plan units: that of a seat."""
_MOST_EQUIPMENT: Final = 20
_LONGEST_WORD: Final = 30


class RequestAnswer(StrEnum):
    """The answer to a request for a room. The values are stored."""

    APPROVE = "approve"
    DECLINE = "decline"


@dataclass(frozen=True, slots=True)
class RoomRules:
    """The rules of a room.

    `bookings_a_week`: of a reader in a calendar week, those of other rooms included.
    `buffer_minutes`: one of ``BUFFERS``. `purpose_wanted`: a booking says what for.
    `confirm_minutes`: so long before the start the room's least number of people must have
    confirmed; None: nobody but the booker need confirm. `unanswered`: what becomes of a request
    that the library has not answered an hour before the start; None: no approval is needed.
    `groups`: the ids of the reader groups that may book the room; empty: all readers may. Deleted
    groups do not count.
    """

    min_minutes: int = 30
    max_minutes: int = 240
    days_ahead: int = 7
    bookings_a_week: int = 3
    step_minutes: int = 30
    buffer_minutes: int = 0
    purpose_wanted: bool = False
    confirm_minutes: int | None = None
    unanswered: RequestAnswer | None = None
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RoomPicture:
    """A room's picture without its content. `id` changes with every picture. `alt`: what it shows,
    in words; empty if nobody has said."""

    id: str
    width: int
    height: int
    alt: str = ""


@dataclass(frozen=True, slots=True)
class RoomPlace:
    """The place of a room on the plan of an area: a rectangle in plan units."""

    area_id: AreaId
    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True, slots=True)
class Room:
    """A study room for `least` to `most` people. `hours`: the clock times between which it is
    open while its venue is; None: as long as the venue. `rev` grows with every change. A
    `retired` room is kept to name past bookings."""

    id: RoomId
    venue_id: VenueId
    name: str
    floor: int
    least: int
    most: int
    equipment: tuple[str, ...] = ()
    hours: tuple[time, time] | None = None
    rules: RoomRules = RoomRules()
    names: Names = field(default_factory=dict, hash=False)
    retired: bool = False
    rev: int = 0
    picture: RoomPicture | None = None
    place: RoomPlace | None = None


def check_picture_text(alt: str) -> None:
    """Raises: Malformed if it is too long, or no line."""
    if len(alt) > LONGEST_PICTURE_TEXT or not is_printable_line(alt):
        raise Malformed("alt", "room_picture_text", most=LONGEST_PICTURE_TEXT)


def check_room(room: Room) -> None:
    """Raises: Malformed with the first field that is out of bounds."""
    rules = room.rules
    for name, (least, most) in ROOM_NUMBERS.items():
        number = getattr(rules, name)
        if number is not None and not least <= number <= most:
            raise Malformed(name, "out_of_bounds", least=least, most=most)
    if rules.min_minutes > rules.max_minutes:
        raise Malformed("min_minutes", "out_of_bounds", least=1, most=rules.max_minutes)
    if rules.step_minutes < 30 or rules.step_minutes % 30:
        # Two bookings in one half hour would need the same claim.
        raise Malformed("step_minutes", "step_not_half_hours")
    if rules.buffer_minutes not in BUFFERS:
        raise Malformed("buffer_minutes", "not_among", among=", ".join(map(str, BUFFERS)))
    if not 1 <= room.most <= MOST_PEOPLE:
        raise Malformed("most", "out_of_bounds", least=1, most=MOST_PEOPLE)
    if not 1 <= room.least <= room.most:
        raise Malformed("least", "out_of_bounds", least=1, most=room.most)
    if room.hours is not None and room.hours[0] >= room.hours[1]:
        raise Malformed("hours", "hours_reversed")
    if room.picture is not None:
        check_picture_text(room.picture.alt)
    words = room.equipment
    if len(words) > _MOST_EQUIPMENT or not all(
        0 < len(word) <= _LONGEST_WORD and is_printable_line(word) for word in words
    ):
        raise Malformed("equipment", "room_equipment", most=_MOST_EQUIPMENT, longest=_LONGEST_WORD)


def check_on_plan(place: RoomPlace, width: int, height: int) -> None:
    """Raises: Malformed if the place is not on a plan of this size, or too small to be seen."""
    for name, at, length, whole in (
        ("x", place.x, place.w, width),
        ("y", place.y, place.h, height),
    ):
        if not (at >= 0 and length >= SMALLEST_ON_PLAN and at + length <= whole):
            raise Malformed(name, "room_off_plan", least=SMALLEST_ON_PLAN, most=whole)
