"""Request deadlines: a read is cancelled; a change continues, and only its client is answered."""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextlib import suppress

import pytest

from handlers.http.deadline import Changes, read_within
from models.kernel.errors import NotFound, OutcomeUnknown, Unavailable


async def answers() -> str:
    return "at once"


async def waits(seconds: float) -> str:
    await asyncio.sleep(0)
    await asyncio.sleep(seconds)
    return "later"


async def refuses() -> str:
    await asyncio.sleep(0)
    raise NotFound()


async def swallows() -> str:
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    return "late"


async def test_a_read_is_cancelled_at_its_deadline() -> None:
    assert await read_within(0.05, answers()) == "at once"
    assert await read_within(5, waits(0.01)) == "later"
    with pytest.raises(NotFound):
        await read_within(5, refuses())
    with pytest.raises(Unavailable):
        await read_within(0.05, waits(60))
    assert await read_within(0.05, swallows()) == "late"
    task = asyncio.current_task()
    assert task is not None and task.cancelling() == 0, "the connection serves the next request"


async def test_a_read_whose_client_disconnected_is_cancelled() -> None:
    looking = asyncio.ensure_future(read_within(5, waits(60)))
    await asyncio.sleep(0.01)
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking


async def test_a_change_past_its_deadline_continues_with_unknown_outcome() -> None:
    changes, done, ended = Changes(), asyncio.Event(), list[str]()

    async def work() -> str:
        await done.wait()
        ended.append("done")
        return "done"

    assert await changes.within(5, answers()) == "at once"
    with pytest.raises(NotFound):
        await changes.within(5, refuses())
    slow = asyncio.create_task(changes.within(0, work()))
    cut_off = asyncio.create_task(changes.within(60, work()))
    quick = asyncio.create_task(changes.within(60, work()))
    await asyncio.sleep(0.01)
    changes.tick()
    with pytest.raises(OutcomeUnknown):
        await slow
    cut_off.cancel()
    with suppress(asyncio.CancelledError):
        await cut_off
    assert not quick.done()
    # All three go on to their end, also those for whom nobody waits.
    assert len(changes._under_way) == 3
    done.set()
    await changes.finish(5)
    assert ended == ["done"] * 3
    assert await quick == "done" and not changes._under_way


async def test_a_refused_change_needs_no_garbage_collector() -> None:
    """In a rush thousands are refused, each of which would otherwise keep its request and
    connection in memory."""

    class Body:
        pass

    async def refuses(body: Body) -> str:
        await asyncio.sleep(0)
        raise NotFound()

    async def asks() -> weakref.ref[Body]:
        body = Body()
        with suppress(NotFound):
            await changes.within(5, refuses(body))
        return weakref.ref(body)

    changes = Changes()
    gc.disable()
    try:
        left = await asks()
        await asyncio.sleep(0)
        assert left() is None
    finally:
        gc.enable()
