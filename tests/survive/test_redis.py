"""Redis holds only data that may be lost."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.living import Answer, Client, Living, living
from tests.redis_servers import RedisServer
from tests.waiting import patience, until

FAST_S = 1.5
"""Requests stay faster than this, whatever is down."""


async def soon(client: Client, method: str, path: str, body: object = None) -> Answer:
    async with asyncio.timeout(patience(FAST_S)):
        return await client.call(method, path, body)


async def readiness(service: Living) -> tuple[int, Any]:
    answer = await soon(service.anonymous, "GET", "//readyz")
    return answer.status, {name: answer.body[name] for name in ("status", "troubles")}


async def test_an_emptied_redis_loses_nothing(mongo_url: str, redis_server: RedisServer) -> None:
    async with living(mongo_url, redis_server.url) as service:
        reader, page = await service.reader(), await service.web_reader()
        await reader.accept("RESERVED", "CHECKED_IN")
        made = await reader.reserve(start="now", end="10:00")
        await page.ok("POST", "/activation-codes", {})
        await service.settle()
        client = Redis.from_url(redis_server.url)
        await client.flushall()
        await client.aclose()
        service.sessions.invalidate_all()

        assert (await reader.ok("GET", "/me"))["active"][0]["id"] == made["id"]
        assert (await page.get("/reservations")).status == 200
        scan = {"qr": await service.qr()}
        await reader.ok("POST", f"/reservations/{made['id']}/check-in", scan)
        await service.settle()
        templates = [m["template"] for m in await reader.messages()]
        assert templates == ["RESERVED", "CHECKED_IN"], "WeChat's token is fetched anew"
        assert await readiness(service) == (200, {"status": "ready", "troubles": {}})


async def test_without_redis_readers_can_still_sign_in_and_book(
    mongo_url: str, redis_server: RedisServer
) -> None:
    async with living(mongo_url, redis_server.url, RATE_LIMIT_SCALE="1") as service:
        reader, stranger = await service.reader(), await service.wx_user()
        await reader.accept("RESERVED")
        await redis_server.stop()
        status, body = await readiness(service)
        assert (status, body["status"]) == (200, "degraded")
        assert body["troubles"] == {"redis": "connection refused"}

        # The rate limiter lets all pass: more than its bucket of 20, at once and after one another.
        nothing: dict[str, object] = {"results": {}}
        writes = (soon(reader, "POST", "/subscriptions", nothing) for _ in range(40))
        assert {answer.status for answer in await asyncio.gather(*writes)} == {200}
        wish = {"seat_id": "2f-hall-065", "date": service.today, "start": "now", "end": "10:00"}
        made = await soon(reader, "POST", "/reservations", wish)
        assert made.status == 201
        path = f"/reservations/{made.body['id']}"
        # Guessing is not: its counters are in MongoDB.
        for attempt in range(6):
            guess = {"activation_code": f"00000{attempt}"}
            refused = await soon(stranger, "POST", "/bindings", guess)
        assert refused.code == "too_many_attempts"
        # Sessions and their ends go on.
        login = {"code": f"demo-{stranger.name}-1"}
        assert (await soon(stranger, "POST", "/wx/login", login)).status == 200
        page = await service.web_reader(reader)
        assert (await soon(page, "GET", "/me")).status == 200
        assert (await soon(page, "DELETE", "/sessions/current")).status == 204
        assert (await soon(page, "GET", "/me")).code == "unauthenticated"
        checked_in = await soon(reader, "POST", f"{path}/check-in", {"qr": await service.qr()})
        assert checked_in.body["state"] == "in_use"
        await service.settle()
        assert [m["template"] for m in await reader.messages()] == ["RESERVED"]

        await redis_server.start()

        async def is_ready() -> bool:
            return await readiness(service) == (200, {"status": "ready", "troubles": {}})

        await until(is_ready, "ready again")

        async def is_paced() -> bool:
            return (await reader.post("/subscriptions", nothing)).code == "throttled"

        await until(is_paced, "pacing again")


async def test_each_change_of_redis_is_logged_once(
    mongo_url: str, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    host = redis_server.url.partition("//")[2].partition("/")[0]

    def lines() -> list[tuple[str, str, str]]:
        lines_logged = [r for r in caplog.records if r.name == "models.storage.redis_health"]
        caplog.clear()
        return [(r.message, vars(r)["host"], vars(r).get("cause", "")) for r in lines_logged]

    async with living(mongo_url, redis_server.url) as service:
        assert await readiness(service) == (200, {"status": "ready", "troubles": {}})
        await redis_server.stop()
        for _, body in await asyncio.gather(*(readiness(service) for _ in range(5))):
            assert body["troubles"] == {"redis": "connection refused"}
        assert lines() == [("redis_away", host, "connection refused")], "however many look at once"
        assert 'seat_troubles{kind="redis"} 1.0' in (await service.anonymous.get("//metrics")).body

        await redis_server.start()
        keeper = Redis.from_url(redis_server.url)
        await keeper.config_set("requirepass", "a-password")
        for _ in range(3):
            assert (await readiness(service))[1]["troubles"] == {"redis": "password required"}
        assert lines() == [("redis_away", host, "password required")]

        await keeper.config_set("requirepass", "")
        await keeper.aclose()
        for _ in range(3):
            assert await readiness(service) == (200, {"status": "ready", "troubles": {}})
        assert lines() == [("redis_back", host, "")]

        assert redis_server.process is not None
        redis_server.process.send_signal(signal.SIGSTOP)
        try:
            assert (await readiness(service))[1]["troubles"] == {"redis": "timeout"}
        finally:
            redis_server.process.send_signal(signal.SIGCONT)
        assert lines() == [("redis_away", host, "timeout")]
        assert await readiness(service) == (200, {"status": "ready", "troubles": {}})
        assert 'seat_troubles{kind="redis"} 0.0' in (await service.anonymous.get("//metrics")).body
