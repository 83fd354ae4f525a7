"""Decides whether a delayed message is still true."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from models.messages.entities import RELEVANT_STATES, Message, Template
from models.reservations.entities import Reservation

LATE_AFTER: Final = timedelta(minutes=2)
"""A message whose event is more recent than this counts as true and is not checked."""
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
"""Templates of messages that can become untrue. All others report past events and stay true."""
_OF_A_BOOKING: Final = frozenset({Template.RESERVED, Template.CHECK_IN_REMINDER})
"""Templates naming the booked seat. If the seat changes, the reader gets a new RESERVED message."""
_COMPARED_FACTS: Final = ("start", "end", "left_at", "return_by")
"""Facts of a message that are compared with the reservation's attributes of the same name.
`left_at` distinguishes one leave from the next."""


def is_overtaken(m: Message, r: Reservation) -> bool:
    """True if the reservation has changed and the message would only confuse: "booked" after a
    change of seat, "check in" after the check-in, "on leave" after a return and another leave."""
    if m.template not in _OF_THE_PRESENT:
        return False
    if r.presence_due_at is not None and m.facts.get("until") == r.presence_due_at:
        return False  # a presence check has the same template
    if r.state not in RELEVANT_STATES[m.template]:
        return True
    if m.template in _OF_A_BOOKING and m.at < r.placed_at:
        return True
    pairs = ((m.facts.get(name), getattr(r, name)) for name in _COMPARED_FACTS)
    return any(then is not None and then != now for then, now in pairs)
