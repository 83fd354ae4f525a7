"""Staff roles granted in the console. Stored in readers' documents, they apply immediately."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from models.identity.errors import LastAdministrator
from models.identity.roles import GrantId, Role, StaffGrant
from models.kernel.days import days_document, read_days
from models.kernel.ids import ReaderId
from models.library.entities import VenueId
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors
from models.storage.transactions import ConcurrentUpdate, try_transaction


class StaffGrantRepository:
    def __init__(self, db: Database) -> None:
        self._db, self._readers = db, db["readers"]

    async def all(self) -> list[tuple[ReaderId, StaffGrant]]:
        """Every grant with its reader, expired ones included."""
        with translate_errors():
            rows = await self._readers.find(
                {"staff_grants.id": {"$exists": True}}, {"staff_grants": 1}
            ).to_list(None)
        return [
            (ReaderId(row["_id"]), grant)
            for row in rows
            for grant in read_grants(row["staff_grants"])
        ]

    async def give(self, reader_id: ReaderId, grant: StaffGrant) -> bool:
        """Adds a grant; False if the reader does not exist."""
        with translate_errors():
            done = await self._readers.update_one(
                {"_id": reader_id}, {"$push": {"staff_grants": _document(grant)}}
            )
        return bool(done.matched_count)

    async def take_back(
        self, reader_id: ReaderId, grant_id: GrantId, today: date, *, others: bool
    ) -> bool:
        """Takes back a grant; False if the reader has no such grant. ``others``: True if the
        settings name administrators, so that the last granted administrator may be removed.
        Raises: LastAdministrator if the library would be left without an administrator.
        Concurrent calls conflict on a counter: the second call sees the first call's result."""

        async def work(session: Any) -> None:
            await self._db["versions"].update_one(
                {"_id": "staff_grants"}, {"$inc": {"number": 1}}, upsert=True, session=session
            )
            result = await self._readers.update_one(
                {"_id": reader_id, "staff_grants.id": grant_id},
                {"$pull": {"staff_grants": {"id": grant_id}}},
                session=session,
            )
            if not result.matched_count:
                raise ConcurrentUpdate
            if not others and not await self._administrators(today, session):
                raise LastAdministrator()

        return await try_transaction(self._db, work)

    async def _administrators(self, today: date, session: Any) -> int:
        """The number of readers who by their grants administer the whole library on ``today``."""
        day = today.isoformat()
        usable: Document = {
            "role": Role.ADMINISTRATOR.value,
            "venues": [],
            "first": {"$not": {"$gt": day}},
            "last": {"$not": {"$lt": day}},
        }
        return await self._readers.count_documents(
            {"staff_grants": {"$elemMatch": usable}}, session=session
        )


def _document(g: StaffGrant) -> Document:
    return {
        "id": g.id,
        "role": g.role.value,
        "venues": sorted(g.venues),
        **days_document(g.first, g.last),
        "by": g.by,
        "at": g.at,
    }


def read_grants(rows: Sequence[Document] | None) -> tuple[StaffGrant, ...]:
    return tuple(_grant(row) for row in rows) if rows else ()


def _grant(d: Document) -> StaffGrant:
    return StaffGrant(
        GrantId(d["id"]),
        Role(d["role"]),
        frozenset(VenueId(venue) for venue in d["venues"]),
        *read_days(d),
        ReaderId(d["by"]) if d["by"] else None,
        d["at"],
    )
