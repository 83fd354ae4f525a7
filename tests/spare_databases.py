"""Databases that a test leaves to later ones."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from models.storage.mongo import Database, Document


@dataclass(frozen=True, slots=True)
class SpareDatabase:
    """A database left by a test, in the state of a new installation: with all indexes, and in a
    sandbox with the demo library. Making those takes longer than most tests."""

    name: str
    documents: dict[str, list[Document]]
    """By collection, of those that have any."""
    digests: dict[str, str]
    """By collection, as MongoDB makes them."""


SPARES: Final[defaultdict[tuple[str, str, bool], list[SpareDatabase]]] = defaultdict(list)
"""By server, keys of encryption, and whether it is a sandbox's."""


async def _digests(db: Database) -> dict[str, str]:
    return dict((await db.command({"dbHash": 1}))["collections"])


async def as_it_is(db: Database) -> SpareDatabase:
    digests = await _digests(db)
    documents = {name: await db[name].find().to_list(None) for name in digests}
    return SpareDatabase(db.name, {name: rows for name, rows in documents.items() if rows}, digests)


async def restore(db: Database, spare: SpareDatabase) -> None:
    """Undoes the test's changes and drops the collections that it added."""
    for name, digest in (await _digests(db)).items():
        if name not in spare.digests:
            await db.drop_collection(name)
        elif digest != spare.digests[name]:
            await db[name].delete_many({})
            if rows := spare.documents.get(name):
                await db[name].insert_many(rows)
