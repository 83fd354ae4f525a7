"""The effect of an arrival on a reservation, by its state when loaded."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from models.check_in.arrival import (
    Arrival,
    KioskCodeScan,
    PresenceScan,
    SeatLabelScan,
    SeenByStaff,
)
from models.check_in.errors import QrExpired, QrUsed, WrongSeat, WrongVenue
from models.kernel.errors import DomainError, WrongState
from models.library.entities import KioskId, SeatId, VenueId
from models.policy.entities import Policy
from models.reservations.claims import ClaimKind, presence_claim
from models.reservations.entities import Reservation
from models.reservations.errors import TooEarly, TooLate
from models.reservations.presence import PresenceMethod, PresenceProof
from models.reservations.state_machine import ReservationState
from tests.builders import BY_READER, SEAT, VENUE, ZHANG, ZONE, away, but, in_use, on, reserved

POLICY: Final = Policy()
CODE: Final = KioskCodeScan(KioskId("2f-south"), 7, is_current=True)
OLD_CODE: Final = replace(CODE, is_current=False)
NOTED: Final = replace(CODE, note_id="n")
LABEL: Final = SeatLabelScan(SeatId(SEAT.id))
STAFF: Final = SeenByStaff()


def arrival(
    scan: PresenceScan | SeenByStaff,
    when: str = "14:10",
    *,
    venue: VenueId = VENUE,
    only_return: bool = False,
    early: bool = True,
) -> Arrival:
    proof = None
    if not isinstance(scan, SeenByStaff):
        proof = PresenceProof(ZHANG, venue, PresenceMethod.KIOSK_CODE, on(when))
    if isinstance(scan, SeatLabelScan) and proof is not None:
        proof = replace(proof, method=PresenceMethod.SEAT_LABEL, seat_id=scan.seat_id)
    return Arrival(scan, proof, BY_READER, on(when), only_return, early)


def doubted(r: Reservation) -> Reservation:
    return but(r, presence_due_at=on("15:00"))


@pytest.mark.parametrize("scan", [CODE, NOTED, LABEL, STAFF], ids=repr)
@pytest.mark.parametrize(
    ("r", "event", "at"),
    [
        (reserved(), "check_in", "checked_in_at"),
        (away(), "return", "returned_at"),
        (doubted(in_use()), "prove", None),
    ],
    ids=["reserved", "away", "doubted"],
)
def test_an_arrival_checks_in_returns_or_proves_presence_by_state(
    scan: PresenceScan | SeenByStaff, r: Reservation, event: str, at: str | None
) -> None:
    came = arrival(scan, "14:30")
    there = came.apply(ZONE, r, POLICY)
    assert (there.state, there.rev) == (ReservationState.IN_USE, r.rev + 1)
    assert there.history[-1].event == event and there.presence_due_at is None
    assert at is None or getattr(there, at) == on("14:30")
    assert there.presence is not None and there.presence.at == on("14:30")
    used = {c for c in there.claims if c.startswith(ClaimKind.KIOSK_CODE.prefix)}
    assert used == {claim for claim in (came.claim, came.note) if claim is not None}
    assert came.apply(ZONE, r, POLICY) == there, "it is decided anew, and alike"


def test_a_repeated_scan_is_answered_alike_and_used_once() -> None:
    there = arrival(CODE).apply(ZONE, reserved(), POLICY)
    assert arrival(OLD_CODE, "14:12").apply(ZONE, there, POLICY) is there, "an answer was lost"
    by_label = arrival(LABEL).apply(ZONE, reserved(), POLICY)
    assert arrival(LABEL, "14:12").apply(ZONE, by_label, POLICY) is by_label
    gone = away(there)
    with pytest.raises(QrUsed):
        arrival(CODE, "14:31").apply(ZONE, gone, POLICY)
    assert arrival(LABEL, "14:31").apply(ZONE, gone, POLICY).state is ReservationState.IN_USE


@pytest.mark.parametrize("early", [True, False])
def test_an_early_check_in_claims_the_earlier_half_hours_on_request(early: bool) -> None:
    r = reserved()
    there = arrival(CODE, "13:40", early=early).apply(ZONE, r, POLICY)
    assert there.available_from == (on("13:40") if early else r.start)
    came = arrival(CODE)
    assert {*there.claims} - {*r.claims} - {came.claim, presence_claim(ZHANG)} == (
        {f"s:{SEAT.id}:{r.date}:27", f"r:{ZHANG}:{r.date}:27"} if early else set()
    )


@pytest.mark.parametrize(
    ("r", "came", "refusal"),
    [
        (reserved(), arrival(OLD_CODE), QrExpired),
        (reserved(), arrival(CODE, venue=VenueId("annex")), WrongVenue),
        (reserved(), arrival(SeatLabelScan(SeatId("2f-hall-066"))), WrongSeat),
        (reserved(), arrival(STAFF, "13:29"), TooEarly),
        (reserved(), arrival(CODE, "14:31"), TooLate),
        (in_use(), arrival(CODE), WrongState),
        (in_use(), arrival(STAFF), WrongState),
        (away(), arrival(CODE, "15:01"), TooLate),
        # To return is no check-in, and no answer to a doubt.
        (reserved(), arrival(CODE, only_return=True), WrongState),
        (in_use(), arrival(LABEL, only_return=True), WrongState),
        (doubted(in_use()), arrival(LABEL, only_return=True), WrongState),
    ],
)
def test_invalid_arrivals_are_refused(
    r: Reservation, came: Arrival, refusal: type[DomainError]
) -> None:
    with pytest.raises(refusal):
        came.apply(ZONE, r, POLICY)
