"""Taking one seat of a plan out of service, and putting it back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from models.kernel.errors import Malformed
from models.kernel.text import is_printable_line
from models.library.entities import Area, Seat, SeatId
from models.library.errors import PlanChanged
from models.library.plan_editing import LONGEST_REASON


@dataclass(frozen=True, slots=True)
class SeatOutage:
    """Why a seat cannot be used, from a day on and until another; ``reason`` is None where it can.
    Without a day it has no such end."""

    reason: str | None = None
    first: date | None = None
    last: date | None = None


IN_SERVICE = SeatOutage()


def outage_of(seat: Seat) -> SeatOutage:
    """The outage that the plan has for the seat, also one to come."""
    return SeatOutage(seat.disabled, seat.disabled_from, seat.disabled_until)


def with_outage(area: Area, seat_id: SeatId, was: SeatOutage, new: SeatOutage, today: date) -> Area:
    """The next revision of the area, in which nothing else has changed.

    Raises: Malformed; PlanChanged where the seat's outage is not ``was`` any more, or the
    seat has left the plan.
    """
    if new.reason is not None:
        if not 0 < len(new.reason) <= LONGEST_REASON or not is_printable_line(new.reason):
            raise Malformed("reason", "reason_length", most=LONGEST_REASON)
        if new.last is not None and new.last < today:
            raise Malformed("until", "outage_over")
    seat = next((seat for seat in area.seats if seat.id == seat_id), None)
    if seat is None or outage_of(seat) != was:
        raise PlanChanged()
    changed = replace(seat, disabled=new.reason, disabled_from=new.first, disabled_until=new.last)
    seats = tuple(changed if s.id == seat_id else s for s in area.seats)
    return replace(area, seats=seats, rev=area.rev + 1)
