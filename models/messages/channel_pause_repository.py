"""Stores the pause of a channel, or of another API of an account, while it lasts. The document's
id contains a hash of the account's credentials, so new credentials start without a pause."""

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
    """Stores the pause of a channel, during which no message is sent by it. ``channel`` may also
    be an API that is no channel; ``account`` contains a hash of the account's credentials."""

    def __init__(self, db: Database, channel: StrEnum, account: str) -> None:
        self._all = db["pauses"]
        self.channel = channel
        self._account = f"{channel}:{account}"

    async def current(self) -> Pause | None:
        with translate_errors():
            row = await self._all.find_one({"_id": self._account})
        return _pause(row) if row else None

    async def begin(self, pause: Pause) -> bool:
        """Stores the pause for all workers. False if another worker has stored one already."""
        return await insert_if_new(
            self._all, {"_id": self._account, **_fields(pause), **_NO_PROBER}
        )

    async def take_probe(self, pause: Pause, real_now: datetime, lease: timedelta) -> str | None:
        """Takes the probe's lease: for the time ``lease``, only this worker may send the probe.
        Returns the lease's token; None if another worker has the lease or the pause was changed."""
        prober = new_id()
        with translate_errors():
            claimed = await self._all.find_one_and_update(
                {
                    "_id": self._account,
                    "since": pause.since,
                    "reason": pause.reason.value,
                    "failed": pause.failed,
                    "$or": [{"prober": None}, {"probe_until": {"$lte": real_now}}],
                },
                {"$set": {"prober": prober, "probe_until": real_now + lease}},
            )
        return prober if claimed else None

    async def prolong(self, prober: str, pause: Pause) -> bool:
        """Stores ``pause``, prolonged after a failed probe. ``prober``: the token from
        ``take_probe``. False if another worker has taken the lease since."""
        return await self._write(prober, {**_fields(pause), **_NO_PROBER})

    async def give_back(self, prober: str) -> None:
        """Ends the lease of a probe that was not sent, so that any worker may send one.
        ``prober``: the token from ``take_probe``."""
        await self._write(prober, _NO_PROBER)

    async def _write(self, prober: str, fields: Document) -> bool:
        with translate_errors():
            result = await self._all.update_one(
                {"_id": self._account, "prober": prober}, {"$set": fields}
            )
        return result.matched_count == 1

    async def end(self, prober: str) -> bool:
        """Ends the pause after a successful probe. ``prober``: the token from ``take_probe``.
        False if another worker has taken the lease since."""
        with translate_errors():
            result = await self._all.delete_one({"_id": self._account, "prober": prober})
        return result.deleted_count == 1

    async def prune(self, before: datetime) -> None:
        """Deletes the channel's pauses that ended before ``before``. Such pauses remain under
        credentials that are no longer used."""
        mine = {"_id": {"$regex": f"^{self.channel}:"}, "until": {"$lt": before}}
        with translate_errors():
            await self._all.delete_many(mine)


_NO_PROBER: Final[Document] = {"prober": None, "probe_until": None}


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
