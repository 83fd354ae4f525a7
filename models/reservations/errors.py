from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from models.kernel.errors import Conflict, DomainError, NotFound, RuleViolation, WrongState
from models.readers.entities import FOREVER, SuspensionReason
from models.reservations.claims import ClaimKind


# --- lost a scarce thing or a state -------------------------------------------------------------
class SeatTaken(Conflict):
    """The seat belongs to another reservation in the selected time. Details: ``nearest``, free
    seats near it; ``drawn``, true if the reader lost the seat in the draw at the opening."""

    code = "seat_taken"


class OwnOverlap(Conflict):
    """The reader already has a different reservation that overlaps with the selected time."""

    code = "own_overlap"


class IdempotencyKeyReused(Conflict):
    """The reader has used this idempotency key for a different request."""

    code = "idempotency_key_reused"


class RequestRefused(Conflict):
    """A repeated request with this idempotency key was refused, so no request with the key can
    succeed any more. A new attempt needs a new key."""

    code = "request_refused"


class InProgress(Conflict):
    """The first request with this idempotency key is still being processed."""

    code = "in_progress"


class DrawPending(Conflict):
    """A different request of the reader for the same day takes part in the draw at the opening."""

    code = "draw_pending"


# --- rules --------------------------------------------------------------------------------------
class DailyLimit(RuleViolation):
    """The reader has no bookings left for the selected day of use. Details: ``limit``."""

    code = "daily_limit"


class TooLong(RuleViolation):
    """The selected time is longer than the area's longest stay. Details: ``max_minutes``."""

    code = "too_long"


class TooShort(RuleViolation):
    """The selected time is shorter than the shortest booking. Details: ``min_minutes``."""

    code = "too_short"


class OffGrid(RuleViolation):
    """The selected start or end is not a time that can be chosen. Details: ``step_minutes``;
    ``left_out``, the time, if the library's clocks jump over it on that day."""

    code = "off_grid"


class Closed(RuleViolation):
    """The library is not open during the selected time. Details: ``reason``, and the day's hours
    as ``open`` and ``close``."""

    code = "closed"


class OutsideHorizon(RuleViolation):
    """The day is beyond the booking window. Details: ``last_date``, the last bookable day."""

    code = "outside_horizon"


class NotOpenYet(RuleViolation):
    """Nobody can book that day yet. Details: ``opens_at``; or ``season``, true, where a season
    gives the seat on that day and its holder's day is not written yet."""

    code = "not_open_yet"


class InThePast(RuleViolation):
    code = "in_the_past"


class SeatKept(RuleViolation):
    """The seat is kept for readers with an accommodation for accessible seats."""

    code = "seat_kept"


class GroupOnly(RuleViolation):
    """The seat or study room is reserved for readers of other groups. Details: ``groups``, their
    names."""

    code = "group_only"

    def __init__(self, groups: Sequence[str]) -> None:
        super().__init__(groups=list(groups))


class NotAdmitted(RuleViolation):
    """The day is not in the visitor's stay. Details: ``first`` and ``last``, the stay's days."""

    code = "not_admitted"

    def __init__(self, first: str, last: str) -> None:
        super().__init__(first=first, last=last)


class SeatDisabled(RuleViolation):
    """The seat is out of service. Details: ``reason``."""

    code = "seat_disabled"


class Suspended(RuleViolation):
    """The reader may not book. Details: ``until``, missing if the suspension has no end date;
    and its cause: ``violations`` within ``days``, or ``reason``, a librarian's explanation."""

    code = "suspended"

    def __init__(self, until: datetime, reason: SuspensionReason | None = None) -> None:
        end = until if until != FOREVER else None
        why = reason or SuspensionReason()
        super().__init__(
            until=end, violations=why.violations, days=why.days, reason=why.words or None
        )


class TooEarly(RuleViolation):
    code = "too_early"

    def __init__(self, from_: datetime) -> None:
        super().__init__(**{"from": from_})


class TooLate(RuleViolation):
    code = "too_late"

    def __init__(self, until: datetime) -> None:
        super().__init__(until=until)


class TooFewPeople(RuleViolation):
    """Fewer people have confirmed than the room is for. Details: ``least``."""

    code = "too_few_people"


class ClaimLost(DomainError):
    """The unique index refused a write, because another document holds ``claim``. If several
    claims are held by others, ``claim`` is the first in alphabetical order."""

    code = "claim_lost"

    def __init__(self, claim: str) -> None:
        super().__init__()
        self.claim = claim

    @property
    def kind(self) -> ClaimKind | None:
        """The lost claim's kind; None if the refused key is not a claim (a document id, say)."""
        return ClaimKind(self.claim[0]) if self.claim[1:2] == ":" else None


class StaleRevision(DomainError):
    """The change was not written: the reservation was changed since it was read, or no longer
    meets the condition of a job's deadline."""

    code = "stale_revision"


# --- errors that several operations share, for the tables of routes -----------------------------
BOOKABLE_TIME: Final = (
    InThePast,
    OutsideHorizon,
    NotOpenYet,
    Closed,
    OffGrid,
    TooShort,
    TooLong,
)
READER_MAY_BOOK: Final = (Suspended, NotAdmitted)
SEAT_MAY_BE_BOOKED: Final = (SeatDisabled, SeatKept, GroupOnly)
BOOKING: Final = (
    NotFound,
    SeatTaken,
    OwnOverlap,
    *READER_MAY_BOOK,
    *SEAT_MAY_BE_BOOKED,
    *BOOKABLE_TIME,
)
OWN_RESERVATION: Final = (NotFound, WrongState)
IDEMPOTENCY: Final = (IdempotencyKeyReused, InProgress, RequestRefused)
