"""Gates (门禁) and the passages that they report."""

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
"""A passage that is reported later than this no longer changes a reservation."""
MAX_AHEAD: Final = timedelta(minutes=5)
"""A passage whose time is further ahead is rejected."""
CLOCK_OFF: Final = timedelta(minutes=1)
"""Larger clock differences are shown to the staff: passages are judged by the gate's clock."""


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class PresenceEffect(StrEnum):
    """``LATE``: the passage was reported too late for any effect but to void a violation."""

    NONE = "none"
    CHECK_IN = "check_in"
    LEAVE = "leave"
    RETURN = "return"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Gate:
    """``complete_until``: by its own account the gate has reported all earlier passages.
    ``clock_skew``: how far its clock was ahead of the service's at the last batch. ``retired``:
    it has no key; its events remain valid. ``order``: the position in the venue, None until
    staff have set it."""

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
    """``id`` is the gate's own; ``student_no`` is what its card reader has read."""

    id: str
    student_no: str
    direction: Direction
    method: str
    at: datetime


@dataclass(frozen=True, slots=True)
class IngestResult:
    """The result of a batch. ``rejected``: pairs of index in the batch and error code."""

    accepted: int
    duplicates: int
    rejected: list[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class GateEvent:
    """A passage at ``at``, by the gate's clock. ``reader_id`` is None if no reader has the student
    number; ``late`` if it was reported too late to change a reservation."""

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
    """Whether the effect has been determined."""


def gates_in(venue_id: VenueId, gates: Iterable[Gate]) -> frozenset[GateId]:
    return frozenset(gate.id for gate in gates if gate.venue_id == venue_id)


def complete_until(gates: Sequence[Gate], now: datetime) -> datetime:
    """The instant up to which all passages are known. Gates not heard of for ``LATE_AFTER`` are
    ignored, and no gate delays the result by more than that."""
    reported = [
        gate.complete_until
        for gate in gates
        if not gate.retired
        and gate.complete_until is not None
        and gate.last_seen_at is not None
        and now - gate.last_seen_at < LATE_AFTER
    ]
    return max(min([now, *reported]), now - LATE_AFTER)
