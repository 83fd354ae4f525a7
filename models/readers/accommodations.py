"""What the library grants one reader, and nobody else is told of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from models.policy.entities import Policy


@dataclass(frozen=True, slots=True)
class Accommodation:
    """Seats that are kept for who needs them; minutes more to check in, and to be away. Up to and
    with the day ``until``; for good where there is none."""

    accessible: bool = False
    check_in_minutes: int = 0
    leave_minutes: int = 0
    until: date | None = None

    def is_active_on(self, day: date) -> bool:
        return self.until is None or day <= self.until

    def apply_to(self, policy: Policy) -> Policy:
        """The policy as it is for this reader."""
        return replace(
            policy,
            check_in_after_minutes=policy.check_in_after_minutes + self.check_in_minutes,
            leave_minutes=policy.leave_minutes + self.leave_minutes,
            meal_leave_minutes=policy.meal_leave_minutes + self.leave_minutes,
        )


NO_ACCOMMODATION: Final = Accommodation()
