"""A reservation is changed under the usual rules."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from models.kernel.time_range import TimeRange
from models.library.entities import SeatId
from models.policy.entities import Policy
from models.reservations import transitions
from models.reservations.entities import Reservation
from tests.builders import AREA, BY_READER

POLICY: Final = Policy()


def changed(r: Reservation, seat: SeatId, span: TimeRange, now: datetime) -> Reservation:
    return transitions.change(
        r,
        area_id=AREA,
        seat_id=seat,
        span=span,
        policy=POLICY,
        actor=BY_READER,
        now=now,
    )
