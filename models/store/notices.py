"""Notices, as the library publishes them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pymongo import DESCENDING, IndexModel

from models.notice import Notice
from models.store.client import Database, Document, upstream

INDEXES: Final = {
    "notices": [IndexModel([("pinned", DESCENDING), ("published_at", DESCENDING)], name="shown")]
}


class Notices:
    def __init__(self, db: Database) -> None:
        self._all = db["notices"]

    async def add(self, notice: Notice) -> None:
        """Publish it. One that is there already stays as it is."""
        with upstream():
            await self._all.update_one(
                {"_id": notice.id},
                {
                    "$setOnInsert": {
                        "title": notice.title,
                        "body": notice.body,
                        "published_at": notice.published_at,
                        "pinned": notice.pinned,
                        "until": notice.until,
                    }
                },
                upsert=True,
            )

    async def page_of(self, now: datetime, skip: int, limit: int) -> tuple[list[Notice], int]:
        """What is shown at ``now``: pinned ones first, then the newest; and how many there are."""
        shown = _shown(now)
        with upstream():
            total = await self._all.count_documents(shown)
            rows = (
                await self._all.find(shown)
                .sort([("pinned", DESCENDING), ("published_at", DESCENDING)])
                .skip(skip)
                .limit(limit)
                .to_list(None)
            )
        return [_notice(row) for row in rows], total

    async def get(self, id: str, now: datetime) -> Notice | None:
        """The notice, if it is shown at ``now``."""
        with upstream():
            found = await self._all.find_one({"_id": id, **_shown(now)})
        return _notice(found) if found else None


def _shown(now: datetime) -> Document:
    return {"published_at": {"$lte": now}, "$or": [{"until": None}, {"until": {"$gt": now}}]}


def _notice(d: Document) -> Notice:
    return Notice(d["_id"], d["title"], d["body"], d["published_at"], d["pinned"], d["until"])
