"""Roles that were given in the console. They stand in the readers' own entries, which each request
loads anyway: a change counts at once."""

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
    """Gives roles and takes them back."""

    def __init__(self, db: Database) -> None:
        self._db, self._readers = db, db["readers"]

    async def all(self) -> list[tuple[ReaderId, StaffGrant]]:
        """Every grant with whose it is, those whose time is over among them."""
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
        """False where there is no such reader."""
        with translate_errors():
            done = await self._readers.update_one(
                {"_id": reader_id}, {"$push": {"staff_grants": _document(grant)}}
            )
        return bool(done.matched_count)

    async def take_back(
        self, reader_id: ReaderId, grant_id: GrantId, today: date, *, others: bool
    ) -> bool:
        """False where somebody else has taken it back already. ``others``: there are administrators
        whom the settings name.

        Raises: LastAdministrator where nobody would be one of the whole library any more. Two that
        take back each other's meet in one counter: the second sees what the first has left.
        """

        async def work(session: Any) -> None:
            await self._db["versions"].update_one(
                {"_id": "staff_grants"}, {"$inc": {"number": 1}}, upsert=True, session=session
            )
            gone = await self._readers.update_one(
                {"_id": reader_id, "staff_grants.id": grant_id},
                {"$pull": {"staff_grants": {"id": grant_id}}},
                session=session,
            )
            if not gone.matched_count:
                raise ConcurrentUpdate
            if not others and not await self._administrators(today, session):
                raise LastAdministrator()

        return await try_transaction(self._db, work)

    async def _administrators(self, today: date, session: Any) -> int:
        """How many have that role in the whole library on that day."""
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
    """What a reader's entry holds; hardly anybody has any."""
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
