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


class RequestTooLate(RuleViolation):
    """The room needs an approval, and the library can no longer give it in time. Details:
    ``until``, when it could be requested."""

    code = "request_too_late"
