"""The versions of the connected database servers, for /readyz and the metrics."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import date
from time import monotonic
from typing import Any, Final

from redis.asyncio import Redis

from models.kernel.errors import Unavailable
from models.storage.mongo import Database, server_version
from models.storage.redis_health import TROUBLE
from models.storage.server_releases import mongodb_note, redis_release, valkey_note, version_of

_ASK_EVERY_S: Final = 60.0
_ANSWER_WITHIN_S: Final = 1.0


class DatabaseReleases:
    """Queries the servers at most once a minute and caches their versions."""

    def __init__(self, db: Database, redis: Redis) -> None:
        self._db, self._redis = db, redis
        self._asked_at = float("-inf")
        self._versions: dict[str, str] = {}

    async def versions(self) -> dict[str, str]:
        """Each server's last reported version, by server name ("mongodb", "redis" or "valkey")."""
        if monotonic() - self._asked_at >= _ASK_EVERY_S:
            self._asked_at = monotonic()
            with suppress(Unavailable, TimeoutError):
                async with asyncio.timeout(_ANSWER_WITHIN_S):
                    self._versions["mongodb"] = await server_version(self._db)
            # The user of REDIS_URL may lack the right to run INFO.
            with suppress(*TROUBLE):
                async with asyncio.timeout(_ANSWER_WITHIN_S):
                    about: dict[str, Any] = await self._redis.info("server")
                for other in ("redis", "valkey"):
                    self._versions.pop(other, None)
                name, version = redis_release(about)
                self._versions[name] = version
        return dict(self._versions)

    async def notes(self, today: date) -> dict[str, str]:
        """For each connected server ("mongodb", "redis" or "valkey"): a one-line warning about
        its release, or an empty text."""
        versions = {name: version_of(text) for name, text in (await self.versions()).items()}
        notes = dict.fromkeys(versions, "")
        if "mongodb" in versions:
            notes["mongodb"] = mongodb_note(versions["mongodb"], today)
        if "valkey" in versions:
            notes["valkey"] = valkey_note(versions["valkey"])
        return notes
