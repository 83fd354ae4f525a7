"""Seasons with their applications and frozen lists.

A write of an application is one transaction with a write of its season whose filter has the state:
either the frozen list has the application, or the reader is refused. ``season_entries`` name
nobody; a reader is connected with an entry by the salt of their application alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

from pymongo import ASCENDING, DESCENDING, IndexModel, ReplaceOne, ReturnDocument, UpdateOne
from pymongo.errors import DuplicateKeyError

from models.kernel.ids import ReaderId
from models.readers.personal_data_repository import erase_late_writes
from models.seasons import merkle
from models.seasons.calculation import token
from models.seasons.entities import (
    Application,
    NewsKind,
    RankedEntry,
    Season,
    SeasonId,
    SeasonState,
    Started,
    Step,
)
from models.seasons.errors import SeasonOverlaps
from models.seasons.holder_events import holder_event
from models.seasons.mapping import (
    application_of,
    entry_document,
    entry_of,
    season_document,
    season_of,
    started_document,
)
from models.storage.encryption import FieldCipher
from models.storage.event_outbox import put_events
from models.storage.free_text import FreeTexts
from models.storage.mongo import Database, Document, new_id
from models.storage.mongo_errors import translate_errors
from models.storage.transactions import ConcurrentUpdate, run_transaction, try_transaction
from models.webhooks.entities import WebhookEventType

NEWS_DUE: Final[Document] = {"news.at": {"$type": "date"}}
"""The condition of applications whose readers have yet to be told what has become of them."""
INDEXES: Final = {
    "seasons": [IndexModel([("opens_at", DESCENDING)], name="newest")],
    "season_applications": [
        IndexModel([("season", ASCENDING), ("rank", ASCENDING)], name="of_season"),
        IndexModel([("reader", ASCENDING)], name="reader"),
        IndexModel([("news.at", ASCENDING)], name="news", partialFilterExpression=NEWS_DUE),
        IndexModel(
            [("season", ASCENDING), ("thing", ASCENDING)],
            name="holders",
            unique=True,
            partialFilterExpression={"thing": {"$type": "string"}},
        ),
    ],
    "season_entries": [
        IndexModel([("season", ASCENDING), ("leaf", ASCENDING)], name="leaves"),
        IndexModel([("season", ASCENDING), ("rank", ASCENDING)], name="ranks"),
    ],
}
WAITING: Final[Document] = {"rank": {"$type": "int"}, "thing": None, "lost": None}
"""The condition of applications whose readers wait for what others give up."""
_BEFORE_DRAW: Final = [SeasonState.OPEN.value, SeasonState.FROZEN.value]
Weigh = Callable[[Sequence[ReaderId]], Awaitable[dict[ReaderId, int]]]
"""The weights of readers; an unknown reader has none."""
_ATTEMPTS: Final = 5


class SeasonRepository:
    def __init__(self, db: Database, cipher: FieldCipher) -> None:
        self._db, self._all = db, db["seasons"]
        self._applications, self._entries = db["season_applications"], db["season_entries"]
        self._texts = FreeTexts("seasons", cipher)
        self._salts = FreeTexts("season_applications", cipher)
        # Applications of one process wait for one another: at once they would only conflict.
        self._turn = asyncio.Lock()

    # --- seasons ----------------------------------------------------------------------------------
    async def add(self, season: Season, now: datetime) -> Season:
        """Inserts the season, unless there is one with its id; returns the stored one. Its secret
        never changes. Raises: SeasonOverlaps if another season gives one of its seats or lockers on
        one of its days, or on those on which lockers may still be full; Unavailable."""
        plan, new = season.plan, season_document(self._texts, season)

        async def write(session: Any) -> None:
            # Of two announcements at once the database makes one wait for this document.
            await seasons_changed(self._db, session)
            if await self._all.find_one({"_id": season.id}, {"_id": 1}, session=session):
                raise ConcurrentUpdate
            giving: Document = {
                "kind": plan.kind.value,
                "given.id": {"$in": [*plan.ids]},
                "first": {"$lte": plan.until.isoformat()},
                "until": {"$gte": plan.first.isoformat()},
                "$or": [
                    {"state": SeasonState.DRAWN.value},
                    {"state": {"$in": _BEFORE_DRAW}, "reveal_by": {"$gte": now}},
                ],
            }
            other = await self._all.find_one(giving, {"title": 1}, session=session)
            if other is not None:
                raise SeasonOverlaps(other["title"])
            await self._all.insert_one(new, session=session)

        await try_transaction(self._db, write)
        stored = await self.get(season.id)
        assert stored is not None
        return stored

    async def end_void(self, now: datetime) -> None:
        """Gives the seats of seasons that became void back to all readers, and makes it news for
        those who applied, once. Raises: Unavailable."""
        void: Document = {
            "state": {"$in": _BEFORE_DRAW},
            "reveal_by": {"$lt": now},
            "void": {"$ne": True},
        }
        with translate_errors():
            ids = [row["_id"] async for row in self._all.find(void, {"_id": 1})]
        for id in ids:
            await self._end_void({"_id": id, **void}, now)

    async def _end_void(self, void: Document, now: datetime) -> None:
        async def write(session: Any) -> None:
            ended = [{"$set": {"void": True, "written": "$last", "started": None}}]
            done = await self._all.update_one(void, ended, session=session)
            if not done.matched_count:
                raise ConcurrentUpdate
            await seasons_changed(self._db, session)
            applicants: Document = {"season": void["_id"], "weight": {"$ne": 0}}
            await self._applications.update_many(applicants, told_of(now), session=session)

        await try_transaction(self._db, write)

    async def get(self, id: str) -> Season | None:
        with translate_errors():
            document = await self._all.find_one({"_id": id})
        return season_of(self._texts, document) if document is not None else None

    async def latest(self, limit: int) -> list[Season]:
        """At most ``limit`` seasons, those whose applications opened last first."""
        with translate_errors():
            rows = await self._all.find().sort("opens_at", DESCENDING).limit(limit).to_list(None)
        return [season_of(self._texts, row) for row in rows]

    async def has_any(self) -> bool:
        """True if any season was announced and is not forgotten yet. Raises: Unavailable."""
        with translate_errors():
            return await self._all.find_one({}, {"_id": 1}) is not None

    async def start(self, season: Season, started: Started) -> bool:
        """Starts a step, or starts it anew, if the season still is in its state. Raises:
        Unavailable."""
        with translate_errors():
            done = await self._all.update_one(
                {"_id": season.id, "state": season.state.value},
                {"$set": {"started": started_document(started)}},
            )
        return bool(done.matched_count)

    async def abort(self, season: Season, reason: str, now: datetime) -> bool:
        """Aborts the season if it still is in its state, which is news for all who were not left
        out. Raises: Unavailable."""
        aborted: Document = {"state": SeasonState.ABORTED.value, "reason": reason, "started": None}

        async def write(session: Any) -> None:
            await self._change({"_id": season.id, "state": season.state.value}, aborted, session)
            await seasons_changed(self._db, session)
            await self._applications.update_many(
                {"season": season.id, "weight": {"$ne": 0}}, told_of(now), session=session
            )

        return await try_transaction(self._db, write)

    # --- applications -----------------------------------------------------------------------------
    async def apply(self, application: Application, now: datetime) -> bool:
        """Stores the application, or the wishes of the one that the reader has already, whose salt
        stays. False if applications are closed. Raises: Unavailable."""
        id = application_id(application.season_id, application.reader_id)
        changed: Document = {"wishes": [*application.wishes], "changed_at": now}
        new: Document = {
            "season": application.season_id,
            "reader": application.reader_id,
            "salt": self._salts.seal("salt", application.salt),
            "made_at": application.made_at,
        }

        async def write(session: Any) -> None:
            await self._note_write(application.season_id, now, session)
            done = await self._applications.update_one(
                {"_id": id}, {"$set": changed, "$setOnInsert": new}, upsert=True, session=session
            )
            if done.upserted_id is not None:
                await self._count(application.season_id, 1, session)

        for _ in range(_ATTEMPTS):
            try:
                async with self._turn:
                    with translate_errors():
                        await run_transaction(self._db, write)
                return True
            except ConcurrentUpdate:
                return False
            except DuplicateKeyError:  # another request of the reader inserted it meanwhile
                continue
        return False

    async def withdraw(self, season_id: str, reader_id: ReaderId, now: datetime) -> bool:
        """Deletes the reader's application, if any. False if applications are closed. Raises:
        Unavailable."""

        async def write(session: Any) -> None:
            await self._note_write(season_id, now, session)
            done = await self._applications.delete_one(
                {"_id": application_id(season_id, reader_id)}, session=session
            )
            await self._count(season_id, -done.deleted_count, session)

        async with self._turn:
            return await try_transaction(self._db, write)

    async def _note_write(self, season_id: str, now: datetime, session: Any) -> None:
        """Changes the season's document, so that freezing conflicts with this transaction. It comes
        first, as in freezing: neither waits for the other with a document of its own. Raises:
        ConcurrentUpdate if applications are closed."""
        done = await self._all.update_one(
            self._applying(season_id, now), {"$inc": {"writes": 1}}, session=session
        )
        if not done.matched_count:
            raise ConcurrentUpdate

    async def _count(self, season_id: str, more: int, session: Any) -> None:
        await self._all.update_one(
            {"_id": season_id}, {"$inc": {"applications": more}}, session=session
        )

    def _applying(self, season_id: str, now: datetime) -> Document:
        """The condition of a season to which one can apply."""
        times = {"opens_at": {"$lte": now}, "closes_at": {"$gt": now}}
        return {"_id": season_id, "state": SeasonState.OPEN.value, **times}

    async def application(self, season_id: str, reader_id: ReaderId) -> Application | None:
        id = application_id(season_id, reader_id)
        with translate_errors():
            return next(iter(await self._applications_by({"_id": id})), None)

    async def applications_of(self, reader_id: ReaderId) -> list[Application]:
        with translate_errors():
            return await self._applications_by({"reader": reader_id})

    async def applications_in(self, season_id: SeasonId) -> list[Application]:
        """The applications for the season with their readers, by rank."""
        with translate_errors():
            return await self._applications_by({"season": season_id})

    async def _applications_by(self, which: Document, session: Any = None) -> list[Application]:
        rows = self._applications.find(which, session=session)
        by_rank = rows.sort([("rank", ASCENDING), ("_id", ASCENDING)])
        return [application_of(self._salts, row) for row in await by_rank.to_list(None)]

    # --- freezing and drawing ---------------------------------------------------------------------
    async def freeze(self, season: Season, by: ReaderId, weigh: Weigh, now: datetime) -> bool:
        """Freezes the list of applications under its root, each with its weight; those of the
        weight 0 are left out, which is news for them. False if the step was not started by somebody
        else, or is over. Raises: Unavailable."""

        async def write(session: Any) -> None:
            await self._change(
                self._started(season, by, Step.FREEZE),
                {"state": SeasonState.FROZEN.value, "started": None},
                session,
            )
            of_season: Document = {"season": season.id}
            applications = await self._applications_by(of_season, session)
            weights = await weigh([one.reader_id for one in applications])
            weighed = [replace(one, weight=weights.get(one.reader_id, 0)) for one in applications]
            news = told_of(now)
            updates = [
                UpdateOne(
                    {"_id": application_id(season.id, one.reader_id)},
                    {"$set": {"weight": one.weight}} | ({} if one.weight else news),
                )
                for one in weighed
            ]
            entries = [one.entry for one in weighed if one.weight]
            inserts = [
                ReplaceOne(
                    {"_id": f"{season.id}:{entry.token}"},
                    entry_document(season.id, entry),
                    upsert=True,
                )
                for entry in entries
            ]
            if updates:
                await self._applications.bulk_write(updates, ordered=False, session=session)
            if inserts:
                await self._entries.bulk_write(inserts, ordered=False, session=session)
            root = merkle.root(sorted(entry.leaf for entry in entries))
            frozen: Document = {"root": root, "count": len(entries), "at": now}
            await self._change({"_id": season.id}, {"list": frozen}, session)

        return await try_transaction(self._db, write)

    async def draw(
        self, season: Season, by: ReaderId, ranked: Sequence[RankedEntry], now: datetime
    ) -> bool:
        """Stores the result of the started draw, which ``season`` has, and publishes the secret,
        which is news for all in the list. False if the draw was not started by somebody else with
        the same value, or is over. Raises: Unavailable."""
        started = season.started
        assert started is not None
        drawn: Document = {"which": started.which.value, "value": started.value, "at": now}

        async def write(session: Any) -> None:
            await self._change(
                self._started(season, by, Step.DRAW),
                {"state": SeasonState.DRAWN.value, "started": None, "draw": drawn},
                session,
            )
            results = {one.entry.token: {"rank": one.rank, "thing": one.thing} for one in ranked}
            things = {one.entry.token: one.thing for one in ranked}
            updates = [
                UpdateOne({"_id": f"{season.id}:{token}"}, {"$set": result})
                for token, result in results.items()
            ]
            if updates:
                await self._entries.bulk_write(updates, ordered=False, session=session)
            applications = await self._applications_by({"season": season.id}, session)
            news = told_of(now)
            of_readers = [
                UpdateOne(
                    {"_id": application_id(season.id, one.reader_id)},
                    {"$set": results[token(one.salt)]} | news,
                )
                for one in applications
                if one.weight
            ]
            if of_readers:
                await self._applications.bulk_write(of_readers, ordered=False, session=session)
            held = [
                holder_event(season, thing, one.reader_id, WebhookEventType.SEASON_HELD, now)
                for one in applications
                if one.weight and (thing := things[token(one.salt)]) is not None
            ]
            await put_events(self._db, held, session)

        return await try_transaction(self._db, write)

    def _started(self, season: Season, by: ReaderId, step: Step) -> Document:
        """The condition of a season whose step another staff member has started as ``season``
        has it."""
        assert season.started is not None
        return {
            "_id": season.id,
            "state": season.state.value,
            "started": started_document(season.started),
            "started.step": step.value,
            "started.by": {"$ne": by},
        }

    async def _change(self, which: Document, fields: Document, session: Any) -> None:
        done = await self._all.find_one_and_update(
            which, {"$set": fields}, session=session, return_document=ReturnDocument.AFTER
        )
        if done is None:
            raise ConcurrentUpdate

    async def entries(self, season_id: SeasonId) -> list[RankedEntry]:
        """The frozen list, after the draw by rank, before it by leaf."""
        with translate_errors():
            rows = self._entries.find({"season": season_id})
            by_rank = rows.sort([("rank", ASCENDING), ("leaf", ASCENDING)])
            return [entry_of(row) for row in await by_rank.to_list(None)]

    async def leaves(self, season_id: SeasonId) -> list[str]:
        """The leaves of the frozen list in ascending order."""
        with translate_errors():
            rows = self._entries.find({"season": season_id}, {"_id": 0, "leaf": 1})
            return [row["leaf"] async for row in rows.sort("leaf", ASCENDING)]

    async def waiting(self, season_id: SeasonId) -> list[int]:
        """The ranks of the applicants for a drawn season who wait, in ascending order."""
        with translate_errors():
            rows = self._applications.find({"season": season_id} | WAITING, {"_id": 0, "rank": 1})
            return [row["rank"] async for row in rows.sort("rank", ASCENDING)]

    # --- news -------------------------------------------------------------------------------------
    async def untold(self, limit: int) -> list[Application]:
        """At most ``limit`` applications with news, the oldest first. Raises: Unavailable."""
        with translate_errors():
            rows = await self._applications.find(NEWS_DUE).sort("news.at").limit(limit).to_list()
        return [application_of(self._salts, row) for row in rows]

    async def note_told(self, applications: Sequence[Application]) -> None:
        """Removes the news of these applications, whose readers have got the messages that begin
        with its id. What was written to readers who were erased meanwhile is erased. Raises:
        Unavailable."""
        ids = [application_id(one.season_id, one.reader_id) for one in applications]
        news = sorted({each.id for one in applications for each in one.news})
        with translate_errors():
            done = await self._applications.update_many(
                {"_id": {"$in": ids}}, {"$pull": {"news": {"id": {"$in": news}}}}
            )
        if done.matched_count < len(ids):
            await erase_late_writes(self._db, news)

    async def forget(self, before: date) -> None:
        """Deletes the seasons that ended before the day, with all of theirs. Raises:
        Unavailable."""
        with translate_errors():
            old = self._all.find({"last": {"$lt": before.isoformat()}}, {"_id": 1})
            for id in [row["_id"] async for row in old]:
                await self._applications.delete_many({"season": id})
                await self._entries.delete_many({"season": id})
                await self._all.delete_one({"_id": id})


async def seasons_changed(db: Database, session: Any) -> None:
    """Lets all workers load anew which seats belong to seasons."""
    await db["versions"].update_one(
        {"_id": "seasons"}, {"$inc": {"number": 1}}, upsert=True, session=session
    )


def told_of(now: datetime, kind: NewsKind = NewsKind.RESULT) -> Document:
    """The update of all applications for which a change is news."""
    return {"$push": {"news": {"id": new_id(), "at": now, "kind": kind.value}}}


def application_id(season_id: str, reader_id: ReaderId) -> str:
    return f"{season_id}:{reader_id}"
