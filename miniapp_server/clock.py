"""The only module that may read the time; a lint rule enforces this."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from time import monotonic_ns, time_ns
from typing import Final

from models.kernel.errors import Unavailable
from models.storage.rounds import pause_s

log = logging.getLogger(__name__)

TOLERANCE: Final = timedelta(seconds=10)
"""Largest accepted difference between a machine's clock and MongoDB's. Beyond it the machine
accepts no changes and runs no jobs."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NS_PER_MS: Final = 1_000_000
_STEP_MS: Final = 2_000
"""A jump of the machine's clock by more than this makes it untrusted until the next measurement."""
_MEASURE_EVERY_S: Final = 2.0
_BELIEVED_S: Final = 30
"""Seconds for which a measurement of the machine's clock is trusted."""


def real_now() -> datetime:
    """The machine's time in UTC, to the millisecond (MongoDB's precision)."""
    return _EPOCH + timedelta(milliseconds=time_ns() // _NS_PER_MS)


class Clock:
    """The service's business clock: MongoDB's time plus an offset, which only the sandbox moves.

    All hosts use MongoDB's time, because one host judges what another has shown or stored.
    ``machine_ns`` reads the machine's clock, ``steady_ns`` the monotonic clock.
    """

    def __init__(
        self,
        machine_ns: Callable[[], int] = time_ns,
        steady_ns: Callable[[], int] = monotonic_ns,
    ) -> None:
        self._machine_ns, self._steady_ns = machine_ns, steady_ns
        self._offset = timedelta()
        self._read_ms = -1
        self._now = _EPOCH
        self._started_ms = 0
        """Milliseconds that the machine's clock shows when the monotonic clock is at zero."""
        self._agrees = False
        self._judged_ns = 0
        self.zone_trouble = ""
        """How this host's rules of the library's time zone differ from the newest host's, if so."""
        self.off_by: timedelta | None = None
        """How far the machine's clock is ahead of MongoDB's; None before the first measurement."""

    def now(self) -> datetime:
        # Under load tens of requests share a millisecond, so the result is cached.
        ms = self._machine_ns() // _NS_PER_MS
        if ms != self._read_ms:
            if abs(ms - self._steady_ns() // _NS_PER_MS - self._started_ms) > _STEP_MS:
                self._agrees = False
            ahead = self.off_by or timedelta()
            self._read_ms = ms
            self._now = _EPOCH + timedelta(milliseconds=ms) - ahead + self._offset
        return self._now

    def real_now(self) -> datetime:
        """Real time by MongoDB's clock, without the sandbox's offset. Before the first
        measurement, the machine's own time. Used for leases, which all hosts compare."""
        now = _EPOCH + timedelta(milliseconds=self._machine_ns() // _NS_PER_MS)
        return now - (self.off_by or timedelta())

    @property
    def unmeasured_s(self) -> int:
        return (self._steady_ns() - self._judged_ns) // 10**9

    @property
    def trusted(self) -> bool:
        """True if the machine's clock can be used: a recent measurement was within
        ``TOLERANCE``, the clock has not been set after that measurement, and the rules of the
        library's time zone are those of the other hosts."""
        return self.is_right and not self.zone_trouble

    @property
    def is_right(self) -> bool:
        return self._agrees and self.unmeasured_s < _BELIEVED_S

    def judge(self, reference: datetime, took: timedelta) -> bool:
        """Decides from a measurement whether the machine's clock is trusted. ``reference`` was
        MongoDB's time at some moment of the last ``took``.

        A stored ``off_by`` moves only as far as the measurement's precision demands. Returns
        whether it could decide: if ``took`` is too long, nothing changes.
        """
        ms, doubt = self._machine_ns() // _NS_PER_MS, took / 2
        # Whole milliseconds, MongoDB's precision, so that times are the same after storing.
        half = timedelta(milliseconds=took // timedelta(milliseconds=2))
        off_by = _EPOCH + timedelta(milliseconds=ms) - reference - half
        if abs(off_by) - doubt <= TOLERANCE < abs(off_by) + doubt:
            return False
        # A slow response is imprecise: it must not move the time by which jobs run.
        before = self.off_by if self.off_by is not None else off_by
        nearest = min(max(before, off_by - half), off_by + half)
        if nearest != self.off_by:
            self.off_by, self._read_ms = nearest, -1
        self._judged_ns = self._steady_ns()
        self._started_ms = ms - self._judged_ns // _NS_PER_MS
        self._agrees = abs(off_by) <= TOLERANCE
        return True

    @property
    def offset(self) -> timedelta:
        return self._offset

    @offset.setter
    def offset(self, offset: timedelta) -> None:
        self._offset, self._read_ms = offset, -1

    def set(self, instant: datetime) -> timedelta:
        """Sets the business clock to ``instant``, from which it runs on. Returns its new offset."""
        self.offset = instant - self.real_now()
        return self.offset


class ClockCheck:
    """Compares the machine's clock with MongoDB's, and logs when it becomes wrong or right again.

    ``server_time`` asks MongoDB's primary for its time. ``report_offset`` is called with the lead
    of the machine's clock, ``took`` with the duration of the request, both in seconds.
    """

    def __init__(
        self,
        clock: Clock,
        server_time: Callable[[], Awaitable[datetime]],
        report_offset: Callable[[float], None],
        took: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self._clock = clock
        self._server_time = server_time
        self._report_offset, self._took = report_offset, took
        self._wrong = False

    async def measure(self) -> None:
        """Measures once how far the machine's clock is ahead of MongoDB's. Raises: Unavailable
        if the primary does not respond; the previous measurement is then kept."""
        began = monotonic_ns()
        reference = await self._server_time()
        took_ns = monotonic_ns() - began
        self._took(took_ns / 1e9)
        took = timedelta(milliseconds=took_ns // _NS_PER_MS)
        if not self._clock.judge(reference, took):
            return
        assert self._clock.off_by is not None
        off_s = self._clock.off_by.total_seconds()
        self._report_offset(off_s)
        if self._wrong == self._clock.is_right:
            self._wrong = not self._clock.is_right
            fields = {"host": socket.gethostname(), "ahead_s": round(off_s, 1)}
            if self._wrong:
                cure = (
                    "set this machine's clock (NTP): until then it refuses changes and runs no jobs"
                )
                log.error("clock_wrong", extra=fields | {"cure": cure})
            else:
                log.warning("clock_right_again", extra=fields)

    async def run(self) -> None:
        """Measures the machine's clock every ``_MEASURE_EVERY_S`` seconds until cancelled."""
        while True:
            with suppress(Unavailable):  # without MongoDB there is no change and no job
                await self.measure()
            await asyncio.sleep(pause_s(_MEASURE_EVERY_S))

    @property
    def trouble(self) -> str:
        """The trouble with the machine's clock in a few words; empty if the clock is trusted."""
        if self._clock.is_right:
            return self._clock.zone_trouble
        off_by = self._clock.off_by
        if off_by is None or abs(off_by) <= TOLERANCE:
            since = f"for {self._clock.unmeasured_s} s" if off_by is not None else "yet"
            return f"not compared with MongoDB's {since}"
        return f"off by {round(off_by.total_seconds())} s"
