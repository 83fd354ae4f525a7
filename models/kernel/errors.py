"""The families of errors, with codes that clients can rely on. HTTP maps them to statuses."""

from __future__ import annotations

from typing import Any, ClassVar


class DomainError(Exception):
    """The root of all expected refusals. ``details`` are JSON-serialisable facts for the client."""

    code: ClassVar[str] = "internal"

    def __init__(self, **details: object) -> None:
        super().__init__(self.code)
        self.details = {name: value for name, value in details.items() if value is not None}


class Malformed(DomainError):
    """The request or a setting cannot be parsed. Details: ``field``, ``reason``, and further
    facts about the reason (a limit, say)."""

    code = "malformed"

    def __init__(self, field: str, reason: str, **facts: Any) -> None:
        super().__init__(field=field, reason=reason, **facts)


class TooLarge(DomainError):
    """The request body exceeds the size limit."""

    code = "too_large"


class UnsupportedMediaType(DomainError):
    """The body's format is not supported. Details: ``field`` (the header) and ``reason``."""

    code = "unsupported_media_type"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field=field, reason=reason)


class RequestTimeout(DomainError):
    code = "request_timeout"


class Unauthenticated(DomainError):
    """The request has no valid credentials."""

    code = "unauthenticated"


class Forbidden(DomainError):
    """The caller is authenticated but lacks the right."""

    code = "forbidden"


class BadOrigin(Forbidden):
    """An unsafe request with a cookie came from a page of another site."""

    code = "bad_origin"


class NotFound(DomainError):
    """The object does not exist, or is not visible to the caller."""

    code = "not_found"


class Conflict(DomainError):
    """The object has changed since it was read, or the seat or other scarce thing is taken."""

    code = "conflict"


class RuleViolation(DomainError):
    """A rule of the library forbids the request."""

    code = "rule_violation"


class Throttled(DomainError):
    """Too many requests. ``retry_after``: whole seconds, at least 1, until the client may retry."""

    code = "throttled"

    def __init__(self, retry_after: float = 1, **details: object) -> None:
        super().__init__(**details)
        self.retry_after = max(1, round(retry_after + 0.5))


class TooManyAttempts(Throttled):
    code = "too_many_attempts"


class Unavailable(DomainError):
    """A dependency does not answer. ``retry_after``: whole seconds until the client may retry."""

    code = "unavailable"

    def __init__(self, retry_after: float = 2, **details: object) -> None:
        super().__init__(**details)
        self.retry_after = max(1, round(retry_after))


class Busy(Unavailable):
    """The service is overloaded."""

    code = "busy"


class OutcomeUnknown(Unavailable):
    """The change's outcome is unknown. Requests with the same idempotency key return the
    outcome."""

    code = "outcome_unknown"


class ClockWrong(Unavailable):
    """This host's clock differs from MongoDB's: no time limit is judged until they agree."""

    code = "clock_wrong"

    def __init__(self) -> None:
        super().__init__(retry_after=5)


class WrongState(Conflict):
    """The reservation's state does not allow the change. Details: ``state``."""

    code = "wrong_state"
