"""A broadcast returns once every listening worker has acted on it."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from miniapp_server.scheduler import end
from models.storage.broadcast import AcknowledgedBroadcast
from models.storage.redis import open_redis
from tests.redis_servers import RedisServer


async def test_a_call_waits_for_all_listening_workers(redis_server: RedisServer) -> None:
    async with open_redis(redis_server.url) as client:
        name = uuid4().hex
        assert await AcknowledgedBroadcast(client, name).send(), (
            "nobody listens, so nobody is missing"
        )
        looked = asyncio.Semaphore(0)
        acted: list[str] = []
        acted_once, may_end = asyncio.Event(), asyncio.Event()

        async def quick() -> None:
            acted.append("quick")
            looked.release()

        async def slow() -> None:
            looked.release()
            if acted_once.is_set():
                await may_end.wait()
            acted.append("slow")

        tasks = [
            asyncio.create_task(AcknowledgedBroadcast(client, name).subscribe(act))
            for act in (quick, slow)
        ]
        for _ in tasks:
            await looked.acquire()
        assert sorted(acted) == ["quick", "slow"], "each looks once when it begins"
        acted_once.set()
        calling = asyncio.create_task(AcknowledgedBroadcast(client, name).send())
        for _ in tasks:
            await looked.acquire()
        assert not calling.done()
        may_end.set()
        assert await calling
        assert sorted(acted) == ["quick", "quick", "slow", "slow"]
        await end(tasks)


async def test_a_call_without_redis_returns_false() -> None:
    async with open_redis("redis://127.0.0.1:9") as client:
        assert not await AcknowledgedBroadcast(client, "nobody").send()
