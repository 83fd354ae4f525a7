"""The names of keys and channels in Redis, which several installations may share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from models.storage.installation import ABOUT
from models.storage.mongo import Database
from models.storage.mongo_errors import translate_errors

_ID_DIGITS: Final = 8


@dataclass(frozen=True, slots=True)
class RedisNames:
    """The names of one installation's keys and channels. Channels are common to all databases of
    a Redis server, so that its number in REDIS_URL does not keep installations apart."""

    prefix: str

    @property
    def ended_sessions(self) -> str:
        """The channel that announces ended sessions and changed readers."""
        return f"{self.prefix}revoked"

    def signal(self, name: str) -> str:
        """The channel of a signal. The keys of its answers begin with this name."""
        return f"{self.prefix}call:{name}"

    def bucket(self, limit: str, key: str) -> str:
        """The key of a rate limit's bucket."""
        return f"{self.prefix}pace:{limit}:{key}"


async def redis_names(db: Database) -> RedisNames:
    """The names of the installation that has this database. They contain the database's name, so
    that a user of Redis can be confined to them, and the id that MongoDB gave ``installation``:
    databases of two MongoDBs may have one name. Raises: Unavailable."""
    with translate_errors():
        cursor = await db.list_collections(filter={"name": ABOUT})
        (about,) = await cursor.to_list(None)
    return RedisNames(f"seat:{db.name}:{about['info']['uuid'].hex()[:_ID_DIGITS]}:")


def access_token_key(wechat: str, appid: str) -> str:
    """The key of a WeChat account's token, which all installations with this account share.
    ``wechat``: the URL of the server that issues it, WeChat's own or a stand-in's."""
    return f"wx:tok:{urlsplit(wechat).netloc}:{appid}"
