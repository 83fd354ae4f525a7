"""Time limits: every response within five seconds, even if MongoDB hangs or has no primary.

A read that takes too long is cancelled. A change continues until its outcome is certain, but its
client gets ``OutcomeUnknown`` when the time is up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any, Final, TypeVar

from models.kernel.errors import OutcomeUnknown, Unavailable

ANSWER_WITHIN_S: Final = 4.0
"""Seconds for the work on a request. With queueing and sending, five seconds may pass."""
Result = TypeVar("Result")


@coroutine
def read_within(seconds: float, work: Coroutine[Any, Any, Result]) -> Generator[Any, Any, Result]:
    """Runs ``work`` and returns its result. The time limit starts only when ``work`` waits for
    the first time. Work that never waits has no overhead from the limit; most seat maps are such
    work. Raises: Unavailable when the time is over."""
    try:
        waits_for = work.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    task = asyncio.current_task()
    assert task is not None
    late = False

    def cut() -> None:
        nonlocal late
        late = True
        task.cancel()

    limit = asyncio.get_running_loop().call_later(seconds, cut)
    try:
        while True:
            try:
                sent = yield waits_for
            except BaseException as error:
                waits_for = work.throw(error)
            else:
                waits_for = work.send(sent)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    except asyncio.CancelledError:
        if late and task.cancelling() == 1:
            raise Unavailable() from None
        raise
    finally:
        limit.cancel()
        if late:
            task.uncancel()  # even if the work swallowed the cancellation: the task goes on


class Changes:
    """The changes that this worker is working on, including changes whose client has left.
    ``WriteQueue`` bounds the number of changes."""

    def __init__(self) -> None:
        self._under_way: dict[asyncio.Future[Any], tuple[float, asyncio.Task[None]]] = {}

    async def within(self, seconds: float, work: Coroutine[Any, Any, Result]) -> Result:
        """Returns the result of ``work``, which continues without the caller if it takes longer
        than ``seconds`` or the caller is cancelled. Raises: OutcomeUnknown after ``seconds``."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Result] = loop.create_future()
        task = loop.create_task(self._go_on(work, answer))
        self._under_way[answer] = loop.time() + seconds, task
        try:
            return await answer
        finally:
            # The exception's traceback refers to this frame and the future to the exception: such a
            # cycle would hold the whole request until the garbage collector runs.
            del answer, task

    async def _go_on(
        self, work: Coroutine[Any, Any, Result], answer: asyncio.Future[Result]
    ) -> None:
        try:
            result = await work
        except BaseException as error:
            if not answer.done():
                answer.set_exception(error)
            if isinstance(error, asyncio.CancelledError):
                raise
        else:
            if not answer.done():
                answer.set_result(result)
        finally:
            del self._under_way[answer]
            del answer  # no reference cycle, see ``within``

    def tick(self) -> None:
        """Raises OutcomeUnknown in each caller of ``within`` whose time is over."""
        now = asyncio.get_running_loop().time()
        for answer, (until, _) in self._under_way.items():
            if until > now:
                break  # in order of arrival
            if not answer.done():
                answer.set_exception(OutcomeUnknown())

    async def finish(self, seconds: float) -> None:
        """Waits for the changes in progress, for at most ``seconds``."""
        if self._under_way:
            await asyncio.wait([task for _, task in self._under_way.values()], timeout=seconds)
