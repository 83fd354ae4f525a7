"""Load shedding: which requests a worker serves now, and which it refuses with 503.

Token buckets in the worker's memory limit each reader and each address. Changes (bookings,
check-ins) wait in a queue, first in first out; one that would wait too long gets 503 with the
measured time in Retry-After. Reads (plans, lists) are refused as soon as a change has waited too
long, or when many requests delay the event loop: clients repeat reads by themselves, and bookings
matter more. A loop that is late for other reasons refuses nothing. Sign-ins wait for WeChat or the
campus's sign-on in a queue each, so one that hangs does not hold up bookings.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Final

from handlers.http.deadline import Changes
from handlers.http.local_rate_limiter import ADDRESS, READS, LocalRateLimiter
from models.kernel.errors import Busy
from models.storage.rounds import pause_s

SLOTS: Final = 256
"""Changes in progress at once: two full batches of the group commit, and some that follow."""
SIGN_IN_SLOTS: Final = 128
"""Sign-ins in progress at once, for each sign-on and for WeChat."""
MAX_READS: Final = 512
"""Reads in progress at once. Nearly all are answered from memory without a wait."""
LONGEST_WAIT_S: Final = 1.0
"""Seconds in the queue: a response should come within 2 s, and the work takes its time too."""
LATE_S: Final = 0.3
"""Seconds. Reads are refused if the first change in the queue has waited longer, or if the loop is
later while ``MANY`` requests are in progress."""
MANY: Final = 20
"""With fewer requests in progress a late loop refuses no reads."""
PRESSING: Final = 24
"""From this many concurrent changes on, deferrable work is postponed."""
BODY_DEADLINE_S: Final = 10.0
"""Seconds in which a request's body must have arrived."""
_TICK_S: Final = 0.1
_REST_S: Final = 1.0
"""Seconds between two measurements of an idle worker; a request ends the pause."""
_SHORT_LINE: Final = 1000
_FIRST_GUESS: Final = 500.0
_MEASURED_S: Final = 1.0
"""Seconds over which the rate is measured; less misleads, as a batch's changes leave together."""
_OF_A_CHANGE: Final = 1 / 10
"""The work of one refusal, as a fraction of a change's work; it counts in the rate."""
_FASTER: Final = 0.5
_SLOWER: Final = 0.3
"""Weights of a higher and a lower measurement in the smoothed rate. Lower ones weigh less: while a
flood arrives, accepting requests takes most of the time."""


class WriteQueue:
    """``async with`` holds a place. ``rate``: changes a second while others wait."""

    def __init__(self, clock: Callable[[], float] = monotonic, slots: int = SLOTS) -> None:
        self._clock = clock
        self._slots = slots
        self.rate = _FIRST_GUESS
        self._inside = 0
        self._most = self._most_before = 0
        self._left = 0.0
        self._measured = self._measured_s = 0.0
        self._next_return = 0.0
        self._line: deque[tuple[float, asyncio.Future[None]]] = deque()

    @property
    def oldest_s(self) -> float:
        """Seconds that the first in the queue has waited."""
        return self._clock() - self._line[0][0] if self._line else 0.0

    @property
    def inside(self) -> int:
        return self._inside

    @property
    def waiting(self) -> int:
        return len(self._line)

    @property
    def is_saturated(self) -> bool:
        """True if ``PRESSING`` changes were in progress at some time in the last two ticks."""
        return max(self._most, self._most_before) >= PRESSING

    @property
    def is_empty(self) -> bool:
        """True if no change was in progress or waiting in the last two ticks."""
        return not (self._most or self._most_before or self._line)

    async def acquire(self) -> None:
        """Raises: Busy after ``LONGEST_WAIT_S``, or at once if the queue is far too long."""
        if self._inside < self._slots and not self._line:
            self._inside += 1
            if self._inside > self._most:
                self._most = self._inside
            return
        if len(self._line) > max(_SHORT_LINE, 2 * LONGEST_WAIT_S * self.rate):
            raise self._busy()
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append((self._clock(), place))
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.release()
            raise

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        self._inside -= 1
        self._left += 1
        self._let_in()

    @contextmanager
    def step_aside(self) -> Iterator[None]:
        """Releases the place for the length of the block and takes one afterwards without queueing,
        even beyond ``slots``: the caller bounds how many return at once."""
        self._inside -= 1
        self._let_in()
        try:
            yield
        finally:
            self._inside += 1

    def tick(self, seconds: float) -> None:
        """Refuses changes that have waited too long, and updates ``rate``."""
        if self._line:
            self._measured_s += seconds
            self._measured += self._left
        if self._measured_s >= _MEASURED_S:
            rate = self._measured / self._measured_s
            self.rate += (_FASTER if rate > self.rate else _SLOWER) * (rate - self.rate)
            self._measured = self._measured_s = 0.0
        self._left = 0.0
        self._most_before, self._most = self._most, self._inside
        while self._line and self.oldest_s > LONGEST_WAIT_S:
            _, place = self._line.popleft()
            if not place.done():
                place.set_exception(self._busy())

    def _let_in(self) -> None:
        while self._line and self._inside < self._slots:
            _, place = self._line.popleft()
            if not place.done():
                self._inside += 1
                place.set_result(None)

    def _busy(self) -> Busy:
        # The clients come back one by one, at the rate at which changes finish.
        self._left += _OF_A_CHANGE
        now = self._clock()
        self._next_return = max(self._next_return, now + 1) + 1 / max(self.rate, 1.0)
        return Busy(retry_after=self._next_return - now)


