"""门禁: the library's gates and the passages that they report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NewType

from models.kernel.ids import ReaderId, ReservationId
from models.library.entities import VenueId

GateId = NewType("GateId", str)
LATE_AFTER: Final = timedelta(minutes=10)
"""A passage that is told later than this changes no seat any more."""
MAX_AHEAD: Final = timedelta(minutes=5)
"""How far a gate's clock may be ahead."""
CLOCK_OFF: Final = timedelta(minutes=1)
"""A gate's clock that is further off is reported: its passages are judged by it."""


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class PresenceEffect(StrEnum):
    """What a passage did: nothing, one of the reader's own acts on their behalf, or it came too
    late to do anything but void a violation."""

    NONE = "none"
    CHECK_IN = "check_in"
    LEAVE = "leave"
    RETURN = "return"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate as it was last heard of.

    ``complete_until``: it has told of every passage before that instant, as far as it says so.
    ``clock_skew``: how far its clock was ahead of the service's, at its last batch.
    A retired one has no key; what it has told stays true. ``order`` is as a kiosk's.
    """

    id: GateId
    venue_id: VenueId
    name: str
    last_seen_at: datetime | None = None
    complete_until: datetime | None = None
    clock_skew: timedelta = timedelta()
    retired: bool = False
    order: int | None = None


@dataclass(frozen=True, slots=True)
class ReportedEvent:
    """A passage as a gate or a file reports it. ``id`` is the gate's own, and ``student_no`` what
    its reader has read."""

    id: str
    student_no: str
    direction: Direction
    method: str
    at: datetime


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What became of a batch. ``rejected``: (place in the batch, code)."""

    accepted: int
    duplicates: int
    rejected: list[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class GateEvent:
    """Somebody went through a gate at ``at``, by the gate's clock. ``id`` names it for ever.

    ``reader_id`` is None where nobody here has that number. ``late``: told too late to move a seat.
    """

    id: str
    gate_id: GateId
    reader_id: ReaderId | None
    direction: Direction
    method: str
    at: datetime
    late: bool
    effect: PresenceEffect = PresenceEffect.NONE
    reservation_id: ReservationId | None = None
    processed: bool = False
    """Has what it did been worked out?"""


def gates_in(venue_id: VenueId, gates: Iterable[Gate]) -> frozenset[GateId]:
    """The ids of those that lead into the venue."""
    return frozenset(gate.id for gate in gates if gate.venue_id == venue_id)


def complete_until(gates: Sequence[Gate], now: datetime) -> datetime:
    """Until when it is certain who went in and out: deadlines before it can be settled.

    Gates that have not been heard of lately are not waited for, and none for longer than ``LATE``.
    """
    told = [
        gate.complete_until
        for gate in gates
        if not gate.retired
        and gate.complete_until is not None
        and gate.last_seen_at is not None
        and now - gate.last_seen_at < LATE_AFTER
    ]
    return max(min([now, *told]), now - LATE_AFTER)
