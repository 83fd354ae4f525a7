"""Half-open time ranges. Every instant is an aware UTC datetime; local time is used only by a
``Zone`` and for presentation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, order=True)
class TimeRange:
    """The range ``[start, end)``. Raises: ValueError for a naive datetime or an empty range."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a TimeRange needs aware datetimes")
        if self.end <= self.start:
            raise ValueError("a TimeRange ends after it starts")

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    def overlaps(self, other: TimeRange) -> bool:
        return self.start < other.end and other.start < self.end

    def contains(self, instant: datetime) -> bool:
        return self.start <= instant < self.end


def floor_minute(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)
