from __future__ import annotations

from datetime import datetime
from typing import Final

from pymongo import DESCENDING, IndexModel

from models.notices.entities import Notice
from models.storage.mongo import Database, Document, find_page, previous_revisions
from models.storage.mongo_errors import translate_errors

INDEXES: Final = {
    "notices": [
        IndexModel([("pinned", DESCENDING), ("published_at", DESCENDING)], name="shown"),
        IndexModel([("published_at", DESCENDING), ("_id", DESCENDING)], name="newest"),
    ]
}


class NoticeRepository:
    def __init__(self, db: Database) -> None:
        self._all = db["notices"]

    async def add(self, notice: Notice) -> None:
        """Adds the notice. If a notice with its id exists, nothing changes."""
        with translate_errors():
            await self._all.update_one(
                {"_id": notice.id},
                {"$setOnInsert": notice_to_document(notice)},
                upsert=True,
            )

    async def replace(self, notice: Notice) -> bool:
        """Replaces the stored notice if its ``rev`` is one less than the new one's; else False."""
        with translate_errors():
            result = await self._all.replace_one(
                {"_id": notice.id, "rev": {"$in": previous_revisions(notice.rev)}},
                notice_to_document(notice),
            )
        return bool(result.matched_count)

    async def all(self, skip: int, limit: int) -> tuple[list[Notice], int]:
        """A page of all notices, also future and past, newest first; and the number of all."""
        rows, total = await find_page(self._all, {}, ("published_at", "_id"), skip, limit)
        return [_notice(row) for row in rows], total

    async def any(self, id: str) -> Notice | None:
        """The notice, whether or not readers see it now; None if it does not exist."""
        with translate_errors():
            document = await self._all.find_one({"_id": id})
        return _notice(document) if document else None

    async def page_of(self, now: datetime, skip: int, limit: int) -> tuple[list[Notice], int]:
        """A page of notices visible at ``now``: pinned, then newest; and the number of all."""
        query = _shown_at(now)
        with translate_errors():
            total = await self._all.count_documents(query)
            rows = (
                await self._all.find(query)
                .sort([("pinned", DESCENDING), ("published_at", DESCENDING)])
                .skip(skip)
                .limit(limit)
                .to_list(None)
            )
        return [_notice(row) for row in rows], total

    async def get(self, id: str, now: datetime) -> Notice | None:
        """The notice, if readers see it at ``now``; else None."""
        with translate_errors():
            document = await self._all.find_one({"_id": id, **_shown_at(now)})
        return _notice(document) if document else None


def _shown_at(now: datetime) -> Document:
    return {"published_at": {"$lte": now}, "$or": [{"until": None}, {"until": {"$gt": now}}]}


def notice_to_document(n: Notice) -> Document:
    return {
        "title": n.title,
        "body": n.body,
        "published_at": n.published_at,
        "pinned": n.pinned,
        "until": n.until,
        "rev": n.rev,
    }


def _notice(d: Document) -> Notice:
    return Notice(
        d["_id"],
        d["title"],
        d["body"],
        d["published_at"],
        d["pinned"],
        d["until"],
        d.get("rev", 0),
    )
