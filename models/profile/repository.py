"""The library's profile and the progress of its first run: one document each."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any, Final

from models.library.repository import count_up
from models.profile.entities import (
    DEFAULT_ZONE,
    LibraryProfile,
    SetupProgress,
    SetupStep,
    StepMark,
)
from models.profile.errors import ZoneFixed
from models.storage.installation import known_fields
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors
from models.storage.transactions import ConcurrentUpdate, try_transaction

_PROFILE: Final = "profile"
_SETUP: Final = "setup"


class ProfileRepository:
    """Written by the console, the import and the seed; workers read it when the library's number
    has grown."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._all = db["profile"]

    async def load(self) -> LibraryProfile | None:
        """The profile; None where none has been saved."""
        with translate_errors():
            found = await self._all.find_one({"_id": _PROFILE})
        with known_fields(self._db, "the library's profile"):
            return _profile(found) if found else None

    async def save(self, profile: LibraryProfile) -> bool:
        """Write it over the one that it was made from, whose ``rev`` is one less. False where
        somebody else has changed that one since.

        Raises: ZoneFixed for another zone where there is an area or a reservation. Whoever writes
            an area counts the library up as well, so of the two one comes second and sees the
            other.
        """

        async def work(session: Any) -> None:
            await put_profile(self._db, profile, session)

        return await try_transaction(self._db, work)

    async def add_missing(self, profile: LibraryProfile) -> None:
        """Save the first one; what is there is the console's to change."""
        await self.save(replace(profile, rev=1))

    async def setup(self) -> SetupProgress:
        """How far the first run has come."""
        with translate_errors():
            found = await self._all.find_one({"_id": _SETUP})
        if found is None:
            return SetupProgress()
        marks = {SetupStep(step): StepMark(mark) for step, mark in found["marks"].items()}
        return SetupProgress(marks, found["finished"], found["rev"])

    async def save_setup(self, progress: SetupProgress) -> bool:
        """As ``save``; it counts the library up too, so that all workers learn of it."""
        document: Document = {
            "_id": _SETUP,
            "marks": {step.value: mark.value for step, mark in progress.marks.items()},
            "finished": progress.finished,
            "rev": progress.rev,
        }

        async def work(session: Any) -> None:
            await _put(self._db, document, session)

        return await try_transaction(self._db, work)


async def put_profile(db: Database, profile: LibraryProfile, session: Any) -> None:
    """Write the profile in the transaction. Raises: ConcurrentUpdate, DuplicateKeyError where
    somebody else was first; ZoneFixed."""
    stored = await db["profile"].find_one({"_id": _PROFILE}, {"zone": 1}, session=session)
    zone = stored["zone"] if stored else DEFAULT_ZONE
    if profile.zone != zone:
        for name in ("areas", "reservations"):
            if await db[name].find_one({}, {"_id": 1}, session=session) is not None:
                raise ZoneFixed(zone=zone)
    document: Document = {"_id": _PROFILE, **asdict(profile), "contact": list(profile.contact)}
    await _put(db, document, session)


async def _put(db: Database, document: Document, session: Any) -> None:
    """Write the document over the one whose ``rev`` is one less. Raises: ConcurrentUpdate,
    DuplicateKeyError."""
    if document["rev"] == 1:
        await db["profile"].insert_one(document, session=session)
    else:
        before = {"_id": document["_id"], "rev": document["rev"] - 1}
        result = await db["profile"].replace_one(before, document, session=session)
        if not result.matched_count:
            raise ConcurrentUpdate
    await count_up(db, session)


def _profile(d: Document) -> LibraryProfile:
    values = {name: value for name, value in d.items() if name != "_id"}
    return LibraryProfile(**{**values, "contact": tuple(values["contact"])})
