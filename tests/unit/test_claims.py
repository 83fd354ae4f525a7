"""Claims name the scarce thing, its day and its half hour, and no personal data."""

from __future__ import annotations

from models.check_in.transitions import scan_claim
from models.library.entities import KioskId
from models.reservations.claims import (
    daily_booking_claim,
    idempotency_claim,
    presence_claim,
    reader_claims,
    seat_claims,
    slot_claims,
)
from tests.builders import MONDAY, SEAT, ZHANG, ZONE, hours


def test_a_booked_time_has_a_claim_for_each_half_hour() -> None:
    span = hours("16:38", "17:30")
    seat = (f"s:{SEAT.id}:2026-09-07:33", f"s:{SEAT.id}:2026-09-07:34")
    reader = (f"r:{ZHANG}:2026-09-07:33", f"r:{ZHANG}:2026-09-07:34")
    assert seat_claims(ZONE, SEAT.id, span) == seat
    assert reader_claims(ZONE, ZHANG, span) == reader
    assert slot_claims(ZONE, SEAT.id, ZHANG, span) == seat + reader


def test_daily_presence_key_and_scan_claims_have_their_format() -> None:
    assert daily_booking_claim(ZHANG, MONDAY, 5) == f"n:{ZHANG}:2026-09-07:5"
    assert presence_claim(ZHANG) == f"u:{ZHANG}"
    assert idempotency_claim(ZHANG, "k") == f"i:{ZHANG}:k"
    assert scan_claim(KioskId("2f-south"), 7, ZHANG) == f"k:2f-south:7:{ZHANG}"


def test_lost_claims_are_reported_limit_first_then_overlap_then_seat() -> None:
    """MongoDB reports the first clashing key in key order, on which the refusal depends."""
    span = hours("14:00", "15:00")
    claims = {daily_booking_claim(ZHANG, MONDAY, 1), *slot_claims(ZONE, SEAT.id, ZHANG, span)}
    assert [claim[0] for claim in sorted(claims)] == ["n", "r", "r", "s", "s"]
