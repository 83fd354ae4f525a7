"""English for the rules of use."""

from __future__ import annotations

from calendar import month_abbr
from datetime import date
from typing import Final

WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def day(when: date) -> str:
    """The day as ``9 Mar``."""
    return f"{when.day} {month_abbr[when.month]}"
