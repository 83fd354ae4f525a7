"""An event loop with simulated time and a simulated outside world, in which production code runs
unchanged.

When all tasks wait, the loop asks the world for its next step (an answer of the database, a crash).
Only when the world has none, time advances to the next timer. So the world's choices decide a run,
and the same choices give the same run.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from contextvars import ContextVar
from math import inf
from typing import Any, Final, TypeVar
from unittest import mock
from zlib import crc32

from models.storage import mongo

Result = TypeVar("Result")
PLAYER: Final[ContextVar[str]] = ContextVar("player", default="")
"""The player that acts in the current task. New ids contain it, so that they do not depend on
what other players do meanwhile."""


class Stuck(Exception):
    """Tasks wait, and no timer or step of the world is left."""


class _World:
    """Replaces the selector: the only outside events are the world's steps."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout == 0 or self._loop.step():
            return []
        if timeout is None:
            raise Stuck()
        self._loop.now += timeout
        return []

    def close(self) -> None:
        pass


class SimulatedLoop(asyncio.BaseEventLoop):
    """``step`` is the world: it does one thing and returns True, or returns False if nothing can
    happen."""

    _scheduled: list[asyncio.TimerHandle]

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.step: Callable[[], bool] = lambda: False
        self._selector = _World(self)

    def time(self) -> float:
        return self.now

    @property
    def next_timer_s(self) -> float:
        """Seconds until the next timer; inf if there is none."""
        return min((timer.when() for timer in self._scheduled), default=inf) - self.now

    def _process_events(self, event_list: Any) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def run(self, main: Coroutine[Any, Any, Result]) -> Result:
        """Runs ``main`` to its end and returns its result.

        Raises: whatever ``main`` raises; Stuck if it can never end.
        """
        asyncio.events._set_running_loop(None)
        task = self.create_task(main)
        task.add_done_callback(lambda _: self.stop())
        try:
            self.run_forever()
            return task.result()
        finally:
            self._end_tasks()

    def _end_tasks(self) -> None:
        """Cancels the tasks that are left, and lets them clean up."""
        self.step = lambda: False
        while left := asyncio.all_tasks(self):
            for task in left:
                task.cancel()
            self.call_soon(self.stop)
            self.run_forever()


def run_alone(main: Coroutine[Any, Any, Result]) -> Result:
    """Runs ``main`` on a new loop without outside events and returns its result. Another loop
    may be running."""
    outer, loop = asyncio.events._get_running_loop(), SimulatedLoop()
    try:
        return loop.run(main)
    finally:
        loop.close()
        asyncio.events._set_running_loop(outer)


@contextlib.contextmanager
def counted_ids() -> Iterator[None]:
    """During the block new ids count up for each player, instead of depending on clock and
    chance."""
    counts: dict[str, int] = {}

    def next_id() -> str:
        player = PLAYER.get()
        counts[player] = counts.get(player, 0) + 1
        return f"{crc32(player.encode()):08x}{counts[player]:016x}"

    with mock.patch.object(mongo, "ObjectId", next_id):
        yield
