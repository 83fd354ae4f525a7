"""An answer within five seconds, also where MongoDB hangs or has no primary.

A look that waits for too long is cut off. A change is not: it goes on, so that its outcome is made
certain, and only its client is told that it is not known yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any, Final, TypeVar

from models.kernel.errors import OutcomeUnknown, Unavailable

ANSWER_WITHIN_S: Final = 4.0
"""With what lies before and behind, an answer within five seconds."""
Result = TypeVar("Result")


@coroutine
def read_within(seconds: float, work: Coroutine[Any, Any, Result]) -> Generator[Any, Any, Result]:
    """The result of ``work``. What needs not wait, as nearly every plan, costs nothing here: there
    is a time limit from the first wait on. Raises: Unavailable when it is over."""
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
            task.uncancel()  # also where the work has swallowed it: the connection's task lives on


class Changes:
    """Those under way, also where nobody waits for them any more. The door bounds how many."""

    def __init__(self) -> None:
        self._under_way: dict[asyncio.Future[Any], tuple[float, asyncio.Task[None]]] = {}

    async def within(self, seconds: float, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of ``work``. Raises: OutcomeUnknown after so many seconds, by ``tick``: it
        goes on nevertheless, also where whoever waits for it is cancelled."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Result] = loop.create_future()
        task = loop.create_task(self._go_on(work, answer))
        self._under_way[answer] = loop.time() + seconds, task
        try:
            return await answer
        finally:
            # A refusal has this frame in its traceback, and the future has the refusal: as a circle
            # all that belongs to the request would stay until the garbage collector comes.
            del answer, task

    async def _go_on(
        self, work: Coroutine[Any, Any, Result], answer: asyncio.Future[Result]
    ) -> None:
        """Bring ``work`` to its end, and say how it ended if that is still wanted."""
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
            del answer  # as above

    def tick(self) -> None:
        """Answer those whose time is over."""
        now = asyncio.get_running_loop().time()
        for answer, (until, _) in self._under_way.items():
            if until > now:
                break  # they are in the order in which they came
            if not answer.done():
                answer.set_exception(OutcomeUnknown())

    async def finish(self, seconds: float) -> None:
        """Let those that go on end, for so long."""
        if self._under_way:
            await asyncio.wait([task for _, task in self._under_way.values()], timeout=seconds)
