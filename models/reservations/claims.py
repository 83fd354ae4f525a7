"""Claims: strings under one unique index, which decides every race (docs/locking.md)."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange, half_hour_slots
from models.library.entities import SeatId


class ClaimKind(StrEnum):
    """The scarce thing that a claim guards. The value is the first letter of the claim."""

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

    @property
    def prefix(self) -> str:
        return f"{self.value}:"


def seat_claims(seat_id: SeatId, span: TimeRange) -> tuple[str, ...]:
    return tuple(f"s:{seat_id}:{day.isoformat()}:{slot}" for day, slot in half_hour_slots(span))


def reader_claims(reader_id: ReaderId, span: TimeRange) -> tuple[str, ...]:
    return tuple(f"r:{reader_id}:{day.isoformat()}:{slot}" for day, slot in half_hour_slots(span))


def slot_claims(seat_id: SeatId, reader_id: ReaderId, span: TimeRange) -> tuple[str, ...]:
    slots = [f"{day.isoformat()}:{slot}" for day, slot in half_hour_slots(span)]
    return tuple(
        [f"s:{seat_id}:{slot}" for slot in slots] + [f"r:{reader_id}:{slot}" for slot in slots]
    )


def daily_booking_claim(reader_id: ReaderId, day: date, k: int) -> str:
    """The k-th (1…limit) booking of the reader for that day of use."""
    return f"n:{reader_id}:{day.isoformat()}:{k}"


def presence_claim(reader_id: ReaderId) -> str:
    """Keeps a reader from being checked in at two seats at once."""
    return f"u:{reader_id}"


def presence_check_claim(reader_id: ReaderId, day: date) -> str:
    """Limits the presence checks of a reader to one a day."""
    return f"a:{reader_id}:{day.isoformat()}"


def empty_report_claim(reporter_id: ReaderId, day: date, k: int) -> str:
    """The reporter's k-th report of an empty seat that day, held by the reported reservation."""
    return f"e:{reporter_id}:{day.isoformat()}:{k}"


def occupied_report_claim(reader_id: ReaderId, day: date, k: int) -> str:
    """The k-th report of an occupied seat by which the reader stops a deadline that day."""
    return f"o:{reader_id}:{day.isoformat()}:{k}"


def idempotency_claim(reader_id: ReaderId, key: str) -> str:
    return f"i:{reader_id}:{key}"
