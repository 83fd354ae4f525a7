from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class ReservationState(StrEnum):
    RESERVED = "reserved"
    IN_USE = "in_use"
    AWAY = "away"
    FINISHED = "finished"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"
    AWAY_EXPIRED = "away_expired"
    OFFERED = "offered"
    OFFER_EXPIRED = "offer_expired"


class ReservationEvent(StrEnum):
    CHECK_IN = "check_in"
    CANCEL = "cancel"
    CHANGE = "change"
    MARK_NO_SHOW = "miss"
    LEAVE = "leave"
    RETURN = "return"
    FINISH = "finish"
    EXTEND = "extend"
    SHORTEN = "shorten"
    COMPLETE = "complete"
    EXPIRE_LEAVE = "time_out"
    ACCEPT = "accept"
    EXPIRE_OFFER = "lapse"


TRANSITIONS: Final[Mapping[tuple[ReservationState, ReservationEvent], ReservationState]] = {
    (ReservationState.RESERVED, ReservationEvent.CHECK_IN): ReservationState.IN_USE,
    (ReservationState.RESERVED, ReservationEvent.CANCEL): ReservationState.CANCELLED,
    (ReservationState.RESERVED, ReservationEvent.CHANGE): ReservationState.RESERVED,
    (ReservationState.RESERVED, ReservationEvent.MARK_NO_SHOW): ReservationState.NO_SHOW,
    (ReservationState.IN_USE, ReservationEvent.LEAVE): ReservationState.AWAY,
    (ReservationState.IN_USE, ReservationEvent.CHANGE): ReservationState.IN_USE,
    (ReservationState.IN_USE, ReservationEvent.FINISH): ReservationState.FINISHED,
    (ReservationState.IN_USE, ReservationEvent.EXTEND): ReservationState.IN_USE,
    (ReservationState.IN_USE, ReservationEvent.SHORTEN): ReservationState.IN_USE,
    (ReservationState.IN_USE, ReservationEvent.COMPLETE): ReservationState.COMPLETED,
    (ReservationState.AWAY, ReservationEvent.RETURN): ReservationState.IN_USE,
    (ReservationState.AWAY, ReservationEvent.FINISH): ReservationState.FINISHED,
    (ReservationState.AWAY, ReservationEvent.EXPIRE_LEAVE): ReservationState.AWAY_EXPIRED,
    (ReservationState.AWAY, ReservationEvent.COMPLETE): ReservationState.COMPLETED,
    (ReservationState.OFFERED, ReservationEvent.ACCEPT): ReservationState.RESERVED,
    (ReservationState.OFFERED, ReservationEvent.EXPIRE_OFFER): ReservationState.OFFER_EXPIRED,
}
LIVE: Final = frozenset(state for state, _ in TRANSITIONS)
TERMINAL: Final = frozenset(ReservationState) - LIVE
CHECKED_IN_STATES: Final = frozenset({ReservationState.IN_USE, ReservationState.AWAY})
BOOKING_STATES: Final = frozenset(ReservationState) - {
    ReservationState.OFFERED,
    ReservationState.OFFER_EXPIRED,
}
"""The states of bookings, without those of offers, which are listed with the waitlist."""
