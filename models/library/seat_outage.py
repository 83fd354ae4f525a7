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
    """The time in which a seat is out of service, from day `first` to day `last` (None: no
    limit). `reason` None: the seat is in service."""

    reason: str | None = None
    first: date | None = None
    last: date | None = None


IN_SERVICE = SeatOutage()


def outage_of(seat: Seat) -> SeatOutage:
    """The seat's outage, even if it has not begun yet."""
    return SeatOutage(seat.disabled, seat.disabled_from, seat.disabled_until)


def with_outage(area: Area, seat_id: SeatId, was: SeatOutage, new: SeatOutage, today: date) -> Area:
    """The area's next revision, in which the seat has the outage ``new``. ``was``: the outage
    that the staff member saw. Raises: Malformed; PlanChanged if the seat has another outage by
    now or has left the plan."""
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
