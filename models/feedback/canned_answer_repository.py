"""The canned answers (常用答复): texts that the library answers with often. They contain no
personal data and are stored unencrypted."""

from __future__ import annotations

from pymongo import ASCENDING

from models.feedback.entities import CannedAnswer
from models.storage.mongo import Database, new_id
from models.storage.mongo_errors import translate_errors


class CannedAnswerRepository:
    def __init__(self, db: Database) -> None:
        self._all = db["canned_answers"]

    async def all(self) -> list[CannedAnswer]:
        with translate_errors():
            rows = await self._all.find().sort([("title", ASCENDING), ("_id", ASCENDING)]).to_list()
        return [CannedAnswer(d["_id"], d["title"], d["text"], d["rev"]) for d in rows]

    async def add(self, title: str, text: str) -> None:
        with translate_errors():
            await self._all.insert_one({"_id": new_id(), "title": title, "text": text, "rev": 1})

    async def replace(self, new: CannedAnswer) -> bool:
        """Replaces the answer's previous revision. False if it was changed or removed meanwhile."""
        change = {"title": new.title, "text": new.text, "rev": new.rev}
        with translate_errors():
            done = await self._all.update_one({"_id": new.id, "rev": new.rev - 1}, {"$set": change})
        return done.modified_count == 1

    async def remove(self, id: str, rev: int) -> bool:
        """Removes the answer. False if it is no longer at revision ``rev``."""
        with translate_errors():
            done = await self._all.delete_one({"_id": id, "rev": rev})
        return done.deleted_count == 1
