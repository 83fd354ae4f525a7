"""Who is answered now, and who is asked to come back: the service stays quick when everybody comes.

Buckets in this worker's memory slow down who asks too often.
Behind them is the door. Changes (bookings, check-ins) stand in one line in the order in which they
came and are let in as others leave; who would wait too long gets 503 with an honest Retry-After.
Looking (plans, lists) is refused when a change has waited in line, or when many requests make the
event loop late: a look is repeated by itself, and a booking is what people came for. A loop that is
late because the machine does something else refuses nothing. Sign-ins wait for WeChat or the
campus's sign-on, each in a line of its own: when one of those hangs, bookings do not.
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
"""Changes under way at once: enough for two full batches of the group commit and those behind."""
SIGN_IN_SLOTS: Final = 128
"""Sign-ins under way at once, by each way in: they wait for WeChat or the campus's sign-on."""
MAX_READS: Final = 512
"""Looks under way at once. Nearly all are answered from memory without waiting for anything."""
LONGEST_WAIT_S: Final = 1.0
"""In the line. An answer shall come within 2 s, and the work itself takes its time too."""
LATE_S: Final = 0.3
"""From here on looks are refused: the first in line waits that long, or many requests are under way
and the loop comes round that late."""
MANY: Final = 20
"""Fewer requests under way in this worker are no rush, however late its loop is."""
PRESSING: Final = 24
"""So many changes under way at once are a rush, in which all that can wait should."""
BODY_DEADLINE_S: Final = 10.0
"""A request's body must have come by then."""
_TICK_S: Final = 0.1
_REST_S: Final = 1.0
"""The same while nobody asks for anything: whoever comes ends it."""
_SHORT_LINE: Final = 1000
_FIRST_GUESS: Final = 500.0
_MEASURED_S: Final = 1.0
"""A batch leaves together, so a shorter while says little."""
_OF_A_CHANGE: Final = 1 / 10
"""What it takes to send somebody away, beside a change: it is measured as work that is done."""
_FASTER: Final = 0.5
_SLOWER: Final = 0.3
"""How much of a measured rate is believed. Less where it is lower: while a flood arrives, most of
the time goes into taking it in."""


class WriteQueue:
    """The queue of changes. ``rate`` is the number a second that leave it while somebody waits.

    ``async with queue`` holds a place, from ``acquire`` to ``release``.
    """

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
        """How long the first of the line has been waiting."""
        return self._clock() - self._line[0][0] if self._line else 0.0

    @property
    def inside(self) -> int:
        """How many have a place."""
        return self._inside

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return len(self._line)

    @property
    def is_saturated(self) -> bool:
        """Is there a rush? By the most that were inside in this tick and in the one before: how
        many are inside at one instant says little, as those of a batch leave together."""
        return max(self._most, self._most_before) >= PRESSING

    @property
    def is_empty(self) -> bool:
        """Has nobody been there in this tick and in the one before?"""
        return not (self._most or self._most_before or self._line)

    async def acquire(self) -> None:
        """Returns when there is a place inside. Raises: Busy after ``LONGEST_WAIT_S``, or at
        once where the line is much too long already."""
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
        """For the length of the block, who holds a place leaves it to another. It has one again
        afterwards without a wait in the line, so whoever steps aside bounds how many return."""
        self._inside -= 1
        self._let_in()
        try:
            yield
        finally:
            self._inside += 1

    def tick(self, seconds: float) -> None:
        """Send away who has waited too long, and measure."""
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
        # They come back one after the other, as fast as changes leave.
        self._left += _OF_A_CHANGE
        now = self._clock()
        self._next_return = max(self._next_return, now + 1) + 1 / max(self.rate, 1.0)
        return Busy(retry_after=self._next_return - now)


class LoadShedder:
    """All of it for one worker. ``scale`` multiplies the buckets (tests and benchmarks)."""

    def __init__(self, scale: int = 1) -> None:
        self.reads = LocalRateLimiter(READS, scale)
        self.addresses = LocalRateLimiter(ADDRESS, scale)
        self.door = WriteQueue()
        self.wechat_sign_ins = WriteQueue(slots=SIGN_IN_SLOTS)
        self._sign_ons: dict[str, WriteQueue] = {}
        self.changes = Changes()
        self.body_deadline_s = BODY_DEADLINE_S
        self.closing = False
        """The service goes down: every answer is its connection's last."""
        self.leaving = False
        """Nobody on this host serves any more."""
        self.asked_at = float("-inf")
        """When the last request was answered, since it goes down."""
        self.asked = asyncio.Event()
        """A request has come since the last tick."""
        self._late_s = self._latest_s = 0.0
        self.looking = 0

    def sign_ons(self, which: str) -> WriteQueue:
        """The line of those who wait for that sign-on: one that hangs keeps nobody from another.
        There are as many as the library has set up, and not as many as are asked for."""
        return self._sign_ons.setdefault(which, WriteQueue(slots=SIGN_IN_SLOTS))

    def begin_read(self) -> None:
        """Raises: Busy. Otherwise ``end_read`` must follow."""
        if self.door.oldest_s > LATE_S or self._is_overrun() or self.looking >= MAX_READS:
            late_s = max(self._late_s, self.door.oldest_s)
            raise Busy(retry_after=1 + late_s + random.uniform(0, 2))
        self.looking += 1

    def _is_overrun(self) -> bool:
        """Is the loop late, and with so many requests under way that they may be the cause?"""
        return self._late_s > LATE_S and self.looking + self.door.inside >= MANY

    def take_latest_s(self) -> float:
        """The longest that the loop was late since this was asked before."""
        latest_s, self._latest_s = self._latest_s, 0.0
        return latest_s

    def end_read(self) -> None:
        self.looking -= 1

    async def run(self) -> None:
        """Keep the line moving and measure, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            began, tick_s = loop.time(), _TICK_S
            if self._may_rest():
                tick_s = pause_s(_REST_S)
                with suppress(TimeoutError):
                    async with asyncio.timeout(tick_s):
                        await self.asked.wait()
                    continue
            else:
                self.asked.clear()
                await asyncio.sleep(tick_s)
            took = loop.time() - began
            # Believed at once when it gets late; when it gets better, one turn proves little.
            self._late_s = max(took - tick_s, self._late_s / 2)
            self._latest_s = max(self._latest_s, took - tick_s)
            for door in self._doors():
                door.tick(took)
            self.changes.tick()

    def _may_rest(self) -> bool:
        """Is nobody here, and what was late forgotten? A tick costs as much as a few looks."""
        calm = self._late_s < _TICK_S and not self.looking and not self.asked.is_set()
        return calm and all(door.is_empty for door in self._doors())

    def _doors(self) -> tuple[WriteQueue, ...]:
        return self.door, self.wechat_sign_ins, *self._sign_ons.values()
