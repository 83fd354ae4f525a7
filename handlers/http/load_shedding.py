"""Load shedding: which requests a worker serves now, and which it refuses with 503.

Token buckets in the worker's memory limit each reader and each address. Changes (bookings,
check-ins) wait in a queue, first in first out; a change that would wait too long gets 503 with the
measured time in Retry-After. Reads (plans, lists) are refused as soon as a change has waited too
long, or when many requests delay the event loop: clients repeat reads by themselves, and bookings
matter more. While the event loop is late for other reasons, no read is refused. Sign-ins have a
separate queue for WeChat and for each sign-on, so a sign-on that hangs does not hold up bookings.
Schools in one process have a queue each, which take turns.
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
"""At most this many changes run concurrently in a process: two full batches of MongoDB writes and a
few more."""
SIGN_IN_SLOTS: Final = 128
"""At most this many sign-ins are in progress for each sign-on, and as many for WeChat."""
MAX_READS: Final = 512
"""At most this many reads run concurrently. Nearly all are answered from memory without a wait."""
LONGEST_WAIT_S: Final = 1.0
"""Seconds a change may wait in the queue, so that its response comes within two seconds."""
LATE_S: Final = 0.3
"""Reads are refused if the first change in the queue has waited for more seconds than this.
Reads are also refused if the event loop is later than this and ``MANY`` requests are running."""
MANY: Final = 20
"""A late event loop refuses reads only while this many requests run: fewer do not cause a delay."""
PRESSING: Final = 24
"""From this many concurrent changes on, jobs postpone work that can wait."""
BODY_DEADLINE_S: Final = 10.0
"""Seconds in which a request's body must have arrived."""
_TICK_S: Final = 0.1
_REST_S: Final = 1.0
"""Seconds that an idle worker pauses between two measurements of the event loop's delay. A
request ends the pause early."""
_SHORT_LINE: Final = 1000
_FIRST_GUESS: Final = 500.0
_MEASURED_S: Final = 1.0
"""Seconds over which the rate of finished changes is measured. A shorter time would mislead,
because the changes of one batch finish together."""
_OF_A_CHANGE: Final = 1 / 10
"""The work of refusing a change, as a fraction of the work of performing one. When the rate of
finished changes is measured, a refusal counts as this fraction of a change."""
_FASTER: Final = 0.5
_SLOWER: Final = 0.3
"""Weights of a new measurement in the smoothed rate: ``_FASTER`` if it is above the rate,
``_SLOWER`` if below. Low measurements weigh less, because a flood of requests lowers them for a
moment: accepting the requests takes most of the time."""


class Places:
    """The places of a process for changes. While queues wait, each gets a place in turn, so that
    a rush at one school does not hold up another in the process. ``taken``: how many are held.
    ``rate``: the changes of all queues that finish in a second while others wait."""

    def __init__(self, number: int = SLOTS, clock: Callable[[], float] = monotonic) -> None:
        self.now = clock
        self.taken = 0
        self.rate = _FIRST_GUESS
        self._number = number
        self._waiting: dict[WriteQueue, None] = {}
        self._left = self._counted_at = 0.0
        self._measured = self._measured_s = 0.0
        self._next_return = 0.0

    def take(self) -> bool:
        """Takes a place. Returns False if none is free."""
        if self.taken >= self._number:
            return False
        self.taken += 1
        return True

    def take_again(self) -> None:
        """Takes a place even beyond the number of places."""
        self.taken += 1

    def give_back(self) -> None:
        """Gives a place to the queue whose turn it is, if any waits."""
        self.taken -= 1
        while self._waiting and self.taken < self._number:
            queue = next(iter(self._waiting))
            del self._waiting[queue]
            self.taken += queue.let_in()
            if queue.waiting:
                self._waiting[queue] = None

    def finish(self) -> None:
        """Gives the place of a finished change back."""
        self._left += 1
        self.give_back()

    def wait(self, queue: WriteQueue) -> None:
        """Lets the queue have its turns until it is empty."""
        if not self._waiting:
            self._left, self._counted_at = 0.0, self.now()
        self._waiting[queue] = None

    def is_too_long(self, length: int) -> bool:
        """True if a change would certainly wait too long in a queue of this length."""
        most = max(_SHORT_LINE, 2 * LONGEST_WAIT_S * self.rate)
        return length * max(len(self._waiting), 1) > most

    def refusal(self) -> Busy:
        """The error of a change that is refused. The clients come back one by one, at the rate at
        which changes finish."""
        self._left += _OF_A_CHANGE
        now = self.now()
        self._next_return = max(self._next_return, now + 1) + 1 / max(self.rate, 1.0)
        return Busy(retry_after=self._next_return - now)

    def tick(self) -> None:
        """Updates ``rate`` by what has finished since the last call."""
        now = self.now()
        if self._waiting:
            self._measured_s += now - self._counted_at
            self._measured += self._left
        if self._measured_s >= _MEASURED_S:
            rate = self._measured / self._measured_s
            self.rate += (_FASTER if rate > self.rate else _SLOWER) * (rate - self.rate)
            self._measured = self._measured_s = 0.0
        self._left, self._counted_at = 0.0, now


