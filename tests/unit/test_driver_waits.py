"""The driver's waits for a server or a connection, which requests give up after seconds."""

from __future__ import annotations

import asyncio

import pytest
from pymongo.lock import _async_cond_wait, _async_create_condition, _async_create_lock

import models.storage.mongo  # noqa: F401 (sets the driver up)


async def test_a_wait_that_is_cancelled_as_it_ends_leaves_no_lock_held() -> None:
    """After its time the wait needs its lock back, which another wait holds at that moment, and is
    cancelled. Before Python 3.12 the driver then released a lock that it did not hold, and later
    held it for ever: no request of the process found a server any more."""
    condition = _async_create_condition(_async_create_lock())
    waits = asyncio.Event()

    async def wait() -> None:
        async with condition:
            waits.set()
            await _async_cond_wait(condition, 0.001)

    waiting = asyncio.create_task(wait())
    await waits.wait()
    async with condition:
        ended = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.01, ended.set_result, None)
        await ended
        waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.sleep(0)
    assert not condition.locked()
