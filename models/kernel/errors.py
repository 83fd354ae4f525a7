"""Families of errors: what went wrong, with a code that clients can rely on. HTTP turns them into
statuses."""

from __future__ import annotations

from typing import Any, ClassVar


class DomainError(Exception):
    """Root of all expected refusals. ``details`` are JSON-able facts for the client."""

    code: ClassVar[str] = "internal"

    def __init__(self, **details: object) -> None:
        super().__init__(self.code)
        self.details = {name: value for name, value in details.items() if value is not None}


class Malformed(DomainError):
    """The request cannot be read. Details: ``field``, ``reason``, and the facts of the reason."""

    code = "malformed"

    def __init__(self, field: str, reason: str, **facts: Any) -> None:
        super().__init__(field=field, reason=reason, **facts)


class TooLarge(DomainError):
    """The body is larger than the service reads."""

    code = "too_large"


class UnsupportedMediaType(DomainError):
    """The body is in a form that the service does not read. Details: ``field`` (the header that
    says so) and ``reason``."""

    code = "unsupported_media_type"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field=field, reason=reason)


class RequestTimeout(DomainError):
    """The body did not arrive in time."""

    code = "request_timeout"


class Unauthenticated(DomainError):
    """Nobody is known behind this request."""

    code = "unauthenticated"


class Forbidden(DomainError):
    """Somebody is known, and may not do this."""

    code = "forbidden"


class BadOrigin(Forbidden):
    """An unsafe request with a cookie that did not come from the service's own pages."""

    code = "bad_origin"


class NotFound(DomainError):
    """It does not exist, or not for this reader."""

    code = "not_found"


class Conflict(DomainError):
    """A state or a scarce thing was lost."""

    code = "conflict"


class RuleViolation(DomainError):
    """A rule of the library says no."""

    code = "rule_violation"


class Throttled(DomainError):
    """Too often. ``retry_after`` is in whole seconds, at least 1."""

    code = "throttled"

    def __init__(self, retry_after: float = 1, **details: object) -> None:
        super().__init__(**details)
        self.retry_after = max(1, round(retry_after + 0.5))


class TooManyAttempts(Throttled):
    """Too many wrong guesses of a secret."""

    code = "too_many_attempts"


class Unavailable(DomainError):
    """A service this one depends on does not answer. ``retry_after`` is in whole seconds."""

    code = "unavailable"

    def __init__(self, retry_after: float = 2, **details: object) -> None:
        super().__init__(**details)
        self.retry_after = max(1, round(retry_after))


class Busy(Unavailable):
    """The service itself has more to do than it can answer in time."""

    code = "busy"


class OutcomeUnknown(Unavailable):
    """The change is still being made or undone. The same request with its key is told which."""

    code = "outcome_unknown"


class ClockWrong(Unavailable):
    """This host's clock is not MongoDB's: it judges nobody until it is."""

    code = "clock_wrong"

    def __init__(self) -> None:
        super().__init__(retry_after=5)


class WrongState(Conflict):
    """The reservation's state does not allow it. Details: ``state``."""

    code = "wrong_state"
