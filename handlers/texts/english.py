"""English for the rules of use."""

from __future__ import annotations

from calendar import month_abbr
from datetime import date
from typing import Final

WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def day(when: date) -> str:
    """The day as ``9 Mar``."""
    return f"{when.day} {month_abbr[when.month]}"


def area_place(floor: int, name: str) -> str:
    """The words for an area and its floor. The floor is left out if the area's name contains it,
    as most Chinese names do."""
    return name if "层" in name else f"{_floor_name(floor)}, {name}"


def _floor_name(floor: int) -> str:
    return f"Basement {-floor}" if floor < 0 else f"Floor {floor}"
