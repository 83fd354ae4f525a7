"""The service's use of Redis and Valkey: over TLS, as a user with minimal rights."""

from __future__ import annotations

import asyncio
import errno
import re
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from miniapp_server.cli.check_config import connection_rows
from miniapp_server.cli.settings import load
from miniapp_server.cli.verdicts import Verdict
from miniapp_server.scheduler import end
from models.kernel.errors import Unavailable
from models.storage.broadcast import AcknowledgedBroadcast
from models.storage.encryption import FieldCipher
from models.storage.installation import Mode, admit_database
from models.storage.mongo import open_database
from models.storage.rate_limiter import RateLimit, RateLimiter
from models.storage.redis import open_redis
from models.storage.redis_health import RedisHealth
from models.storage.redis_names import RedisNames, redis_names
from models.storage.session_revocations import SessionRevocations
from models.wechat.access_token_repository import AccessTokenStore
from tests.certificates import make_certificate
from tests.living import ENCRYPTION_KEYS
from tests.redis_servers import DEBIAN, RedisServer, running_redis
from tests.waiting import patience, until

DEPLOYMENT: Final = Path(__file__).parents[2] / "docs" / "deployment.md"
PASSWORD: Final = "p%40ss"
NAMES: Final = RedisNames("seat:seats:0a1b2c3d:")
WECHAT: Final = "https://api.weixin.qq.com"


async def test_a_rate_limit_bucket_empties_and_refills(redis_server: RedisServer) -> None:
    bucket = RateLimit("test", capacity=3, per_second=4)
    async with open_redis(redis_server.url) as client:
        limiter = RateLimiter(client, NAMES)
        # At once, so in one call: the script takes the same bucket as often as it is named.
        waits = await asyncio.gather(*(limiter.acquire(bucket, "anna") for _ in range(5)))
        assert waits[:3] == [0, 0, 0] and all(0 < wait <= 0.25 for wait in waits[3:]), waits
        assert await limiter.acquire(bucket, "ben") == 0
        # Four tokens a second: it is full after one, and then nothing of it is kept.
        [left] = [await client.pttl(key) for key in await client.keys(NAMES.bucket("test", "anna"))]
        assert 1000 < left <= 1750
        bucket_now = await client.hgetall(NAMES.bucket("test", "anna"))
        await client.hset(NAMES.bucket("test", "anna"), mapping={"t": int(bucket_now[b"t"]) - 260})
        assert await limiter.acquire(bucket, "anna") == 0


async def test_a_clock_set_back_does_not_empty_the_bucket(redis_server: RedisServer) -> None:
    """The bucket was last used an hour ahead: after a failover to a server whose clock is behind,
    or after a correction of the clock. No caller waits for that hour."""
    bucket = RateLimit("test", capacity=10, per_second=1)
    async with open_redis(redis_server.url) as client:
        limiter, key = RateLimiter(client, NAMES), NAMES.bucket("test", "anna")
        assert await limiter.acquire(bucket, "anna") == 0
        ahead = int((await client.hgetall(key))[b"t"]) + 3_600_000
        await client.hset(key, mapping={"n": "1.5", "t": ahead})
        assert await limiter.acquire(bucket, "anna") == 0
        assert 0 < await limiter.acquire(bucket, "anna") <= 0.5
        assert int((await client.hgetall(key))[b"t"]) < ahead, "it fills again from now on"


async def test_an_ended_session_is_published_to_all_workers(redis_server: RedisServer) -> None:
    async with open_redis(redis_server.url) as client:
        ended_sessions: asyncio.Queue[str] = asyncio.Queue()
        revocations = SessionRevocations(client, NAMES.ended_sessions)
        tasks = [
            asyncio.create_task(revocations.subscribe(ended_sessions.put_nowait)) for _ in range(2)
        ]

        async def both_listen() -> bool:
            return (await client.pubsub_numsub(NAMES.ended_sessions))[0][1] == 2

        await until(both_listen, "two who listen")
        await revocations.publish(["anna", "ben"])
        async with asyncio.timeout(patience(5)):
            assert sorted([await ended_sessions.get() for _ in range(4)]) == [
                "anna",
                "anna",
                "ben",
                "ben",
            ]
        await end(tasks)


async def test_a_subscription_whose_connection_timed_out_begins_anew(
    redis_server: RedisServer,
) -> None:
    """A worker hears no more when Redis's host has lost its power. One that took this for an absent
    message would ask again and again, and serve nobody."""
    async with open_redis(redis_server.url) as client:
        ended_sessions, calls = asyncio.Queue[str](), asyncio.Queue[None]()
        revocations = SessionRevocations(client, "ended")
        broadcast = AcknowledgedBroadcast(client, "calls")

        async def act() -> None:
            calls.put_nowait(None)

        tasks = [
            asyncio.create_task(revocations.subscribe(ended_sessions.put_nowait)),
            asyncio.create_task(broadcast.subscribe(act)),
        ]

        async def both_listen() -> bool:
            return [n for _, n in await client.pubsub_numsub("ended", "calls")] == [1, 1]

        await until(both_listen, "two who listen")
        pool: Any = client.connection_pool
        for connection in pool._in_use_connections:
            connection._reader.set_exception(TimeoutError(errno.ETIMEDOUT, "timed out"))

        async def nobody_listens() -> bool:
            return not await both_listen()

        await until(nobody_listens, "the end of both connections")
        await until(both_listen, "two who listen again")
        await revocations.publish(["anna"])
        async with asyncio.timeout(patience(5)):
            assert await ended_sessions.get() == "anna"
            assert await broadcast.send()
        assert calls.qsize() == 3, "at both starts and at the call"
        await end(tasks)


