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
"""After an outage every reader has at least this long to meet a deadline that fell into it."""


@record
class HistoryEntry:
    """One line of the history. ``by``: reader, system or librarian; ``via``: api, kiosk id, job."""

    at: datetime
    event: str
    by: str
    via: str


class OutboxEventKind(StrEnum):
    """An event that readers or other programs may be notified of. The value is stored. The last
    four kinds send readers no message of their own."""

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
    """An event in the outbox, with the facts at its moment. ``change``: id of the change that wrote
    it; None until it is stored, and in documents from before changes had ids. ``seq``: the
    revision, which another change may reuse after a rollback."""

    seq: int
    event: OutboxEventKind
    at: datetime
    facts: Mapping[str, object]
    change: str | None = field(default=None, compare=False)
    request_id: str = field(default="", compare=False)

    @property
    def key(self) -> str:
        return self.change or str(self.seq)


@record
class IdempotentResult:
    key: str
    digest: str
    at: datetime


@dataclass(frozen=True, slots=True)
class GateAssistance:
    """A gate's last action for the reader (check_in, leave, return). The reader's next action of
    any kind confirms it."""

    kind: str
    at: datetime
    confirmed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OccupiedReport:
    """A reader's report that a person (``kind`` occupied) or things (belongings) are on their seat.
    While ``open`` no deadline runs; it closes when the reader gets another seat, or when the staff
    help or reject it. While ``desk`` the staff look at ``seat_id``, even if the reader moved."""

    kind: str
    at: datetime
    seat_id: SeatId
    open: bool = True
    desk: bool = True


@dataclass(frozen=True, slots=True)
class Placement:
    reader_id: ReaderId
    venue_id: VenueId
    area_id: AreaId
    seat_id: SeatId
    span: TimeRange


@record
class Reservation:
    """A booking or offer, as stored. Times are aware UTC; ``date`` is the day of use. ``change``:
    id of the last change, which guards the next one: at first the reservation's own id, None in
    documents from before changes had ids. ``placed_at``: when it got its present seat and time.
    ``available_from``: since when a checked-in reader may sit there, possibly before the start."""

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
    """The end of an offer from the waitlist."""
    presence: PresenceProof | None = None
    """The reader's last proof of presence; None if only a carry-over checked them in."""
    presence_due_at: datetime | None = None
    """The deadline to prove presence, after another reader reported the seat empty."""
    patrol_at: datetime | None = None
    """Since when the staff have to look at the seat; no push message reached the reader."""
    idempotency_results: tuple[IdempotentResult, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    outbox: tuple[OutboxEvent, ...] = ()
    change: str | None = field(default=None, compare=False)

    @property
    def span(self) -> TimeRange:
        return TimeRange(self.start, self.end)

    @property
    def held(self) -> TimeRange | None:
        """The time in which the seat is or was this reader's; None if it ended before it began.
        After a move: the time at the last seat."""
        start = max(min(self.start, self.available_from or self.start), self.placed_at)
        end = min(self.end, self.ended_at or self.end)
        return TimeRange(start, end) if start < end else None

    @property
    def used(self) -> tuple[datetime, datetime | None] | None:
        """The time of use as (start, end), end None during the stay; None without a check-in."""
        if self.checked_in_at is None:
            return None
        begun = max(self.checked_in_at, self.available_from or self.checked_in_at, self.placed_at)
        return begun, self.ended_at

    @property
    def receipt(self) -> str:
        return f"R{self.date.isoformat().replace('-', '')}{self.id[-6:].upper()}"

    @property
    def pending_confirmation(self) -> str | None:
        assisted = self.gate_assistance
        return assisted.kind if assisted is not None and assisted.confirmed_at is None else None

    @property
    def has_open_report(self) -> bool:
        return self.report is not None and self.report.open

    def next_state(self, event: ReservationEvent) -> ReservationState:
        """Raises: WrongState if the table has no such transition."""
        try:
            return TRANSITIONS[self.state, event]
        except KeyError:
            raise WrongState(state=self.state.value) from None

    def claims_except(self, *kinds: ClaimKind) -> tuple[str, ...]:
        prefixes = tuple(kind.prefix for kind in kinds)
        return tuple(claim for claim in self.claims if not claim.startswith(prefixes))
