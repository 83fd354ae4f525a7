from __future__ import annotations

from models.kernel.errors import Conflict, RuleViolation


class RoomTaken(Conflict):
    """The room belongs to another booking, or is kept empty after one, in the selected time."""

    code = "room_taken"


class RoomFull(Conflict):
    """The number of people for whom the room is have confirmed. Details: ``most``."""

    code = "room_full"


class WeeklyLimit(RuleViolation):
    """The reader has no bookings of rooms left in the selected week. Details: ``limit``."""

    code = "weekly_limit"


class EndBeforeStart(RuleViolation):
    """The selected end is not after the start."""

    code = "end_before_start"


class PeopleBusy(Conflict):
    """A person who has confirmed has another place in the selected time."""

    code = "people_busy"


class ApprovalNeeded(RuleViolation):
    """The library has not approved the selected room and time, and a change does not ask it."""

    code = "approval_needed"


class RequestTooLate(RuleViolation):
    """The room needs an approval, and the library can no longer give it in time. Details:
    ``until``, when it could be requested."""

    code = "request_too_late"


class SeriesDoesNotFit(Conflict):
    """Nothing was stored, as not all days of the series fit. Details: ``dates``, those that do
    not."""

    code = "series_does_not_fit"
