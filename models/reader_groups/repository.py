from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from pymongo import ASCENDING, IndexModel

from models.reader_groups.entities import GroupId, ReaderGroup, ReaderGroups
from models.reader_groups.mapping import group_document, read_group
from models.storage.mongo import Database
from models.storage.mongo_errors import translate_errors
from models.storage.transactions import ConcurrentUpdate, try_transaction

INDEXES: Final = {
    "reader_groups": [
        IndexModel([("name", ASCENDING)], name="name", unique=True),
        IndexModel(
            [("default", ASCENDING)],
            name="default",
            unique=True,
            partialFilterExpression={"default": True},
        ),
    ]
}
MAX_GROUPS: Final = 50


class ReaderGroupRepository:
    def __init__(self, db: Database) -> None:
        self._db, self._all = db, db["reader_groups"]

    async def add(self, group: ReaderGroup) -> bool:
        """Adds a group; False if its name is taken, or if it would be a second default group."""

        async def work(session: Any) -> None:
            await self._all.insert_one(group_document(group), session=session)
            await self._count_up(session, group)

        return await try_transaction(self._db, work)

    async def get(self, id: GroupId) -> ReaderGroup | None:
        with translate_errors():
            document = await self._all.find_one({"_id": id})
        return read_group(document) if document else None

    async def replace(self, group: ReaderGroup) -> bool:
        """Replaces the stored group if its ``rev`` is one less than the new one's. False if the
        group was changed in the meantime, or the name is taken."""

        async def work(session: Any) -> None:
            done = await self._all.replace_one(
                {"_id": group.id, "rev": group.rev - 1}, group_document(group), session=session
            )
            if not done.matched_count:
                raise ConcurrentUpdate
            await self._count_up(session, group)

        return await try_transaction(self._db, work)

    async def delete(self, group: ReaderGroup) -> bool:
        """Deletes the group and its memberships; False if the group was changed meanwhile."""

        async def work(session: Any) -> None:
            deleted = await self._all.delete_one(
                {"_id": group.id, "rev": group.rev}, session=session
            )
            if not deleted.deleted_count:
                raise ConcurrentUpdate
            await self._count_up(session)

        if not await try_transaction(self._db, work):
            return False
        # A failure below leaves memberships without effect: the id is never used again.
        with translate_errors():
            await self._db["readers"].update_many(
                {"memberships.group": group.id},
                {"$pull": {"memberships": {"group": group.id}}},
            )
        return True

    async def replace_all(self, groups: Sequence[ReaderGroup], session: Any) -> None:
        """Replaces all groups in transaction ``session``. Groups that stay keep their members."""
        revs = {row["_id"]: row["rev"] async for row in self._all.find(session=session)}
        # Delete all first: a new group may have the name of an old one.
        await self._all.delete_many({}, session=session)
        for group in groups:
            document = group_document(replace(group, rev=revs.get(group.id, -1) + 1))
            await self._all.insert_one(document, session=session)
            await self._count_up(session, group)
        await self._count_up(session)

    async def _count_up(self, session: Any, group: ReaderGroup | None = None) -> None:
        """Increments the groups' version, so that workers load them again, and records the
        longest booking window that any group has had."""
        window = group.limits.booking_window_days if group is not None else None
        change = {"$inc": {"number": 1}, "$max": {"farthest": window or 0}}
        await self._db["versions"].update_one(
            {"_id": "reader_groups"}, change, upsert=True, session=session
        )

    async def all(self) -> ReaderGroups:
        with translate_errors():
            rows = await self._all.find().sort("name").to_list(None)
        groups = [read_group(row) for row in rows]
        return ReaderGroups({group.id: group for group in groups})
