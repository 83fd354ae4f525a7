"""Ranges of days, including the first and last day. A first or last day of None means no limit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date


def is_within(day: date, first: date | None, last: date | None) -> bool:
    return (first is None or first <= day) and (last is None or day <= last)


def days_document(first: date | None, last: date | None) -> dict[str, str | None]:
    return {
        "first": first.isoformat() if first else None,
        "last": last.isoformat() if last else None,
    }


def read_days(stored: Mapping[str, str | None]) -> tuple[date | None, date | None]:
    first, last = (stored["first"], stored["last"])
    return (
        date.fromisoformat(first) if first else None,
        date.fromisoformat(last) if last else None,
    )
