from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final

from redis.exceptions import RedisError

from models.storage.redis import Redis, published

_ANSWERS_WITHIN_S: Final = 2.0
_BLOCKS_FOR_S: Final = 0.5  # less than the client's own time limit
_ANSWERS_EXPIRE_S: Final = 10


class AcknowledgedBroadcast:
    """A worker's signal through Redis. Every listening worker acts on it, then acknowledges it."""

    def __init__(self, client: Redis, channel: str) -> None:
        self._client, self._channel = client, channel

    async def send(self) -> bool:
        """Sends the signal. True when all listening workers, including this one, acknowledged
        it; False if Redis is unavailable or a worker did not acknowledge in two seconds."""
        answers = f"{self._channel}:{secrets.token_hex(8)}"
        deadline = monotonic() + _ANSWERS_WITHIN_S
        try:
            missing = await self._client.publish(self._channel, answers)
            while missing and monotonic() < deadline:
                if await self._client.blpop([answers], timeout=_BLOCKS_FOR_S) is not None:
                    missing -= 1
            return not missing
        except (RedisError, OSError, TimeoutError):
            return False

    async def subscribe(self, act: Callable[[], Awaitable[None]]) -> None:
        """Calls ``act`` at the start and at each signal, and then acknowledges the signal. Runs
        until cancelled; after a lost connection to Redis it starts again."""
        while True:
            try:
                async with self._client.pubsub() as channel:
                    await channel.subscribe(self._channel)
                    await channel.get_message(timeout=0.5)  # confirms the subscription
                    await act()  # a call may have been missed before the subscription
                    async for answers in published(channel):
                        await act()
                        await self._answer(answers)
            except (RedisError, OSError, TimeoutError):
                await asyncio.sleep(1)

    async def _answer(self, key: str) -> None:
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.rpush(key, "1")
            pipe.expire(key, _ANSWERS_EXPIRE_S)
            await pipe.execute()
