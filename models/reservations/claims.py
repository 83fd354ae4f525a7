"""Claims: strings, each of which stands for one scarce thing (a seat in a half hour, a booking
of the day). One unique index over all claims decides every race (docs/locking.md)."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import SeatId
from models.library.rooms import RoomId


class ClaimKind(StrEnum):
    """The kind of scarce thing that a claim stands for. Its value is the claim's first letter."""

    SEAT = "s"
    READER = "r"
    DAILY = "n"
    PRESENCE = "u"
    PRESENCE_CHECK = "a"
    EMPTY_REPORT = "e"
    OCCUPIED_REPORT = "o"
    IDEMPOTENCY = "i"
    KIOSK_CODE = "k"
    WAITLIST = "w"
    PARTY = "g"
    ROOM = "m"
    ROOM_WEEK = "q"

    @property
    def prefix(self) -> str:
        return f"{self.value}:"


def half_hours(zone: Zone, span: TimeRange) -> list[str]:
    """The half hours that the range touches, as claims name them, in order."""
    return [f"{day.isoformat()}:{slot}" for day, slot in zone.half_hour_slots(span)]


def seat_claims(zone: Zone, seat_id: SeatId, span: TimeRange) -> tuple[str, ...]:
    return tuple(f"s:{seat_id}:{slot}" for slot in half_hours(zone, span))


def reader_claims(zone: Zone, reader_id: ReaderId, span: TimeRange) -> tuple[str, ...]:
    return tuple(f"r:{reader_id}:{slot}" for slot in half_hours(zone, span))


def slot_claims(
    zone: Zone, seat_id: SeatId, reader_id: ReaderId, span: TimeRange
) -> tuple[str, ...]:
    slots = half_hours(zone, span)
    return tuple(
        [f"s:{seat_id}:{slot}" for slot in slots] + [f"r:{reader_id}:{slot}" for slot in slots]
    )


def daily_booking_claim(reader_id: ReaderId, day: date, k: int) -> str:
    """The claim for the reader's k-th booking (1…limit) for that day of use."""
    return f"n:{reader_id}:{day.isoformat()}:{k}"


def presence_claim(reader_id: ReaderId) -> str:
    """The claim that keeps a reader from being checked in at two seats at the same time."""
    return f"u:{reader_id}"


def presence_check_claim(reader_id: ReaderId, day: date) -> str:
    """The claim that limits presence checks of a reader to one a day."""
    return f"a:{reader_id}:{day.isoformat()}"


def empty_report_claim(reporter_id: ReaderId, day: date, k: int) -> str:
    """The claim (in the seat's reservation) for a reporter's k-th empty-seat report that day."""
    return f"e:{reporter_id}:{day.isoformat()}:{k}"


def occupied_report_claim(reader_id: ReaderId, day: date, k: int) -> str:
    """The claim for the reader's k-th report of an occupied seat that day. Each such report
    stops a deadline, so their number is limited."""
    return f"o:{reader_id}:{day.isoformat()}:{k}"


def party_claim(asker_id: ReaderId, day: date, k: int) -> str:
    """The claim for the k-th party (1…limit) for which a reader holds seats on that day of use."""
    return f"g:{asker_id}:{day.isoformat()}:{k}"


def room_claims(zone: Zone, room_id: RoomId, span: TimeRange) -> tuple[str, ...]:
    return tuple(f"m:{room_id}:{slot}" for slot in half_hours(zone, span))


def room_week_claim(reader_id: ReaderId, day: date, k: int) -> str:
    """The claim for the reader's k-th booking (1…limit) of a room in the calendar week of that
    day of use."""
    week = day.isocalendar()
    return f"q:{reader_id}:{week.year}-W{week.week:02d}:{k}"


def idempotency_claim(reader_id: ReaderId, key: str) -> str:
    return f"i:{reader_id}:{key}"


def room_key_claim(reader_id: ReaderId, key: str) -> str:
    """The claim of the idempotency key by which a room is booked. Seats have others: a blank is in
    no key."""
    return idempotency_claim(reader_id, f"room {key}")
