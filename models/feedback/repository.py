from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Final

from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from models.feedback.entities import (
    CONVERSATION,
    MOST_IN_CONVERSATION,
    AnswerPush,
    Feedback,
    FeedbackQuery,
)
from models.kernel.ids import ReaderId
from models.storage.encryption import FieldCipher
from models.storage.free_text import FreeTexts
from models.storage.mongo import Database, Document, delete_oldest, find_page, new_id
from models.storage.mongo_errors import translate_errors
from models.text_checks.repository import check_index, due_check, verdict_in

INDEXES: Final = {
    "feedback": [
        IndexModel(
            [("reader", ASCENDING), ("at", DESCENDING), ("_id", DESCENDING)], name="reader_feedback"
        ),
        IndexModel([("key", ASCENDING)], name="form", unique=True),
        IndexModel(
            [("answered_at", ASCENDING), ("at", ASCENDING), ("_id", ASCENDING)], name="answered"
        ),
        IndexModel([("at", DESCENDING), ("_id", DESCENDING)], name="newest"),
        check_index(),
    ]
}


class FeedbackRepository:
    def __init__(self, db: Database, cipher: FieldCipher) -> None:
        self._all = db["feedback"]
        self._texts = FreeTexts("feedback", cipher)

    async def add(
        self,
        reader_id: ReaderId | None,
        key: str,
        text: str,
        at: datetime,
        source: str = "web",
        openid: str = "",
    ) -> str | None:
        """Stores the feedback; returns its id, or None if the form ``key`` was stored before."""
        conversation: Document = {}
        if openid:
            sealed = self._texts.seal("openid", openid)
            conversation = {"openid": sealed, "left": MOST_IN_CONVERSATION}
        with (
            translate_errors(),
            suppress(DuplicateKeyError),
        ):  # a concurrent request has stored the same form
            done = await self._all.update_one(
                {"key": f"{reader_id}:{key}"},
                {
                    "$setOnInsert": {
                        # Messages are pruned by the time that their ids begin with.
                        "_id": new_id(),
                        "reader": reader_id,
                        "text": self._texts.seal("text", text),
                        "at": at,
                        "answer": "",
                        "answered_at": None,
                        "source": source,
                        "check": due_check(at),
                        **conversation,
                    }
                },
                upsert=True,
            )
            return str(done.upserted_id) if done.upserted_id is not None else None
        return None

    async def page_of(
        self, reader_id: ReaderId, skip: int, limit: int
    ) -> tuple[list[Feedback], int]:
        rows, total = await find_page(self._all, {"reader": reader_id}, ("at", "_id"), skip, limit)
        return [self._feedback(row) for row in rows], total

    async def waiting(self, limit: int) -> list[Feedback]:
        with translate_errors():
            rows = (
                await self._all.find({"answered_at": None})
                .sort([("at", ASCENDING), ("_id", ASCENDING)])
                .limit(limit)
                .to_list(None)
            )
        return [self._feedback(row) for row in rows]

    async def archive(
        self, criteria: FeedbackQuery, skip: int, limit: int
    ) -> tuple[list[Feedback], int]:
        query: Document = {}
        if criteria.answered is not None:
            query["answered_at"] = {"$ne": None} if criteria.answered else None
        between = {"$gte": criteria.start, "$lt": criteria.end}
        if limits := {name: instant for name, instant in between.items() if instant is not None}:
            query["at"] = limits
        rows, total = await find_page(self._all, query, ("at", "_id"), skip, limit)
        return [self._feedback(row) for row in rows], total

    async def set_note(self, id: str, rev: int, note: str) -> bool:
        """Writes the staff's note. False if the feedback is missing or its note not at ``rev``."""
        was: Document = {"_id": id, "note_rev": rev if rev else {"$in": [0, None]}}
        change = {"note": self._texts.seal("note", note), "note_rev": rev + 1}
        with translate_errors():
            done = await self._all.update_one(was, {"$set": change})
        return done.modified_count == 1

    async def get(self, id: str) -> Feedback | None:
        with translate_errors():
            feedback = await self._all.find_one({"_id": id})
        return self._feedback(feedback) if feedback else None

    async def answer(self, id: str, text: str, at: datetime) -> Feedback | None:
        """Stores the reply, unless the feedback has one. Returns the feedback as stored after
        that; None if it does not exist."""
        with translate_errors():
            feedback = await self._all.find_one_and_update(
                {"_id": id, "answered_at": None},
                {"$set": {"answer": self._texts.seal("answer", text), "answered_at": at}},
                return_document=ReturnDocument.AFTER,
            )
            feedback = feedback or await self._all.find_one({"_id": id})
        return self._feedback(feedback) if feedback else None

    async def take_message(self, id: str, now: datetime) -> bool:
        """Counts a message to the author in WeChat. False if WeChat would not deliver it."""
        with translate_errors():
            done = await self._all.update_one({"_id": id, **_takes(1, now)}, {"$inc": {"left": -1}})
        return done.modified_count == 1

    async def begin_push(self, id: str, count: int, now: datetime) -> bool:
        """Reserves ``count`` messages for sending the reply to WeChat, and marks the reply as
        being sent. True for the first caller only."""
        with translate_errors():
            done = await self._all.update_one(
                {"_id": id, "push": None, "answered_at": {"$ne": None}, **_takes(count, now)},
                {"$set": {"push": AnswerPush.SENDING.value}, "$inc": {"left": -count}},
            )
        return done.modified_count == 1

    async def end_push(self, id: str, push: AnswerPush, code: int | None) -> None:
        with translate_errors():
            await self._all.update_one(
                {"_id": id, "push": AnswerPush.SENDING.value},
                {"$set": {"push": push.value, "push_code": code}},
            )

    async def give_back_push(self, id: str, count: int) -> None:
        """Undoes ``begin_push`` if nothing was sent, so that sending the reply can be retried."""
        with translate_errors():
            await self._all.update_one(
                {"_id": id, "push": AnswerPush.SENDING.value},
                {"$set": {"push": None}, "$inc": {"left": count}},
            )

    async def prune(self, answered_before: datetime, limit: int) -> int:
        """Deletes up to ``limit`` feedback messages answered before ``answered_before``, oldest
        first; returns their number."""
        query: Document = {"answered_at": {"$lt": answered_before}}
        return await delete_oldest(self._all, query, ("answered_at", "at", "_id"), limit)

    def _feedback(self, d: Document) -> Feedback:
        return Feedback(
            d["_id"],
            ReaderId(d["reader"]) if d["reader"] else None,
            self._texts.open("text", d.get("text")),
            d["at"],
            self._texts.open("answer", d.get("answer")),
            d["answered_at"],
            d["source"],
            self._texts.open("note", d.get("note")),
            d.get("note_rev") or 0,
            verdict_in(d.get("check")),
            self._texts.open("openid", d.get("openid")),
            AnswerPush(d["push"]) if d.get("push") else None,
            d.get("push_code"),
        )


def _takes(count: int, now: datetime) -> Document:
    """A filter for feedback whose author can still get at least ``count`` messages in WeChat."""
    return {"left": {"$gte": count}, "at": {"$gt": now - CONVERSATION}}