class WriteQueue:
    """A queue in which changes wait for one of ``places``, which other queues may share. ``async
    with`` waits for a place and holds it."""

    def __init__(self, places: Places | None = None) -> None:
        self._places = places or Places()
        self._inside = 0
        self._most = self._most_before = 0
        self._saturated_at: float | None = None
        self._line: deque[tuple[float, asyncio.Future[None]]] = deque()

    @property
    def oldest_s(self) -> float:
        """Seconds that the first change in the queue has waited; 0 if the queue is empty."""
        return self._places.now() - self._line[0][0] if self._line else 0.0

    @property
    def inside(self) -> int:
        """The places that this queue's changes hold."""
        return self._inside

    @property
    def waiting(self) -> int:
        return len(self._line)

    @property
    def is_saturated(self) -> bool:
        """True if ``PRESSING`` places were taken at once since the tick before the last one."""
        return max(self._most, self._most_before) >= PRESSING

    @property
    def saturated_s(self) -> float:
        """Seconds since the tick that first found the queue saturated; 0 if none has."""
        return 0.0 if self._saturated_at is None else self._places.now() - self._saturated_at

    @property
    def is_empty(self) -> bool:
        """True if no place was taken, and no change waited, since the tick before the last one."""
        return not (self._most or self._most_before or self._line)

    def raise_if_full(self) -> None:
        """Refuses a change that would be refused by ``acquire`` at once. Raises: Busy."""
        if self._places.is_too_long(len(self._line)):
            raise self._places.refusal()

    async def acquire(self) -> None:
        """Waits for a place. Raises: Busy after ``LONGEST_WAIT_S``, or immediately if the queue
        is so long that the wait would certainly be longer."""
        if self._places.take():
            self._inside += 1
            self._most = max(self._most, self._places.taken)
            return
        self.raise_if_full()
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append((self._places.now(), place))
        self._places.wait(self)
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
        self._places.finish()

    @contextmanager
    def step_aside(self) -> Iterator[None]:
        """Gives up the caller's place during the block, and takes one afterwards without
        queueing, even if none is free. The caller must bound how many requests return together."""
        self._inside -= 1
        self._places.give_back()
        try:
            yield
        finally:
            self._inside += 1
            self._places.take_again()

    def tick(self) -> None:
        """Refuses overdue changes, and updates the rate of the places."""
        self._places.tick()
        self._most_before, self._most = self._most, self._places.taken
        if not self.is_saturated:
            self._saturated_at = None
        elif self._saturated_at is None:
            self._saturated_at = self._places.now()
        while self._line and self.oldest_s > LONGEST_WAIT_S:
            _, place = self._line.popleft()
            if not place.done():
                place.set_exception(self._places.refusal())

    def let_in(self) -> bool:
        """Gives the first change that still waits its place. Returns False if none does."""
        while self._line:
            _, place = self._line.popleft()
            if not place.done():
                self._inside += 1
                place.set_result(None)
                return True
        return False


class LoadShedder:
    """The queues and rate limits of one worker. ``scale`` multiplies the limits, for tests."""

    def __init__(self, scale: int = 1) -> None:
        self.reads = LocalRateLimiter(READS, scale)
        self.addresses = LocalRateLimiter(ADDRESS, scale)
        self.door = WriteQueue()
        self.wechat_sign_ins = WriteQueue(Places(SIGN_IN_SLOTS))
        self._sign_ons: dict[str, WriteQueue] = {}
        self.changes = Changes()
        self.body_deadline_s = BODY_DEADLINE_S
        self.closing = False
        """True once the worker shuts down; each response then closes its connection."""
        self.leaving = False
        """True if this host's whole service stops. /readyz then reports that the service is not
        ready, because no other worker takes over the connections."""
        self.last_response_at = float("-inf")
        """Monotonic time of the last response since the shutdown began. By this time the worker
        judges whether its clients have gone quiet."""
        self.request_arrived = asyncio.Event()
        """Each request sets this event, and each tick clears it. Setting it ends a pause."""
        self._late_s = self._latest_s = 0.0
        self.looking = 0

    def sign_ons(self, which: str) -> WriteQueue:
        """The queue for sign-ins by the sign-on ``which``. Each new name gets a new queue, so
        callers may pass configured names only."""
        return self._sign_ons.setdefault(which, WriteQueue(Places(SIGN_IN_SLOTS)))

    def begin_read(self) -> None:
        """Counts a read as in progress. Raises: Busy if reads are refused now. After a call
        without this error, the caller must call ``end_read`` when the read ends."""
        if self.door.oldest_s > LATE_S or self._is_overrun() or self.looking >= MAX_READS:
            late_s = max(self._late_s, self.door.oldest_s)
            raise Busy(retry_after=1 + late_s + random.uniform(0, 2))
        self.looking += 1

    def _is_overrun(self) -> bool:
        """True if the event loop is late, and enough requests are in progress to be the cause."""
        return self._late_s > LATE_S and self.looking + self.door.inside >= MANY

    def take_latest_s(self) -> float:
        """The longest delay of the event loop since the previous call, in seconds."""
        latest_s, self._latest_s = self._latest_s, 0.0
        return latest_s

    def end_read(self) -> None:
        self.looking -= 1

    async def run(self) -> None:
        """Calls each queue's ``tick`` and measures the event loop's delay every 0.1 s, for ever."""
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
                door.tick()
            self.changes.tick()

    def _may_rest(self) -> bool:
        """True if the worker is idle and its event loop on time. The worker then pauses its
        ticks, each of which costs as much as a few reads."""
        calm = self._late_s < _TICK_S and not self.looking and not self.request_arrived.is_set()
        return calm and all(door.is_empty for door in self._doors())

    def _doors(self) -> tuple[WriteQueue, ...]:
        return self.door, self.wechat_sign_ins, *self._sign_ons.values()
