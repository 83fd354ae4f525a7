"""The instants at which jobs act on a reservation."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from models.reservations.entities import Reservation
from models.reservations.state_machine import ReservationState

Deadline = Literal[
    "no_show",
    "expire_leaves",
    "complete",
    "send_reminders",
    "fail_presence_checks",
    "expire_offers",
    "carry_over",
    "end_parties",
    "rooms",
]
"""A kind of deadline, named after the job that settles it."""


def deadlines(r: Reservation) -> dict[Deadline, datetime]:
    """The instants at which the jobs look at the reservation in its present state. A job may still
    put it off: while the library is down, or the reader has an open report."""
    instants: dict[Deadline, datetime | None] = {
        "send_reminders": r.remind_at,
        "fail_presence_checks": r.presence_due_at,
        "expire_offers": r.held_until,
        "carry_over": r.carry_over_at,
    }
    match r.state:
        case ReservationState.RESERVED:
            instants["no_show"] = r.check_in_until
        case ReservationState.AWAY:
            instants |= {"expire_leaves": r.return_by, "complete": r.end}
        case ReservationState.IN_USE:
            instants["complete"] = r.end
    return {name: instant for name, instant in instants.items() if instant is not None}


def due_at(r: Reservation) -> datetime | None:
    """The first of the reservation's deadlines; None if it has none, as most that have ended."""
    return min(deadlines(r).values(), default=None)
