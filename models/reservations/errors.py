"""Why a booking, a change of one, or a step of its life is refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from models.kernel.errors import Conflict, DomainError, NotFound, RuleViolation, WrongState
from models.readers.entities import FOREVER, SuspensionReason
from models.reservations.claims import ClaimKind


# --- a scarce thing or a state lost -------------------------------------------------------------
class SeatTaken(Conflict):
    """Another reservation holds the seat in that time. Details: ``nearest`` free seats; ``drawn``
    where another reader was drawn before this one at the opening."""

    code = "seat_taken"


class OwnOverlap(Conflict):
    """The reader holds another seat in that time."""

    code = "own_overlap"


class IdempotencyKeyReused(Conflict):
    """The key stands for another request of this reader."""

    code = "idempotency_key_reused"


class RequestRefused(Conflict):
    """A repetition of this request was refused, and so are all others: who still wants it asks
    under a new key."""

    code = "request_refused"


class InProgress(Conflict):
    """The first request with this key is still under way."""

    code = "in_progress"


class DrawPending(Conflict):
    """Another request of the reader for that day waits in the draw at the opening."""

    code = "draw_pending"


# --- rules --------------------------------------------------------------------------------------
class DailyLimit(RuleViolation):
    """The reader's bookings for that day of use are used up. Details: ``limit``."""

    code = "daily_limit"


class TooLong(RuleViolation):
    """Longer than the area's longest stay. Details: ``max_minutes``."""

    code = "too_long"


class TooShort(RuleViolation):
    """Shorter than a booking may be. Details: ``min_minutes``."""

    code = "too_short"


class OffGrid(RuleViolation):
    """Not a time that can be chosen. Details: ``step_minutes``."""

    code = "off_grid"


class Closed(RuleViolation):
    """The library is closed in that time. Details: ``reason``, ``open``, ``close``."""

    code = "closed"


class OutsideHorizon(RuleViolation):
    """Further ahead than can be booked. Details: ``last_date``."""

    code = "outside_horizon"


class NotOpenYet(RuleViolation):
    """That day can be booked from ``opens_at`` on."""

    code = "not_open_yet"

    def __init__(self, opens_at: datetime) -> None:
        super().__init__(opens_at=opens_at)


class InThePast(RuleViolation):
    """The time has begun already."""

    code = "in_the_past"


class SeatKept(RuleViolation):
    """The seat is kept for readers who need it."""

    code = "seat_kept"


class GroupOnly(RuleViolation):
    """The seat is reserved for readers of other groups. Details: ``groups``, what these are
    called."""

    code = "group_only"

    def __init__(self, groups: Sequence[str]) -> None:
        super().__init__(groups=list(groups))


class NotAdmitted(RuleViolation):
    """A visitor's stay does not include that day. Details: ``first`` and ``last``, its dates."""

    code = "not_admitted"

    def __init__(self, first: str, last: str) -> None:
        super().__init__(first=first, last=last)


class SeatDisabled(RuleViolation):
    """The seat is out of use. Details: ``reason``."""

    code = "seat_disabled"


class Suspended(RuleViolation):
    """The reader may not book. Details: ``until``, unless it lasts until somebody ends it; and why:
    ``violations`` within ``days``, or ``reason``, a librarian's words."""

    code = "suspended"

    def __init__(self, until: datetime, reason: SuspensionReason | None = None) -> None:
        end = until if until != FOREVER else None
        why = reason or SuspensionReason()
        super().__init__(
            until=end, violations=why.violations, days=why.days, reason=why.words or None
        )


class TooEarly(RuleViolation):
    """It may be done from ``from_`` on."""

    code = "too_early"

    def __init__(self, from_: datetime) -> None:
        super().__init__(**{"from": from_})


class TooLate(RuleViolation):
    """It could be done until ``until``."""

    code = "too_late"

    def __init__(self, until: datetime) -> None:
        super().__init__(until=until)


class ClaimLost(DomainError):
    """The index refused. ``claim`` is the one that lost, in key order (i, k, n, r, s)."""

    code = "claim_lost"

    def __init__(self, claim: str) -> None:
        super().__init__()
        self.claim = claim

    @property
    def kind(self) -> ClaimKind | None:
        """What it guards; None for what is no claim, such as an id."""
        return ClaimKind(self.claim[0]) if self.claim[1:2] == ":" else None


class StaleRevision(DomainError):
    """Somebody else changed the reservation first, or it is no longer due."""

    code = "stale_revision"


# --- what several operations have in common, for the tables of routes ---------------------------
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
