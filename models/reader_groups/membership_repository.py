"""Memberships, stored in the readers' documents. Each change is one update computed by the database
from the current document, so concurrent changes by several sources are all kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from pymongo import UpdateOne

from models.kernel.ids import ReaderId
from models.reader_groups.entities import GroupId, Membership, MembershipSource
from models.reader_groups.mapping import membership_document
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors

MAX_MEMBERSHIPS: Final = 40
"""At most this many memberships per reader."""
_STORED: Final = {"$ifNull": ["$memberships", []]}


class MembershipRepository:
    def __init__(self, db: Database) -> None:
        self._readers = db["readers"]

    async def follow_campus(self, reader_id: ReaderId, now: Sequence[Membership]) -> None:
        """Replaces the reader's memberships of the source ``CAMPUS`` by ``now``; others stay."""
        others = _without({"$eq": ["$$m.source", MembershipSource.CAMPUS.value]})
        with translate_errors():
            await self._readers.update_one({"_id": reader_id}, _becomes(others, now))

    async def replace(
        self, reader_id: ReaderId, was: Membership | None, new: Membership | None
    ) -> bool:
        """Replaces the membership ``was`` by ``new``, both of one group and source; None stands
        for no membership. False if the stored membership is not ``was``, or if the reader
        already has ``MAX_MEMBERSHIPS`` and one would be added."""
        entry = was or new
        assert entry is not None
        place = {"group": entry.group_id, "source": entry.source.value}
        condition: Document = {"memberships": {"$not": {"$elemMatch": place}}}
        if was is not None:
            days = {key: membership_document(was)[key] for key in ("first", "last")}
            condition = {"memberships": {"$elemMatch": place | days}}
        elif new is not None:
            condition[f"memberships.{MAX_MEMBERSHIPS - 1}"] = {"$exists": False}
        with translate_errors():
            done = await self._readers.update_one(
                {"_id": reader_id, **condition}, _put(entry, [new] if new else [])
            )
        return bool(done.matched_count)

    async def put_all(self, memberships: Iterable[tuple[ReaderId, Membership]]) -> int:
        """Stores each membership; a stored one of the same reader, group and source is replaced.
        Readers with ``MAX_MEMBERSHIPS`` are left out. Returns the number of readers changed."""
        room = {f"memberships.{MAX_MEMBERSHIPS - 1}": {"$exists": False}}
        writes = [UpdateOne({"_id": id, **room}, _put(m, [m])) for id, m in memberships]
        if not writes:
            return 0
        with translate_errors():
            return (await self._readers.bulk_write(writes, ordered=False)).modified_count

    async def count_in(self, group_id: GroupId) -> int:
        """The number of readers with a membership in the group, expired ones included."""
        with translate_errors():
            return await self._readers.count_documents({"memberships.group": group_id})


def _put(entry: Membership, new: Collection[Membership]) -> list[Document]:
    """A MongoDB update that replaces the memberships of the entry's group and source by ``new``."""
    same_group = {"$eq": ["$$m.group", entry.group_id]}
    same_source = {"$eq": ["$$m.source", entry.source.value]}
    return _becomes(_without({"$and": [same_group, same_source]}), new)


def _without(which: Document) -> Document:
    """The MongoDB expression for a reader's stored memberships except those matching ``which``."""
    return {"$filter": {"input": _STORED, "as": "m", "cond": {"$not": [which]}}}


def _becomes(remaining: Document, new: Collection[Membership]) -> list[Document]:
    added: list[Any] = [membership_document(m) for m in new]
    return [{"$set": {"memberships": {"$concatArrays": [remaining, {"$literal": added}]}}}]
