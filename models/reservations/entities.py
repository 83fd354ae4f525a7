"""A reservation with its history, its outbox and its claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from models.kernel.errors import WrongState
from models.kernel.ids import ReaderId, ReservationId
from models.kernel.records import record
from models.kernel.time_range import TimeRange
from models.library.entities import AreaId, SeatId, VenueId
from models.reservations.claims import ClaimKind
from models.reservations.presence import PresenceProof
from models.reservations.state_machine import TRANSITIONS, ReservationEvent, ReservationState

AFTER_OUTAGE: Final = timedelta(minutes=1)
"""So long everybody has, at least, when what kept them away is over."""


@record
class HistoryEntry:
    """One line of the history. ``by``: reader, system or librarian; ``via``: api, kiosk id, job."""

    at: datetime
    event: str
    by: str
    via: str


class OutboxEventKind(StrEnum):
    """What a reader or a program (``models/webhooks``) may have to be told of. The value is stored.
    Of the last four no reader is told: they have seen it, or hear of it by another message."""

    BOOKING_CONFIRMED = "booking_confirmed"
    BOOKING_CHANGED = "booking_changed"
    CHECK_IN_REMINDER = "check_in_reminder"
    NO_SHOW = "no_show"
    CHECKED_IN = "checked_in"
    ENDING_SOON = "ending_soon"
    BOOKING_ENDED = "booking_ended"
    TEMPORARY_LEAVE = "temporary_leave"
    RETURNED = "returned"
    PRESENCE_CHECK = "presence_check"
    REPORT_REJECTED = "report_rejected"
    WAITLIST_OFFER = "waitlist_offer"
    ALTERNATIVE_OFFER = "alternative_offer"
    LEAVE_REMINDER = "leave_reminder"
    LEAVE_EXPIRED = "away_expired"
    BOOKING_CANCELLED_BY_LIBRARY = "booking_cancelled_by_library"
    OFFER_WITHDRAWN = "offer_withdrawn"
    END_MOVED = "end_moved"
    BOOKING_CANCELLED = "booking_cancelled"
    BOOKING_REPLACED = "booking_replaced"
    SEAT_MOVED = "seat_moved"
    CHECKED_IN_BEFORE = "checked_in_before"


@record
class OutboxEvent:
    """One line of the outbox: what has to be told, and the facts of that moment.

    ``change`` is the id of the change that wrote it and names it for ever; None until it is stored,
    and in what was stored before changes had ids. ``seq`` is the revision, which another change may
    take after a rollback. ``request_id`` is that of the request or run that wrote it.
    """

    seq: int
    event: OutboxEventKind
    at: datetime
    facts: Mapping[str, object]
    change: str | None = field(default=None, compare=False)
    request_id: str = field(default="", compare=False)

    @property
    def key(self) -> str:
        """What names it among the reservation's notices."""
        return self.change or str(self.seq)


@record
class IdempotentResult:
    """An idempotency key that succeeded on this reservation."""

    key: str
    digest: str
    at: datetime


@dataclass(frozen=True, slots=True)
class GateAssistance:
    """What a gate did last on the reader's behalf (check_in, leave, return), until they confirm it.
    Whatever they do themselves confirms it too."""

    kind: str
    at: datetime
    confirmed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OccupiedReport:
    """A reader's report that somebody (``kind`` occupied) or something (belongings) is on their
    seat. While it is ``open`` no deadline runs, since the reader has proved their presence. It
    closes when the reader has another seat, or when the desk has helped or rejected it. While
    ``desk`` is set the staff have still to look at ``seat_id``, also after its reader moved."""

    kind: str
    at: datetime
    seat_id: SeatId
    open: bool = True
    desk: bool = True


@dataclass(frozen=True, slots=True)
class Placement:
    """Who has which seat, and when: what a booking and an offer begin with."""

    reader_id: ReaderId
    venue_id: VenueId
    area_id: AreaId
    seat_id: SeatId
    span: TimeRange


@record
class Reservation:
    """One booking, as it is stored. Times are aware UTC; ``date`` is the day of use.

    ``change`` is the id of its last change, the store's guard of the next one; that of the first is
    the reservation's own. None in what was stored before changes had ids.
    ``since``: when it took its present seat and time (made, or changed). ``available_from``: once
    checked in, from when the reader may sit there, which can be before the start.
    """

    id: ReservationId
    rev: int
    reader_id: ReaderId
    venue_id: VenueId
    area_id: AreaId
    seat_id: SeatId
    date: date
    start: datetime
    end: datetime
    state: ReservationState
    created_at: datetime
    placed_at: datetime
    check_in_from: datetime
    check_in_until: datetime
    policy_version: int
    claims: tuple[str, ...]
    penalty_waived: bool = False
    available_from: datetime | None = None
    checked_in_at: datetime | None = None
    left_at: datetime | None = None
    return_by: datetime | None = None
    returned_at: datetime | None = None
    ended_at: datetime | None = None
    extensions: int = 0
    remind_at: datetime | None = None
    carry_over_at: datetime | None = None
    last_kiosk_code: str | None = None
    gate_assistance: GateAssistance | None = None
    report: OccupiedReport | None = None
    wait_id: str | None = None
    held_until: datetime | None = None
    """The offer from the waiting list stands until then."""
    presence: PresenceProof | None = None
    """How the reader was last seen there; None where time alone has checked them in."""
    presence_due_at: datetime | None = None
    """Another reader says that nobody sits there: until then it has to be shown otherwise."""
    patrol_at: datetime | None = None
    """Since then somebody of the staff has to look: the reader could not be asked by a push."""
    idempotency_results: tuple[IdempotentResult, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    outbox: tuple[OutboxEvent, ...] = ()
    change: str | None = field(default=None, compare=False)

    @property
    def span(self) -> TimeRange:
        return TimeRange(self.start, self.end)

    @property
    def held(self) -> TimeRange | None:
        """When the seat was or is this reader's and nobody else's; None where it ended before it
        began. Of a reader who has moved it is the time at the last seat."""
        start = max(min(self.start, self.available_from or self.start), self.placed_at)
        end = min(self.end, self.ended_at or self.end)
        return TimeRange(start, end) if start < end else None

    @property
    def used(self) -> tuple[datetime, datetime | None] | None:
        """From when until when its reader used the seat, as far as check-ins show; None where they
        did not, and for the end while they do."""
        if self.checked_in_at is None:
            return None
        begun = max(self.checked_in_at, self.available_from or self.checked_in_at, self.placed_at)
        return begun, self.ended_at

    @property
    def receipt(self) -> str:
        """A short number to say at the desk; the id stays the key."""
        return f"R{self.date.isoformat().replace('-', '')}{self.id[-6:].upper()}"

    @property
    def pending_confirmation(self) -> str | None:
        """What a gate did and the reader has not confirmed yet."""
        assisted = self.gate_assistance
        return assisted.kind if assisted is not None and assisted.confirmed_at is None else None

    @property
    def has_open_report(self) -> bool:
        """The seat is taken by somebody else, and nothing has come of it yet."""
        return self.report is not None and self.report.open

    def next_state(self, event: ReservationEvent) -> ReservationState:
        """Raises: WrongState where the table has no such transition."""
        try:
            return TRANSITIONS[self.state, event]
        except KeyError:
            raise WrongState(state=self.state.value) from None

    def claims_except(self, *kinds: ClaimKind) -> tuple[str, ...]:
        """The claims of all other kinds."""
        prefixes = tuple(kind.prefix for kind in kinds)
        return tuple(claim for claim in self.claims if not claim.startswith(prefixes))
