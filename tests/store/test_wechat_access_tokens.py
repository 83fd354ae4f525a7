"""One stable_token call for all workers, whatever the state of Redis."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Final

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from models.kernel.errors import Unavailable
from models.wechat.access_token_repository import AccessTokenStore
from notify.wechat.access_tokens import AccessTokens, IssuedAccessToken, TokenRequestFailed
from notify.wechat.errors import TokenUnavailable
from tests.redis_servers import RedisServer

WECHAT: Final = "https://api.weixin.qq.com"


class Issuer:
    """WeChat's side: counts the calls and answers after a moment."""

    def __init__(self) -> None:
        self.calls = 0
        self.token = "first"
        self.expires_in = 7200
        self.errcode: int | None = None
        self.refuses = False

    async def __call__(self) -> IssuedAccessToken:
        self.calls += 1
        await asyncio.sleep(0.02)
        if self.refuses:
            raise TokenRequestFailed(self.errcode)
        return IssuedAccessToken(self.token, self.expires_in)


class Seconds:
    """A monotonic clock that stands still."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
async def redis(redis_server: RedisServer) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_server.url)
    yield client
    await client.aclose()


@pytest.fixture
def appid() -> str:
    return f"wx{secrets.token_hex(8)}"


async def test_lock_is_released_by_its_owner_only(redis: Redis, appid: str) -> None:
    shared = AccessTokenStore(redis, WECHAT)
    assert await shared.lock(appid, "a", 10)
    assert not await shared.lock(appid, "b", 10)
    await shared.unlock(appid, "b")
    assert not await shared.lock(appid, "b", 10)
    await shared.unlock(appid, "a")
    assert await shared.lock(appid, "b", 10)


async def test_a_stored_token_is_returned_with_its_remaining_time(redis: Redis, appid: str) -> None:
    shared = AccessTokenStore(redis, WECHAT)
    assert await shared.get(appid) is None
    await shared.put(appid, "t" * 512, 100)
    token = await shared.get(appid)
    assert token is not None
    assert token[0] == "t" * 512
    assert 90 < token[1] <= 100


async def test_a_stand_ins_token_is_not_wechats(redis: Redis, appid: str) -> None:
    stand_in = AccessTokenStore(redis, "http://127.0.0.1:8080/sandbox/wechat")
    await stand_in.put(appid, "of the stand-in", 100)
    assert await AccessTokenStore(redis, WECHAT).get(appid) is None
    assert await AccessTokenStore(redis, f"{WECHAT}/").lock(appid, "a", 10)
    assert await stand_in.lock(appid, "b", 10)


async def test_four_workers_with_many_waiters_request_one_token(
    redis_server: RedisServer, appid: str
) -> None:
    issuer = Issuer()
    clients = [Redis.from_url(redis_server.url) for _ in range(4)]
    workers = [AccessTokens(appid, issuer, AccessTokenStore(client, WECHAT)) for client in clients]
    tokens = await asyncio.gather(*(worker.get() for worker in workers for _ in range(200)))
    assert set(tokens) == {"first"}
    assert issuer.calls == 1

    issuer.token = "second"
    tokens = await asyncio.gather(*(worker.get("first") for worker in workers for _ in range(50)))
    assert set(tokens) == {"second"}
    assert issuer.calls == 2
    for client in clients:
        await client.aclose()


async def test_the_process_cache_expires_before_the_token(redis: Redis, appid: str) -> None:
    issuer, seconds = Issuer(), Seconds()
    tokens = AccessTokens(appid, issuer, AccessTokenStore(redis, WECHAT), seconds)
    await tokens.get()
    await AccessTokenStore(redis, WECHAT).put(appid, "of another worker", 100)
    assert await tokens.get() == "first"
    seconds.at += 31
    assert await tokens.get() == "of another worker"
    assert issuer.calls == 1


@pytest.mark.parametrize(("expires_in", "kept"), [(7200, 6900), (345, 60), (300, 60)])
async def test_a_token_is_stored_for_less_than_its_lifetime(
    redis: Redis, appid: str, expires_in: int, kept: int
) -> None:
    issuer = Issuer()
    issuer.expires_in = expires_in
    await AccessTokens(appid, issuer, AccessTokenStore(redis, WECHAT)).get()
    token = await AccessTokenStore(redis, WECHAT).get(appid)
    assert token is not None
    assert kept - 5 < token[1] <= kept


async def test_a_permanently_bad_token_is_requested_once_a_minute(
    redis: Redis, appid: str, caplog: pytest.LogCaptureFixture
) -> None:
    issuer, seconds = Issuer(), Seconds()
    tokens = AccessTokens(appid, issuer, AccessTokenStore(redis, WECHAT), seconds)
    token = await tokens.get()
    for _ in range(20):
        with pytest.raises(TokenUnavailable) as raised:
            await tokens.get(bad=token)
        assert raised.value.lasting
    assert issuer.calls == 2
    assert [record.message for record in caplog.records] == ["wechat_token_refused"]
    assert token not in caplog.text
    seconds.at += 61
    with pytest.raises(TokenUnavailable):
        await tokens.get(bad=token)
    assert issuer.calls == 3 and len(caplog.records) == 1, "a person is told once an hour"

    seconds.at += 61
    issuer.token = "second"
    assert await tokens.get(bad=token) == "second"


@pytest.mark.parametrize(
    ("errcode", "lasting", "pause"),
    [(None, False, 1.1), (-1, False, 1.1), (40125, True, 61), (40164, True, 61), (45009, True, 61)],
)
async def test_waiters_share_a_refusal(
    redis: Redis, appid: str, errcode: int | None, lasting: bool, pause: float
) -> None:
    issuer, seconds = Issuer(), Seconds()
    issuer.refuses, issuer.errcode = True, errcode
    tokens = AccessTokens(appid, issuer, AccessTokenStore(redis, WECHAT), seconds)
    results = await asyncio.gather(*(tokens.get() for _ in range(50)), return_exceptions=True)
    assert {type(result) for result in results} == {TokenUnavailable}
    assert {result.lasting for result in results if isinstance(result, TokenUnavailable)} == {
        lasting
    }
    assert issuer.calls == 1

    issuer.refuses = False
    seconds.at += pause
    assert await tokens.get() == "first"


async def test_without_redis_each_process_requests_its_own_token(appid: str) -> None:
    nobody = Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
    shared = AccessTokenStore(nobody, WECHAT)
    with pytest.raises(Unavailable):
        await shared.get(appid)
    issuer = Issuer()
    tokens = AccessTokens(appid, issuer, shared)
    assert set(await asyncio.gather(*(tokens.get() for _ in range(50)))) == {"first"}
    assert issuer.calls == 1
    await nobody.aclose()
