"""Changes of a reservation under the usual policy."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from models.kernel.time_range import TimeRange
from models.library.entities import SeatId
from models.policy.entities import Policy
from models.reservations import transitions
from models.reservations.entities import Reservation
from tests.builders import BY_READER, on_seat

POLICY: Final = Policy()


def changed(r: Reservation, seat: SeatId, span: TimeRange, now: datetime) -> Reservation:
    return transitions.change(
        r,
        on_seat(r, seat, span),
        policy=POLICY,
        actor=BY_READER,
        now=now,
    )
