"""Notifies all workers through Redis of ended sessions and changed readers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from models.storage.redis import Redis, published
from models.storage.redis_health import TROUBLE


class SessionRevocations:
    def __init__(self, client: Redis, channel: str) -> None:
        self._client, self._channel = client, channel

    async def publish(self, keys: list[str]) -> None:
        """Publishes ids of ended sessions or changed readers. Ignores a failure, because the
        entries in workers' caches expire within seconds anyway."""
        with suppress(*TROUBLE):
            for key in keys:
                await self._client.publish(self._channel, key)

    async def subscribe(self, forget: Callable[[str], None]) -> None:
        """Calls ``forget`` with each published id of a session or reader, until cancelled."""
        while True:
            try:
                async with self._client.pubsub() as channel:
                    await channel.subscribe(self._channel)
                    async for key in published(channel):
                        forget(key)
            except TROUBLE:
                await asyncio.sleep(1)
