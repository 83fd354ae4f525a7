"""Days from a first to a last, both included; without bound where one is None."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date


def is_within(day: date, first: date | None, last: date | None) -> bool:
    """Is the day one of them?"""
    return (first is None or first <= day) and (last is None or day <= last)


def days_document(first: date | None, last: date | None) -> dict[str, str | None]:
    """The two as they are stored."""
    return {
        "first": first.isoformat() if first else None,
        "last": last.isoformat() if last else None,
    }


def read_days(stored: Mapping[str, str | None]) -> tuple[date | None, date | None]:
    """The two of ``days_document``."""
    first, last = (stored["first"], stored["last"])
    return (
        date.fromisoformat(first) if first else None,
        date.fromisoformat(last) if last else None,
    )
