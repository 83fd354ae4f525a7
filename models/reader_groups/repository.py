"""Reader groups as they are stored. There are few: each worker keeps them all."""

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
    """Groups with a number that grows with every change of any."""

    def __init__(self, db: Database) -> None:
        self._db, self._all = db, db["reader_groups"]

    async def add(self, group: ReaderGroup) -> bool:
        """False where a group has that name, or is the default one already."""

        async def work(session: Any) -> None:
            await self._all.insert_one(group_document(group), session=session)
            await self._count_up(session, group)

        return await try_transaction(self._db, work)

    async def get(self, id: GroupId) -> ReaderGroup | None:
        with translate_errors():
            found = await self._all.find_one({"_id": id})
        return read_group(found) if found else None

    async def replace(self, group: ReaderGroup) -> bool:
        """Write it over the one that it was made from, whose ``rev`` is one less. False where
        somebody else has changed that one since, or another group has the name."""

        async def work(session: Any) -> None:
            done = await self._all.replace_one(
                {"_id": group.id, "rev": group.rev - 1}, group_document(group), session=session
            )
            if not done.matched_count:
                raise ConcurrentUpdate
            await self._count_up(session, group)

        return await try_transaction(self._db, work)

    async def delete(self, group: ReaderGroup) -> bool:
        """The group is gone, with all memberships in it. False where somebody else has changed it
        since."""

        async def work(session: Any) -> None:
            gone = await self._all.delete_one({"_id": group.id, "rev": group.rev}, session=session)
            if not gone.deleted_count:
                raise ConcurrentUpdate
            await self._count_up(session)

        if not await try_transaction(self._db, work):
            return False
        # Whoever is still entered in it is in no group all the same: its id is never used again.
        with translate_errors():
            await self._db["readers"].update_many(
                {"memberships.group": group.id},
                {"$pull": {"memberships": {"group": group.id}}},
            )
        return True

    async def replace_all(self, groups: Sequence[ReaderGroup], session: Any) -> None:
        """Let these be all groups, within the transaction of ``session``. Those of a known id keep
        their members."""
        revs = {row["_id"]: row["rev"] async for row in self._all.find(session=session)}
        # First all go: one may have another's name.
        await self._all.delete_many({}, session=session)
        for group in groups:
            document = group_document(replace(group, rev=revs.get(group.id, -1) + 1))
            await self._all.insert_one(document, session=session)
            await self._count_up(session, group)
        await self._count_up(session)

    async def _count_up(self, session: Any, group: ReaderGroup | None = None) -> None:
        """Let every worker load them anew; and keep how far ahead any group could ever book."""
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
