"""Telling all workers something and waiting until each has taken it in, by Redis."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

_ANSWERS_WITHIN_S: Final = 2.0
_BLOCKS_FOR_S: Final = 0.5  # less than the client's own time limit
_KEPT_S: Final = 10


class AcknowledgedBroadcast:
    """One call, of one ``name``, that every listening worker answers when it has acted on it."""

    def __init__(self, client: Redis, name: str) -> None:
        self._client = client
        self._channel = f"seat:call:{name}"

    async def send(self) -> bool:
        """Returns once every worker that listens has acted, this one too if it does.

        False when that is not known: Redis is away, or one did not answer within two seconds.
        """
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
        """``await act()`` at each call, and once at first, until cancelled."""
        while True:
            try:
                async with self._client.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(self._channel)
                    await channel.get_message(timeout=0.5)  # the server's word that it counts us
                    await act()  # a call may have gone by before
                    while True:
                        message = await channel.get_message(timeout=None)  # it sleeps until then
                        if message is not None:
                            await act()
                            await self._answer(message["data"].decode())
            except (RedisError, OSError, TimeoutError):
                await asyncio.sleep(1)

    async def _answer(self, key: str) -> None:
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.rpush(key, "1")
            pipe.expire(key, _KEPT_S)
            await pipe.execute()
