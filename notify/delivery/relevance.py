"""Whether a message that had to wait still says what is so."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from models.messages.entities import RELEVANT_STATES, Message, Template
from models.reservations.entities import Reservation

LATE_AFTER: Final = timedelta(minutes=2)
"""A message that goes out sooner was true when it was written, and nobody minds the moment."""
_OF_THE_PRESENT: Final = frozenset(
    {
        Template.RESERVED,
        Template.CHECK_IN_REMINDER,
        Template.CHECKED_IN,
        Template.ENDING_SOON,
        Template.LEAVE,
        Template.LEAVE_REMINDER,
        Template.OFFER,
    }
)
"""The others tell of what has happened, and stay true."""
_OF_A_BOOKING: Final = frozenset({Template.RESERVED, Template.CHECK_IN_REMINDER})
"""They name a seat, and a change of it is told by another "booked"."""
_TOLD: Final = ("start", "end", "left_at", "return_by")
"""Facts that a reservation has under the same name. Two leaves may end at the same time."""


def is_overtaken(m: Message, r: Reservation) -> bool:
    """Has the reservation moved on, so that the message would only confuse?

    "Booked" to somebody who has cancelled meanwhile or taken another seat, "check in" to somebody
    who has, "left" to somebody who has returned and left anew.
    """
    if m.template not in _OF_THE_PRESENT:
        return False
    if r.presence_due_at is not None and m.facts.get("until") == r.presence_due_at:
        return False  # who is asked whether they are there, by the same template
    if r.state not in RELEVANT_STATES[m.template]:
        return True
    if m.template in _OF_A_BOOKING and m.at < r.placed_at:
        return True
    told = ((m.facts.get(name), getattr(r, name)) for name in _TOLD)
    return any(then is not None and then != now for then, now in told)
