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
from models.storage.installation import ABOUT, CLOCKS_JUMP, FORM, known_fields
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors
from models.storage.transactions import ConcurrentUpdate, try_transaction

_PROFILE: Final = "profile"
_SETUP: Final = "setup"


class ProfileRepository:
    """Stores the profile and the first run's progress, and increments the library's version."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._all = db["profile"]

    async def load(self) -> LibraryProfile | None:
        """The library's profile; None if none was ever saved."""
        with translate_errors():
            document = await self._all.find_one({"_id": _PROFILE})
        with known_fields(self._db, "the library's profile"):
            return _profile(document) if document else None

    async def save(self, profile: LibraryProfile) -> bool:
        """Replaces the stored profile if its ``rev`` is one less than the new one's; False if
        the profile was changed meanwhile. Raises: ZoneFixed if the time zone would change and
        there is an area or a reservation. Changes of areas increment the library's version in
        their transactions, too, so of a simultaneous new zone and first area only one succeeds."""

        async def work(session: Any) -> None:
            await put_profile(self._db, profile, session)

        return await try_transaction(self._db, work)

    async def add_missing(self, profile: LibraryProfile) -> None:
        """Saves the profile if none is stored. Only the console can change a stored profile."""
        await self.save(replace(profile, rev=1))

    async def setup(self) -> SetupProgress:
        with translate_errors():
            document = await self._all.find_one({"_id": _SETUP})
        if document is None:
            return SetupProgress()
        marks = {SetupStep(step): StepMark(mark) for step, mark in document["marks"].items()}
        return SetupProgress(marks, document["finished"], document["rev"])

    async def save_setup(self, progress: SetupProgress) -> bool:
        """Replaces the first run's stored progress if its ``rev`` is one less than the new
        one's, else returns False. Increments the library's version, so that workers reload."""
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
    """Writes the profile in the transaction ``session``. Raises: ConcurrentUpdate or
    DuplicateKeyError if another change came first; ZoneFixed."""
    stored = await db["profile"].find_one({"_id": _PROFILE}, {"zone": 1}, session=session)
    zone = stored["zone"] if stored else DEFAULT_ZONE
    if profile.zone != zone:
        for name in ("areas", "reservations"):
            if await db[name].find_one({}, {"_id": 1}, session=session) is not None:
                raise ZoneFixed(zone=zone)
        # Before the migration's turn: the first release would open it with one offset for ever.
        version = {"$max": {"version": CLOCKS_JUMP}}
        await db[ABOUT].update_one({"_id": FORM}, version, upsert=True, session=session)
    document: Document = {"_id": _PROFILE, **asdict(profile), "contact": list(profile.contact)}
    await _put(db, document, session)


async def _put(db: Database, document: Document, session: Any) -> None:
    """Replaces the stored document if its ``rev`` is one less than the new one's; with ``rev`` 1
    inserts it. Raises: ConcurrentUpdate or DuplicateKeyError if another change came first."""
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
