from __future__ import annotations

from datetime import date

from handlers.seat_map.search import AnyRequest
from models.booking.time_choices import proposed_start
from models.policy.entities import Policy
from models.readers.entities import Reader
from models.seat_map.service import SeatDay, StartChoice


def proposed_choice(
    request: AnyRequest, viewer: Reader, day: date, seat_day: SeatDay, policy: Policy
) -> StartChoice:
    """The start to propose for a booking of the seat: today the first possible start, on a later
    day the possible start nearest to the time at which the reader usually begins."""
    if day == request.zone.day(request.now):
        return seat_day.choices[0]
    starts = [choice.start for choice in seat_day.choices]
    start = proposed_start(request.zone, starts, viewer.usual_start, policy, seat_day.hours)
    return next(choice for choice in seat_day.choices if choice.start == start)
