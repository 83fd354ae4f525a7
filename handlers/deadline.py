"""An answer within five seconds, also where MongoDB hangs or has no primary.

A look that waits for too long is cut off. A change is not: it goes on, so that its outcome is made
certain, and only its client is told that it is not known yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any, Final, TypeVar

from models.errors import OutcomeUnknown, Upstream

ANSWER_WITHIN_S: Final = 4.0
"""With what lies before and behind, an answer within five seconds."""

Result = TypeVar("Result")


@coroutine
def look_within(seconds: float, work: Coroutine[Any, Any, Result]) -> Generator[Any, Any, Result]:
    """The result of ``work``. What needs not wait, as nearly every plan, costs nothing here: there
    is a time limit from the first wait on. Raises: Upstream when it is over."""
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
            raise Upstream() from None
        raise
    finally:
        limit.cancel()
        if late:
            task.uncancel()  # also where the work has swallowed it: the connection's task lives on


class Changes:
    """Those under way, also where nobody waits for them any more. The door bounds how many."""

    def __init__(self) -> None:
        self._under_way: dict[asyncio.Task[Any], tuple[float, asyncio.Future[None]]] = {}

    async def within(self, seconds: float, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of ``work``. Raises: OutcomeUnknown after so many seconds, by ``tick``: it
        goes on nevertheless, also where whoever waits for it is cancelled."""
        loop = asyncio.get_running_loop()
        task, ended = loop.create_task(work), loop.create_future()
        self._under_way[task] = loop.time() + seconds, ended
        task.add_done_callback(self._ended)
        await ended
        if not task.done():
            raise OutcomeUnknown()
        return task.result()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        _, ended = self._under_way.pop(task)
        if not ended.done():
            ended.set_result(None)
        elif not task.cancelled():
            task.exception()  # nobody hears it any more

    def tick(self) -> None:
        """Answer those whose time is over."""
        now = asyncio.get_running_loop().time()
        for until, ended in self._under_way.values():
            if until > now:
                break  # they are in the order in which they came
            if not ended.done():
                ended.set_result(None)

    async def finish(self, seconds: float) -> None:
        """Let those that go on end, for so long."""
        if self._under_way:
            await asyncio.wait(list(self._under_way), timeout=seconds)
