"""Memberships. They stand in the readers' own entries, which each request loads anyway.

Each change is one update of one entry, made by the database out of what stands there at that
moment: what one source has entered is never lost to a change by another.
"""

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
"""Of one reader."""
_STORED: Final = {"$ifNull": ["$memberships", []]}


class MembershipRepository:
    """Writes memberships, and counts them."""

    def __init__(self, db: Database) -> None:
        self._readers = db["readers"]

    async def follow_campus(self, reader_id: ReaderId, now: Sequence[Membership]) -> None:
        """The reader's memberships by the campus are these from now on; others stay."""
        others = _without({"$eq": ["$$m.source", MembershipSource.CAMPUS.value]})
        with translate_errors():
            await self._readers.update_one({"_id": reader_id}, _becomes(others, now))

    async def replace(
        self, reader_id: ReaderId, was: Membership | None, new: Membership | None
    ) -> bool:
        """``new`` stands in the place of ``was``, of the same group and source. False where ``was``
        is not what stands, or the reader has as many as one can have."""
        entry = was or new
        assert entry is not None
        place = {"group": entry.group_id, "source": entry.source.value}
        stands: Document = {"memberships": {"$not": {"$elemMatch": place}}}
        if was is not None:
            days = {key: membership_document(was)[key] for key in ("first", "last")}
            stands = {"memberships": {"$elemMatch": place | days}}
        elif new is not None:
            stands[f"memberships.{MAX_MEMBERSHIPS - 1}"] = {"$exists": False}
        with translate_errors():
            done = await self._readers.update_one(
                {"_id": reader_id, **stands}, _put(entry, [new] if new else [])
            )
        return bool(done.matched_count)

    async def put_all(self, memberships: Iterable[tuple[ReaderId, Membership]]) -> int:
        """Each reader has that membership from now on, in the place of one of the same group and
        source. How many readers' entries have changed."""
        room = {f"memberships.{MAX_MEMBERSHIPS - 1}": {"$exists": False}}
        writes = [UpdateOne({"_id": id, **room}, _put(m, [m])) for id, m in memberships]
        if not writes:
            return 0
        with translate_errors():
            return (await self._readers.bulk_write(writes, ordered=False)).modified_count

    async def count_in(self, group_id: GroupId) -> int:
        """How many readers are entered in the group, those whose time is over among them."""
        with translate_errors():
            return await self._readers.count_documents({"memberships.group": group_id})


def _put(entry: Membership, new: Collection[Membership]) -> list[Document]:
    """The update that leaves ``new`` in the place of the entry's group and source."""
    same_group = {"$eq": ["$$m.group", entry.group_id]}
    same_source = {"$eq": ["$$m.source", entry.source.value]}
    return _becomes(_without({"$and": [same_group, same_source]}), new)


def _without(which: Document) -> Document:
    """The stored memberships but those."""
    return {"$filter": {"input": _STORED, "as": "m", "cond": {"$not": [which]}}}


def _becomes(kept: Document, new: Collection[Membership]) -> list[Document]:
    added: list[Any] = [membership_document(m) for m in new]
    return [{"$set": {"memberships": {"$concatArrays": [kept, {"$literal": added}]}}}]
