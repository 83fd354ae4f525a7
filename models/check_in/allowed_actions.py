from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from models.check_in.errors import TooOften
from models.check_in.rules import (
    decide_return_by,
    may_check_in,
    may_extend,
    may_finish,
    may_report,
    may_return,
    may_shorten,
)
from models.kernel.errors import WrongState
from models.kernel.zone import Zone
from models.policy.entities import Policy
from models.reservations.entities import Reservation
from models.reservations.errors import TooEarly, TooLate
from models.reservations.rules import may_accept, may_cancel, may_change
from models.reservations.state_machine import (
    CHECKED_IN_STATES,
    TRANSITIONS,
    ReservationEvent,
    ReservationState,
)

_RULE_BY_EVENT: Final[
    Mapping[ReservationEvent, Callable[[Zone, Reservation, Policy, datetime], object]]
] = {
    ReservationEvent.CHECK_IN: lambda _, r, __, now: may_check_in(r, now),
    ReservationEvent.CANCEL: lambda _, r, __, now: may_cancel(r, now),
    ReservationEvent.LEAVE: decide_return_by,
    ReservationEvent.RETURN: lambda _, r, __, now: may_return(r, now),
    ReservationEvent.EXTEND: lambda _, r, policy, now: may_extend(r, policy, now),
    ReservationEvent.SHORTEN: may_shorten,
    ReservationEvent.FINISH: lambda _, r, __, now: may_finish(r, now),
    ReservationEvent.CHANGE: lambda _, r, __, now: may_change(r, now),
    ReservationEvent.ACCEPT: lambda _, r, __, now: may_accept(r, now),
}
_RULES_BY_STATE: Final = {
    state: [
        (event.value, ask) for event, ask in _RULE_BY_EVENT.items() if (state, event) in TRANSITIONS
    ]
    for state in ReservationState
}


def allowed_actions(zone: Zone, r: Reservation, policy: Policy, now: datetime) -> list[str]:
    """The names of the actions that the reader may take now, by the reservation's own state and
    times. Whether a seat or time is free is not checked."""
    actions = [name for name, ask in _RULES_BY_STATE[r.state] if _allows(ask, zone, r, policy, now)]
    if r.state in CHECKED_IN_STATES and r.pending_confirmation is not None:
        actions.append("confirm")
    if "accept" in actions:
        actions.append("decline")
    # A reader who may not check in may not report either: both rules would refuse for one reason.
    at_the_seat = r.state is ReservationState.IN_USE or "check_in" in actions
    if at_the_seat and _allows(lambda _, r, __, now: may_report(r, now), zone, r, policy, now):
        actions.append("report")
    return actions


def _allows(
    ask: Callable[[Zone, Reservation, Policy, datetime], object],
    zone: Zone,
    r: Reservation,
    policy: Policy,
    now: datetime,
) -> bool:
    try:
        ask(zone, r, policy, now)
    except (WrongState, TooEarly, TooLate, TooOften):
        return False
    return True