async def test_databases_of_one_name_have_their_own_names_in_redis(mongo_url: str) -> None:
    """A database that is made anew is to MongoDB another one, as it is in another MongoDB."""
    async with open_database(mongo_url, "same_name") as db:
        names = list[RedisNames]()
        for _ in range(2):
            await db.client.drop_database(db.name)
            await admit_database(db, Mode.SANDBOX, FieldCipher({1: b"1" * 32}))
            names.append(await redis_names(db))
            assert await redis_names(db) == names[-1], "each worker gets the same names"
        await db.client.drop_database(db.name)
    assert names[0] != names[1]
    assert all(re.fullmatch("seat:same_name:[0-9a-f]{8}:", one.prefix) for one in names)


async def test_check_config_reports_the_server_and_its_version(
    mongo_url: str, redis_server: RedisServer
) -> None:
    env = {"SANDBOX": "1", "MONGO_URL": mongo_url, "REDIS_URL": redis_server.url}
    rows = await connection_rows(load(env | {"ENCRYPTION_KEYS": ENCRYPTION_KEYS}), date(2026, 9, 7))
    [row] = [row for row in rows if row.name == "Redis"]
    named = {"redis-6-embedded": "6.2.", "redis-8": "8.", "valkey-8": "Valkey 8."}
    assert row.verdict is Verdict.OK and row.value.startswith(named[redis_server.kind]), row


@pytest.mark.whole
@pytest.mark.parametrize("kind", DEBIAN)
async def test_the_documented_user_rights_suffice_over_tls(kind: str, tmp_path: Path) -> None:
    documented = re.search(r"^user (seats on .+)$", DEPLOYMENT.read_text("utf-8"), re.M)
    assert documented is not None
    name, *rules = documented[1].replace("PASSWORD", "p@ss").split()
    async with running_redis(kind, tmp_path, make_certificate(tmp_path)) as server:
        connected: Any = Redis.from_url(server.url)
        async with connected as owner:
            await owner.execute_command("ACL", "SETUSER", name, *rules)
            await owner.execute_command("ACL", "SETUSER", "default", "off")
        for user, cause in ((f"seats:{PASSWORD}", ""), ("seats:no", "wrong password")):
            async with open_redis(server.url_of(user)) as client:
                assert await RedisHealth(client, server.url).look() == cause
        async with open_redis(server.url) as client:
            assert await RedisHealth(client, server.url).look() == "password required"
        # Nobody without the certificate of the one who answers.
        async with open_redis(server.url_of(f"seats:{PASSWORD}").partition("?")[0]) as client:
            assert await RedisHealth(client, server.url).look() == "unreachable"
        async with open_redis(server.url_of(f"seats:{PASSWORD}")) as client:
            await _all_that_the_service_does(client)
            others = RedisNames("seat:other:0a1b2c3d:")
            for refused in (
                client.get(others.bucket("test", "anna")),
                client.publish(others.ended_sessions, ""),
                AccessTokenStore(client, WECHAT).put("wxother", "token", 100),
                client.flushall(),
            ):
                with pytest.raises((NoPermissionError, Unavailable)):
                    await refused


async def _all_that_the_service_does(client: Redis) -> None:
    assert await RateLimiter(client, NAMES).acquire(RateLimit("test", 1, 1), "anna") == 0
    assert await RateLimiter(client, NAMES).acquire(RateLimit("test", 1, 1), "anna") > 0
    tokens, appid = AccessTokenStore(client, WECHAT), "wx0123456789abcdef"
    assert await tokens.lock(appid, "a", 10)
    await tokens.put(appid, "token", 100)
    assert (await tokens.get(appid) or ("",))[0] == "token"
    await tokens.unlock(appid, "a")
    assert await tokens.lock(appid, "b", 10)
    assert await client.publish(NAMES.ended_sessions, "a session") == 0
    looked = asyncio.Event()

    async def look() -> None:
        looked.set()

    call = AcknowledgedBroadcast(client, NAMES.signal("clock"))
    listening = asyncio.create_task(call.subscribe(look))
    async with asyncio.timeout(patience(5)):
        await looked.wait()
    looked.clear()
    assert await call.send() and looked.is_set()
    await end([listening])
    assert "redis_version" in await client.info("server")
