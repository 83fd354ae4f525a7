"""Each WeChat account's access_token, shared by all workers, in Redis. If lost, it is reissued."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from models.kernel.errors import Unavailable
from models.storage.redis_names import access_token_key

# Delete the lock only if it is still ours: it may have expired and belong to another worker.
_RELEASE: Final = """
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
return 0
"""
_OPERATION_SECONDS: Final = 1.0


class AccessTokenStore:
    """One token for each WeChat account, and the lock of the worker that renews it. Keys expire
    in real time. Every method raises ``Unavailable`` if Redis does not answer within a second.
    ``wechat``: the URL of the server that issues the tokens."""

    def __init__(self, redis: Redis, wechat: str) -> None:
        self._redis, self._wechat = redis, wechat

    async def get(self, appid: str) -> tuple[str, float] | None:
        """The account's stored token, and the seconds for which it is valid; None without one."""
        key = access_token_key(self._wechat, appid)
        async with _answering():
            pipe = self._redis.pipeline(transaction=True)
            pipe.get(key)
            pipe.pttl(key)
            token, left_ms = await pipe.execute()
        if token is None or left_ms <= 0:
            return None
        return (token.decode() if isinstance(token, bytes) else str(token)), left_ms / 1000

    async def put(self, appid: str, token: str, seconds: int) -> None:
        async with _answering():
            await self._redis.set(access_token_key(self._wechat, appid), token, ex=seconds)

    async def lock(self, appid: str, owner: str, seconds: float) -> bool:
        """Locks the renewal of the account's token for ``owner`` (a random string) for at most
        ``seconds``. True if ``owner`` got the lock."""
        async with _answering():
            won = await self._redis.set(self._lock(appid), owner, nx=True, px=round(seconds * 1000))
        return bool(won)

    async def unlock(self, appid: str, owner: str) -> None:
        """Releases the lock if ``owner`` still holds it."""
        async with _answering():
            await self._redis.eval(_RELEASE, 1, self._lock(appid), owner)

    def _lock(self, appid: str) -> str:
        return f"{access_token_key(self._wechat, appid)}:lk"


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(_OPERATION_SECONDS):
            yield
    except (RedisError, OSError) as error:  # TimeoutError is an OSError
        raise Unavailable() from error
