"""Every refusal of the service, by family.

A leaf carries a stable ``code`` (the contract with clients) and typed details; it knows nothing of
HTTP or of wording. ``handlers/errors.py`` holds the one table to status and message.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar


class ServiceError(Exception):
    """Root of all expected refusals. ``details`` are JSON-able facts for the client."""

    code: ClassVar[str] = "internal"

    def __init__(self, **details: object) -> None:
        super().__init__(self.code)
        self.details = {name: value for name, value in details.items() if value is not None}


class Malformed(ServiceError):
    """The request cannot be read. Details: ``field`` and ``reason``."""

    code = "malformed"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field=field, reason=reason)


class TooLarge(ServiceError):
    """The body is larger than the service reads."""

    code = "too_large"


class UnsupportedMediaType(ServiceError):
    """The body is in a form that the service does not read. Details: ``field`` (the header that
    says so) and ``reason``."""

    code = "unsupported_media_type"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field=field, reason=reason)


class RequestTimeout(ServiceError):
    """The body did not arrive in time."""

    code = "request_timeout"


class Unauthenticated(ServiceError):
    """Nobody is known behind this request."""

    code = "unauthenticated"


class NotAllowed(ServiceError):
    """Somebody is known, and may not do this."""

    code = "forbidden"


class NotBound(NotAllowed):
    """The WeChat user has not bound a reader yet."""

    code = "not_bound"


class BadOrigin(NotAllowed):
    """An unsafe request with a cookie that did not come from the service's own pages."""

    code = "bad_origin"


class NotFound(ServiceError):
    """It does not exist, or not for this reader."""

    code = "not_found"


class Conflict(ServiceError):
    """A state or a scarce thing was lost."""

    code = "conflict"


class RuleViolation(ServiceError):
    """A rule of the library says no."""

    code = "rule_violation"


class Throttled(ServiceError):
    """Too often. ``retry_after`` is in whole seconds, at least 1."""

    code = "throttled"

    def __init__(self, retry_after: float = 1, **details: object) -> None:
        super().__init__(**details)
        self.retry_after = max(1, round(retry_after + 0.5))


class TooManyAttempts(Throttled):
    """Too many wrong guesses of a secret."""

    code = "too_many_attempts"


class Upstream(ServiceError):
    """A service this one depends on does not answer. ``retry_after`` is in whole seconds."""

    code = "unavailable"

    def __init__(self, retry_after: float = 2, **details: object) -> None:
        super().__init__(**details)
        self.retry_after = max(1, round(retry_after))


class Busy(Upstream):
    """The service itself has more to do than it can answer in time."""

    code = "busy"


class OutcomeUnknown(Upstream):
    """The change is still being made or undone. The same request with its key is told which."""

    code = "outcome_unknown"


class ClockWrong(Upstream):
    """This host's clock is not MongoDB's: it judges nobody until it is."""

    code = "clock_wrong"

    def __init__(self) -> None:
        super().__init__(retry_after=5)


# --- a scarce thing or a state lost -------------------------------------------------------------


class SeatTaken(Conflict):
    """Another reservation holds the seat in that time. Details: ``nearest`` free seats."""

    code = "seat_taken"


class OwnOverlap(Conflict):
    """The reader holds another seat in that time."""

    code = "own_overlap"


class WrongState(Conflict):
    """The reservation's state does not allow it. Details: ``state``."""

    code = "wrong_state"


class SeatFree(Conflict):
    """Nobody has to wait: details ``seats`` are free for that time."""

    code = "seat_free"


class AlreadyWaiting(Conflict):
    """The reader has a place in a line for some of that time."""

    code = "already_waiting"


class NotInUse(Conflict):
    """Nobody is checked in at the seat now."""

    code = "not_in_use"


class OtherInUse(Conflict):
    """The reader is checked in at another seat. Details: ``reservation_id``."""

    code = "other_in_use"


class NothingToConfirm(Conflict):
    """No gate acted on the reader's behalf, or it is confirmed already."""

    code = "nothing_to_confirm"


class NothingToAppeal(Conflict):
    """The violation is waived, or the reader has appealed against it already."""

    code = "nothing_to_appeal"


class IdempotencyKeyReused(Conflict):
    """The key stands for another request of this reader."""

    code = "idempotency_key_reused"


class RulesChanged(Conflict):
    """Somebody else has changed the rules meanwhile."""

    code = "rules_changed"


class PlanChanged(Conflict):
    """Somebody else has changed the area's plan meanwhile, or added one of that id."""

    code = "plan_changed"


class NoticeChanged(Conflict):
    """Somebody else has changed the notice meanwhile."""

    code = "notice_changed"


class CardTaken(Conflict):
    """The card is somebody else's."""

    code = "card_taken"


class DeviceExists(Conflict):
    """There is a kiosk or a gate of that id."""

    code = "device_exists"


class InProgress(Conflict):
    """The first request with this key is still under way."""

    code = "in_progress"


class AlreadyBound(Conflict):
    """The WeChat user is bound to a reader."""

    code = "already_bound"


class BindingRequestOver(Conflict):
    """The binding request was answered otherwise, has expired, or its code was replaced."""

    code = "binding_request_over"


class ReaderBoundElsewhere(Conflict):
    """The reader is bound to another WeChat user."""

    code = "reader_bound_elsewhere"


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


class NotAdmitted(RuleViolation):
    """A visitor's stay does not include that day. Details: ``first`` and ``last``, its dates."""

    code = "not_admitted"

    def __init__(self, first: str, last: str) -> None:
        super().__init__(first=first, last=last)


class FilterOff(RuleViolation):
    """The library does not let seats be looked for by this mark. Details: ``filter``."""

    code = "filter_off"


class SeatDisabled(RuleViolation):
    """The seat is out of use. Details: ``reason``."""

    code = "seat_disabled"


class Suspended(RuleViolation):
    """The reader may not book until ``until``."""

    code = "suspended"

    def __init__(self, until: datetime) -> None:
        super().__init__(until=until)


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


class TooOften(RuleViolation):
    """Done as often as allowed. Details: ``limit``."""

    code = "too_often"


class QrInvalid(RuleViolation):
    """Not the code of one of the library's kiosks."""

    code = "qr_invalid"


class QrExpired(RuleViolation):
    """The kiosk has shown this code, and shows another one now."""

    code = "qr_expired"


class QrUsed(RuleViolation):
    """The reader has used this very code already."""

    code = "qr_used"


class WrongVenue(RuleViolation):
    """The kiosk stands in another venue than the seat."""

    code = "wrong_venue"


class CardUnknown(RuleViolation):
    """No reader has this card."""

    code = "card_unknown"


class ActivationCodeInvalid(RuleViolation):
    """Wrong, used or expired alike, so that guessing learns nothing."""

    code = "activation_code_invalid"


class UnknownTemplate(RuleViolation):
    """No message of that name. Details: ``template``."""

    code = "unknown_template"
