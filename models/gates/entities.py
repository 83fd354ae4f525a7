"""Gates (门禁) and their events: passages of readers that gates report."""

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
"""A passage that is reported more than this after it happened no longer changes a reservation."""
MAX_AHEAD: Final = timedelta(minutes=5)
"""A reported passage is rejected if its time is more than this in the future."""
CLOCK_OFF: Final = timedelta(minutes=1)
"""A larger difference between a gate's clock and the service's is shown to the staff, since
passages are judged by the gate's clock."""


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class PresenceEffect(StrEnum):
    """The effect of a passage on a reservation. ``LATE``: it was reported too late for any
    effect except to void a violation. ``NONE``: it changed nothing."""

    NONE = "none"
    CHECK_IN = "check_in"
    LEAVE = "leave"
    RETURN = "return"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate of a venue.

    `complete_until`: the gate says that it has reported all passages before this time.
    `clock_skew`: how far its clock was ahead of the service's at the last report. `retired`: it has
    no key; its events remain valid. `order`: the position in the venue, None until staff have
    ordered the gates.
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
    """A passage in a gate's report. `id`: assigned by the gate. `student_no`: the number on the
    card that was shown to the gate."""

    id: str
    student_no: str
    direction: Direction
    method: str
    at: datetime


@dataclass(frozen=True, slots=True)
class IngestResult:
    """The result of a report. `rejected`: the index and error code of each rejected passage."""

    accepted: int
    duplicates: int
    rejected: list[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class GateEvent:
    """A stored passage. `at`: its time by the gate's clock. `reader_id`: None if no reader has
    the number on the card. `late`: it was reported too late to change a reservation."""

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
    """True once the passage's effect on the reader's reservations has been determined."""


def gates_in(venue_id: VenueId, gates: Iterable[Gate]) -> frozenset[GateId]:
    return frozenset(gate.id for gate in gates if gate.venue_id == venue_id)


def complete_until(gates: Sequence[Gate], now: datetime) -> datetime:
    """The instant up to which all passages are known, at most ``LATE_AFTER`` before ``now``. A
    gate from which nothing was heard for ``LATE_AFTER`` is ignored."""
    reported = [
        gate.complete_until
        for gate in gates
        if not gate.retired
        and gate.complete_until is not None
        and gate.last_seen_at is not None
        and now - gate.last_seen_at < LATE_AFTER
    ]
    return max(min([now, *reported]), now - LATE_AFTER)
