"""Concurrent changes of a reservation, whose claims must match it afterwards."""

from __future__ import annotations

from models.readers.entities import Reader
from models.reservations.claims import presence_claim, slot_claims
from models.reservations.entities import Reservation
from models.reservations.state_machine import CHECKED_IN_STATES, TERMINAL
from models.reservations.transitions import RELEASED_CLAIMS
from tests.builders import ZONE
from tests.inside import Inside
from tests.race.stage import OTHER_SEAT, clock, ctx


async def moves(worker: Inside, reader: Reader, r: Reservation) -> None:
    await worker.reservations.change(ctx(reader, clock(9, 40)), r.id, OTHER_SEAT, None, None)


async def extends(worker: Inside, reader: Reader, r: Reservation) -> None:
    await worker.renewal.renew(ctx(reader, clock(10, 59, 59)), r.id, clock(12).time())


def claims_fit(r: Reservation) -> bool:
    """True if the claims match: none of a place for an ended reservation; the place, and presence
    once checked in, for a live one."""
    released = tuple(kind.prefix for kind in RELEASED_CLAIMS)
    held = {claim for claim in r.claims if claim.startswith(released)}
    if r.state in TERMINAL:
        return not held
    expected = set(slot_claims(ZONE, r.seat_id, r.reader_id, r.span))
    return expected <= held and (presence_claim(r.reader_id) in held) == (
        r.state in CHECKED_IN_STATES
    )
