"""The only place where the time is read (a lint rule keeps it so)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import time_ns
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NS_PER_MS: Final = 1_000_000


def real_now() -> datetime:
    """The machine's time, aware, to the millisecond (what MongoDB keeps)."""
    return _EPOCH + timedelta(milliseconds=time_ns() // _NS_PER_MS)


class Clock:
    """The service's business clock: real time plus an offset, which only the sandbox ever moves."""

    def __init__(self) -> None:
        self._offset = timedelta()
        self._read_ms = -1
        self._now = _EPOCH

    def now(self) -> datetime:
        # In a rush tens of requests share a millisecond, and making the time is dear to each.
        ms = time_ns() // _NS_PER_MS
        if ms != self._read_ms:
            self._read_ms, self._now = ms, _EPOCH + timedelta(milliseconds=ms) + self._offset
        return self._now

    @property
    def offset(self) -> timedelta:
        return self._offset

    @offset.setter
    def offset(self, offset: timedelta) -> None:
        self._offset, self._read_ms = offset, -1

    def set(self, instant: datetime) -> timedelta:
        """Let the clock show ``instant`` now and run on. Returns the new offset."""
        self.offset = instant - real_now()
        return self.offset
