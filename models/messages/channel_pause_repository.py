"""The pause of sending by a channel, one for all workers and hosts of an account; and of whatever
else is asked of an account, which has a name beside the channels.

No document means that messages go. The account's name in it carries its secret's fingerprint, so
that other credentials begin without the pause of the old ones.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from pymongo import IndexModel

from models.messages.channel_pause import Pause, PauseReason
from models.storage.mongo import Database, Document, insert_if_new, new_id
from models.storage.mongo_errors import translate_errors

INDEXES: Final[dict[str, list[IndexModel]]] = {}


class ChannelPauseRepository:
    """Args: channel: what is paused, a ``Channel`` or another name. account: the channel's, whose
    pause it is, with the credentials' fingerprint."""

    def __init__(self, db: Database, channel: StrEnum, account: str) -> None:
        self._all = db["pauses"]
        self.channel = channel
        self._account = f"{channel}:{account}"

    async def current(self) -> Pause | None:
        """The pause that lasts, None where messages go."""
        with translate_errors():
            found = await self._all.find_one({"_id": self._account})
        return _pause(found) if found else None

    async def begin(self, pause: Pause) -> bool:
        """Pause for everybody. False where another worker has done so already."""
        return await insert_if_new(self._all, {"_id": self._account, **_fields(pause), **_NOBODY})

    async def take_probe(self, pause: Pause, real_now: datetime, lease: timedelta) -> str | None:
        """The right to send one message while all others wait: the prober's name, or None.

        The count of failed probes guards: the pause must be the one that was seen to be over.
        """
        prober = new_id()
        with translate_errors():
            found = await self._all.find_one_and_update(
                {
                    "_id": self._account,
                    "since": pause.since,
                    "reason": pause.reason.value,
                    "failed": pause.failed,
                    "$or": [{"prober": None}, {"probe_until": {"$lte": real_now}}],
                },
                {"$set": {"prober": prober, "probe_until": real_now + lease}},
            )
        return prober if found else None

    async def prolong(self, prober: str, pause: Pause) -> bool:
        """The probe failed. False where the prober's right has gone to another."""
        return await self._write(prober, {**_fields(pause), **_NOBODY})

    async def give_back(self, prober: str) -> None:
        """There was nothing to send: whoever comes next probes."""
        await self._write(prober, _NOBODY)

    async def _write(self, prober: str, fields: Document) -> bool:
        with translate_errors():
            result = await self._all.update_one(
                {"_id": self._account, "prober": prober}, {"$set": fields}
            )
        return result.matched_count == 1

    async def end(self, prober: str) -> bool:
        """The probe went through: messages go. False where its right has gone to another."""
        with translate_errors():
            result = await self._all.delete_one({"_id": self._account, "prober": prober})
        return result.deleted_count == 1

    async def prune(self, before: datetime) -> None:
        """Forget the channel's pauses with credentials that nobody has tried for so long."""
        mine = {"_id": {"$regex": f"^{self.channel}:"}, "until": {"$lt": before}}
        with translate_errors():
            await self._all.delete_many(mine)


_NOBODY: Final[Document] = {"prober": None, "probe_until": None}


def _fields(pause: Pause) -> Document:
    return {
        "reason": pause.reason.value,
        "code": pause.code,
        "since": pause.since,
        "until": pause.until,
        "failed": pause.failed,
        "alarmed": pause.alarmed,
    }


def _pause(d: Document) -> Pause:
    return Pause(
        reason=PauseReason(d["reason"]),
        code=d["code"],
        since=d["since"],
        until=d["until"],
        failed=d["failed"],
        alarmed=d["alarmed"],
    )
