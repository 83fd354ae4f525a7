"""Stores who holds what of a drawn season, and which of the holders' days are written.

Each change of a holder and each day is a step of a transaction that writes the season, whose filter
has the number of changes so far: two changes never cross, and a day is never written for somebody
who holds nothing any more.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from pymongo import ASCENDING

from models.kernel.ids import ReaderId
from models.seasons.calculation import ANY
from models.seasons.entities import (
    Application,
    LossReason,
    NewsKind,
    Season,
    SeasonState,
)
from models.seasons.errors import NothingHeld
from models.seasons.holder_events import holder_event
from models.seasons.mapping import application_of, season_of
from models.seasons.repository import WAITING, application_id, seasons_changed, told_of
from models.storage.encryption import FieldCipher
from models.storage.event_outbox import put_event
from models.storage.free_text import FreeTexts
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors
from models.storage.transactions import ConcurrentUpdate, InTransaction, run_transaction
from models.webhooks.entities import WebhookEventType

_HOLDS: Final[Document] = {"thing": {"$type": "string"}}


class HolderRepository:
    def __init__(self, db: Database, cipher: FieldCipher) -> None:
        self._db, self._all = db, db["seasons"]
        self._applications = db["season_applications"]
        self._texts = FreeTexts("seasons", cipher)
        self._salts = FreeTexts("season_applications", cipher)

    async def drawn(self, last: date) -> list[Season]:
        """The drawn seasons whose last day is ``last`` or later. Raises: Unavailable."""
        which: Document = {"state": SeasonState.DRAWN.value, "last": {"$gte": last.isoformat()}}
        with translate_errors():
            rows = await self._all.find(which).to_list(None)
        return [season_of(self._texts, row) for row in rows]

    async def holders(self, season: Season) -> list[Application]:
        """The applications whose readers hold something of the season, by rank. Raises:
        Unavailable."""
        return await self._by_rank(season, _HOLDS)

    async def holder_of(self, season: Season, thing: str) -> Application | None:
        """The application whose reader holds this of the season. Raises: Unavailable."""
        return next(iter(await self._by_rank(season, {"thing": thing})), None)

    async def askers(self, season: Season, thing: str) -> list[Application]:
        """The applications whose readers ask the holder of ``thing`` to swap, by rank. Raises:
        Unavailable."""
        return await self._by_rank(season, {"swap": thing} | _HOLDS)

    async def waiting(self, season: Season) -> list[Application]:
        """The applications whose readers wait, by rank. Raises: Unavailable."""
        return await self._by_rank(season, WAITING)

    async def _by_rank(self, season: Season, which: Document) -> list[Application]:
        with translate_errors():
            rows = self._applications.find({"season": season.id} | which)
            by_rank = await rows.sort("rank", ASCENDING).to_list(None)
        return [application_of(self._salts, row) for row in by_rank]

    # --- days -------------------------------------------------------------------------------------
    def note_written(self, season: Season, day: date) -> InTransaction:
        """The step after which the holders' days up to ``day`` are written: the season's other
        seats can be booked by anybody. It raises ConcurrentUpdate if a holder has changed since the
        season was read, or another worker has written the day."""

        async def note(session: Any) -> None:
            await self._change(season, {"$set": {"written": day.isoformat()}}, session)
            await seasons_changed(self._db, session)

        return note

    # --- changes of holders -----------------------------------------------------------------------
    def release(
        self,
        season: Season,
        holder: Application,
        reason: LossReason,
        now: datetime,
        *,
        passed_on: bool,
    ) -> InTransaction:
        """The step that ends what the reader holds. If it is ``passed_on``, the next in rank who
        wished for it gets it: their first day is the first one that is not written yet. It raises
        ConcurrentUpdate if a holder has changed or a day was written since the season was read;
        NothingHeld."""

        async def end(session: Any) -> None:
            await self._change(season, {"$inc": {"changes": 1}}, session)
            await self._end(season, holder, reason, now, session)
            if passed_on:
                await self._pass_on(season, holder.thing or "", now, session)

        return end

    async def _end(
        self, season: Season, holder: Application, reason: LossReason, now: datetime, session: Any
    ) -> None:
        thing = holder.thing or ""
        lost: Document = {"thing": thing, "at": now, "reason": reason.value}
        tells = reason in (LossReason.UNUSED, LossReason.TAKEN_BACK)
        news = told_of(now, NewsKind.LOST) if tells else {}
        nothing: Document = {"thing": None, "swap": None, "warned": 0, "lost": lost}
        await self._update(season, holder, {"$set": nothing} | news, session)
        released = WebhookEventType.SEASON_RELEASED
        await self._tell(season, thing, holder.reader_id, released, now, session)

    async def _pass_on(self, season: Season, thing: str, now: datetime, session: Any) -> None:
        wishing: Document = {"season": season.id, "wishes": {"$in": [thing, ANY]}, **WAITING}
        update = {"$set": {"thing": thing}} | told_of(now, NewsKind.GOT)
        following = await self._applications.find_one_and_update(
            wishing, update, sort=[("rank", ASCENDING)], session=session
        )
        if following is not None:
            reader_id, held = ReaderId(following["reader"]), WebhookEventType.SEASON_HELD
            await self._tell(season, thing, reader_id, held, now, session)

    async def give(self, season: Season, waiting: Application, thing: str, now: datetime) -> None:
        """Gives the thing, which is free, to a reader who waits. Raises: ConcurrentUpdate if a
        holder has changed since the season was read; NothingHeld; Unavailable."""

        async def give(session: Any) -> None:
            await self._change(season, {"$inc": {"changes": 1}}, session)
            held = {"$set": {"thing": thing}} | told_of(now, NewsKind.GOT)
            await self._update(season, waiting, held, session)
            kind = WebhookEventType.SEASON_HELD
            await self._tell(season, thing, waiting.reader_id, kind, now, session)

        with translate_errors():
            await run_transaction(self._db, give)

    async def warn(
        self, season: Season, holder: Application, days: int, kind: NewsKind | None, now: datetime
    ) -> None:
        """Notes the number of days about which the holder is warned, which ``kind`` tells them.
        Raises: Unavailable."""
        news = told_of(now, kind) if kind is not None else {}
        with translate_errors():
            await self._applications.update_one(
                {
                    "_id": application_id(season.id, holder.reader_id),
                    "thing": holder.thing,
                    "warned": holder.warned or {"$in": [0, None]},
                },
                {"$set": {"warned": days}} | news,
            )

    async def ask_to_swap(
        self, season: Season, holder: Application, other: Application, now: datetime
    ) -> None:
        """Notes that the holder asks the other one to swap. Raises: ConcurrentUpdate, NothingHeld
        if either holds something else by now; Unavailable."""

        async def ask(session: Any) -> None:
            await self._change(season, {"$inc": {"changes": 1}}, session)
            await self._update(season, holder, {"$set": {"swap": other.thing}}, session)
            await self._update(season, other, told_of(now, NewsKind.SWAP_ASKED), session)

        with translate_errors():
            await run_transaction(self._db, ask)

    async def withdraw_swap(self, season: Season, holder: Application) -> None:
        """Notes that the holder does not ask to swap any more. Raises: Unavailable."""
        own = {"_id": application_id(season.id, holder.reader_id)}
        with translate_errors():
            await self._applications.update_one(own, {"$set": {"swap": None}})

    async def swap(
        self, season: Season, holder: Application, asker: Application, now: datetime
    ) -> None:
        """Swaps what the two hold, from the first day on that is not written yet. Raises:
        ConcurrentUpdate if a holder has changed since the season was read; NothingHeld;
        Unavailable."""
        pairs = ((holder, asker), (asker, holder))

        async def swap(session: Any) -> None:
            await self._change(season, {"$inc": {"changes": 1}}, session)
            # Both let go before either takes: the unique index has each thing once.
            for one, _ in pairs:
                await self._update(season, one, {"$set": {"thing": None, "swap": None}}, session)
            for one, other in pairs:
                await self._applications.update_one(
                    {"_id": application_id(season.id, one.reader_id)},
                    {"$set": {"thing": other.thing}} | told_of(now, NewsKind.SWAPPED),
                    session=session,
                )
                released, held = WebhookEventType.SEASON_RELEASED, WebhookEventType.SEASON_HELD
                await self._tell(season, one.thing, one.reader_id, released, now, session)
                await self._tell(season, other.thing, one.reader_id, held, now, session)

        with translate_errors():
            await run_transaction(self._db, swap)

    async def _update(
        self, season: Season, holder: Application, update: Document, session: Any
    ) -> None:
        """Updates the application if it is as it was read. Raises: NothingHeld."""
        as_read = {"thing": holder.thing, "swap": holder.swap}
        done = await self._applications.update_one(
            {"_id": application_id(season.id, holder.reader_id), **as_read},
            update,
            session=session,
        )
        if not done.matched_count:
            raise NothingHeld()

    async def _change(self, season: Season, update: Document, session: Any) -> None:
        """Changes the season if it is as it was read. Raises: ConcurrentUpdate."""
        as_read: Document = {
            "_id": season.id,
            "state": SeasonState.DRAWN.value,
            "changes": season.changes,
            "written": season.written.isoformat(),
        }
        done = await self._all.update_one(as_read, update, session=session)
        if not done.matched_count:
            raise ConcurrentUpdate

    async def _tell(
        self,
        season: Season,
        thing: str | None,
        reader_id: ReaderId,
        kind: WebhookEventType,
        now: datetime,
        session: Any,
    ) -> None:
        event = holder_event(season, thing or "", reader_id, kind, now)
        await put_event(self._db, event, session)