class LoadShedder:
    """The queues and rate limits of one worker. ``scale`` multiplies the limits, for tests."""

    def __init__(self, scale: int = 1) -> None:
        self.reads = LocalRateLimiter(READS, scale)
        self.addresses = LocalRateLimiter(ADDRESS, scale)
        self.door = WriteQueue()
        self.wechat_sign_ins = WriteQueue(slots=SIGN_IN_SLOTS)
        self._sign_ons: dict[str, WriteQueue] = {}
        self.changes = Changes()
        self.body_deadline_s = BODY_DEADLINE_S
        self.closing = False
        """The worker shuts down: each response closes its connection."""
        self.leaving = False
        """The whole service of this host stops: no other worker takes over."""
        self.last_response_at = float("-inf")
        """Monotonic time of the last response since the shutdown began."""
        self.request_arrived = asyncio.Event()
        """Set by each request, cleared at each tick."""
        self._late_s = self._latest_s = 0.0
        self.looking = 0

    def sign_ons(self, which: str) -> WriteQueue:
        """Creates a queue for each new name, so callers pass configured names only."""
        return self._sign_ons.setdefault(which, WriteQueue(slots=SIGN_IN_SLOTS))

    def begin_read(self) -> None:
        """Counts a read. Raises: Busy; otherwise the caller must call ``end_read``."""
        if self.door.oldest_s > LATE_S or self._is_overrun() or self.looking >= MAX_READS:
            late_s = max(self._late_s, self.door.oldest_s)
            raise Busy(retry_after=1 + late_s + random.uniform(0, 2))
        self.looking += 1

    def _is_overrun(self) -> bool:
        """True if the loop is late and enough requests are in progress to be the cause."""
        return self._late_s > LATE_S and self.looking + self.door.inside >= MANY

    def take_latest_s(self) -> float:
        """The longest delay of the loop since the last call, in seconds."""
        latest_s, self._latest_s = self._latest_s, 0.0
        return latest_s

    def end_read(self) -> None:
        self.looking -= 1

    async def run(self) -> None:
        """Calls ``tick`` of the queues and measures the loop's delay, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            began, tick_s = loop.time(), _TICK_S
            if self._may_rest():
                tick_s = pause_s(_REST_S)
                with suppress(TimeoutError):
                    async with asyncio.timeout(tick_s):
                        await self.request_arrived.wait()
                    continue
            else:
                self.request_arrived.clear()
                await asyncio.sleep(tick_s)
            took = loop.time() - began
            # A delay counts at once; after it, one punctual tick only halves the value.
            self._late_s = max(took - tick_s, self._late_s / 2)
            self._latest_s = max(self._latest_s, took - tick_s)
            for door in self._doors():
                door.tick(took)
            self.changes.tick()

    def _may_rest(self) -> bool:
        """True if the worker is idle and its loop on time. A tick costs as much as a few reads."""
        calm = self._late_s < _TICK_S and not self.looking and not self.request_arrived.is_set()
        return calm and all(door.is_empty for door in self._doors())

    def _doors(self) -> tuple[WriteQueue, ...]:
        return self.door, self.wechat_sign_ins, *self._sign_ons.values()
