from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from models.policy.entities import Policy


@dataclass(frozen=True, slots=True)
class Accommodation:
    """A reader's accommodation, which is confidential: accessible seats, and extra minutes for
    check-in and leave. It is active up to and including ``until``; None is an open end."""

    accessible: bool = False
    check_in_minutes: int = 0
    leave_minutes: int = 0
    until: date | None = None

    def is_active_on(self, day: date) -> bool:
        return self.until is None or day <= self.until

    def apply_to(self, policy: Policy) -> Policy:
        return replace(
            policy,
            check_in_after_minutes=policy.check_in_after_minutes + self.check_in_minutes,
            leave_minutes=policy.leave_minutes + self.leave_minutes,
            meal_leave_minutes=policy.meal_leave_minutes + self.leave_minutes,
        )


NO_ACCOMMODATION: Final = Accommodation()
