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
from models.kernel.zone import Zone
from models.library.entities import AreaId, SeatId, VenueId
from models.reservations.claims import ClaimKind
from models.reservations.presence import PresenceProof
from models.reservations.state_machine import TRANSITIONS, ReservationEvent, ReservationState

AFTER_OUTAGE: Final = timedelta(minutes=1)
"""A deadline that fell into an outage is extended to at least this long after the outage."""


@record
class HistoryEntry:
    """One entry in a reservation's history. ``by``: who made the change (reader, system,
    librarian); ``via``: through what (``api``, a kiosk's id, a job)."""

    at: datetime
    event: str
    by: str
    via: str


class OutboxEventKind(StrEnum):
    """Kinds of events of reservations. Readers or other programs may be notified of them. The
    value is stored. Readers get no message about the last five kinds. About an invitation the
    friends get it, about a friend's joining the asker."""

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
    FRIENDS_INVITED = "friends_invited"
    FRIEND_JOINED = "friend_joined"
    BOOKING_CANCELLED = "booking_cancelled"
    BOOKING_REPLACED = "booking_replaced"
    SEAT_MOVED = "seat_moved"
    CHECKED_IN_BEFORE = "checked_in_before"
    SEASON_DAY = "season_day"


@record
class OutboxEvent:
    """An event in a reservation's outbox, with the reservation's facts at that moment.
    ``change``: the id of the change that wrote the event; None before the event is stored, and
    in documents older than these ids. ``seq``: the reservation's revision at the event; no
    unique id, since after a rollback another change may get the same revision."""

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
    """The last action that a gate took for the reader: check_in, leave or return. The reader's
    next action of any kind confirms the gate's action."""

    kind: str
    at: datetime
    confirmed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OccupiedReport:
    """A reader's report that their seat is occupied: by a person (``kind`` occupied) or by
    things (belongings). While it is ``open``, no deadline runs for the reader. The report closes
    when the reader gets another seat, or when the staff help or reject it. While ``desk`` is
    True, the staff have to look at ``seat_id``, even if the reader has moved to another seat."""

    kind: str
    at: datetime
    seat_id: SeatId
    open: bool = True
    desk: bool = True


@dataclass(frozen=True, slots=True)
class Placement:
    """A seat and a time for a reader. `zone`: the library's."""

    zone: Zone
    reader_id: ReaderId
    venue_id: VenueId
    area_id: AreaId
    seat_id: SeatId
    span: TimeRange


@record
class Reservation:
    """A booking or an offer, as stored. Times are aware UTC; ``date`` is the day of use.

    `change`: the id of the last change. The next change must name it, and so fails if it is based
    on an older state. At first the reservation's own id; None in documents older than these ids.
    `placed_at`: when the reservation got its present seat and time. `available_from`: since when a
    checked-in reader may sit on the seat, possibly before the start.
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
    season_id: str | None = None
    """The season that gives its holder the seat on this day; None if the reader has booked it."""
    waitlist_entry_id: str | None = None
    """The waitlist entry to which the reservation was offered; None if it was booked."""
    held_until: datetime | None = None
    """The instant at which an offer from the waitlist ends if it is not accepted."""
    presence: PresenceProof | None = None
    """The reader's last proof of presence; None if there is none, as after a carry-over."""
    presence_due_at: datetime | None = None
    """The deadline of the presence check that another reader's report of an empty seat caused."""
    patrol_at: datetime | None = None
    """The instant since which the staff have to look at the seat, because a presence check's
    message could not be pushed to the reader; None if they need not."""
    idempotency_results: tuple[IdempotentResult, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    outbox: tuple[OutboxEvent, ...] = ()
    change: str | None = field(default=None, compare=False)

    @property
    def span(self) -> TimeRange:
        return TimeRange(self.start, self.end)

    @property
    def held(self) -> TimeRange | None:
        """The time in which the seat was or is held for this reader; None if the reservation
        ended before that time began. After a move, it is the time on the last seat."""
        start = max(min(self.start, self.available_from or self.start), self.placed_at)
        end = min(self.end, self.ended_at or self.end)
        return TimeRange(start, end) if start < end else None

    @property
    def used(self) -> tuple[datetime, datetime | None] | None:
        """Start and end of use. The end is None during the stay; all is None before check-in."""
        if self.checked_in_at is None:
            return None
        begun = max(self.checked_in_at, self.available_from or self.checked_in_at, self.placed_at)
        return begun, self.ended_at

    @property
    def receipt(self) -> str:
        return f"R{self.date.isoformat().replace('-', '')}{self.id[-6:].upper()}"

    @property
    def pending_confirmation(self) -> str | None:
        """The last action of a gate (check_in, leave or return) if the reader has not confirmed
        that action; else None."""
        assisted = self.gate_assistance
        return assisted.kind if assisted is not None and assisted.confirmed_at is None else None

    @property
    def has_open_report(self) -> bool:
        return self.report is not None and self.report.open

    def next_state(self, event: ReservationEvent) -> ReservationState:
        """The state after ``event`` by the table ``TRANSITIONS``. Raises: WrongState if the
        present state does not allow the event."""
        try:
            return TRANSITIONS[self.state, event]
        except KeyError:
            raise WrongState(state=self.state.value) from None

    def claims_except(self, *kinds: ClaimKind) -> tuple[str, ...]:
        prefixes = tuple(kind.prefix for kind in kinds)
        return tuple(claim for claim in self.claims if not claim.startswith(prefixes))
