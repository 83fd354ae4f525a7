"""What a database says about itself, and whether this service may open it.

The collection ``installation`` holds a document for each: ``mode`` (a sandbox's database or a
production one; ``pages_at``, the address that it served last), ``keys`` (check values of the data
keys that seal it), ``restoring`` (a restore has begun and not ended) and ``schema`` (the number of
the last migration that was made).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from pymongo.errors import DuplicateKeyError

from models.storage.encryption import DecryptionError, FieldCipher
from models.storage.mongo import Database, Document, insert, ping
from models.storage.mongo_errors import translate_errors

ABOUT: Final = "installation"
"""The collection."""
MODE, KEYS, RESTORING, FORM = "mode", "keys", "restoring", "schema"
FIRST_SCHEMA: Final = 3
"""The form of the first release, which has no mark. 1 and 2 were made before it, under names that
are no more."""
SCHEMA: Final = FIRST_SCHEMA
"""The form that this version writes: the number of its last migration."""
_BEFORE_RELEASE: Final = "schema"
"""The collection in which databases of before the first release keep their marks."""
_SANDBOX_ONLY: Final = "sandbox_"
"""Collections that only a sandbox writes begin so."""
_CHECKED: Final = "a value that everybody knows"
_SEALED: Final = (("readers", "no", "student_no"), ("kiosks", "secret", "kiosk"))
"""Collection, field and purpose of values by which keys are tried where no check value is kept."""


class Mode(StrEnum):
    """What a service and its database are for. Neither opens the other's."""

    PRODUCTION = "production"
    SANDBOX = "sandbox"
    """Everything in it is invented, and anybody may sign in as anybody."""


class DatabaseRefused(Exception):
    """This service must not open the database: where, why, and what to do, in one line."""


@dataclass(slots=True)
class About:
    """The facts of one database, or of a backup's file. ``place`` names it.

    ``written`` are the collections that hold something; ``sealed`` has for a collection and a
    version of a data key one value that is sealed with it, and its purpose.
    """

    place: str
    documents: dict[str, Document] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)
    sealed: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def take(self, name: str, document: Document) -> None:
        """Note what a document of the collection ``name`` tells."""
        self.written.add(name)
        if name == ABOUT:
            self.documents[document["_id"]] = document
        for collection, value, purpose in _SEALED:
            if name == collection and isinstance(document.get(value), str):
                version = document[value].partition(":")[0]
                self.sealed[name, version] = document[value], purpose

    @property
    def mode(self) -> Mode | None:
        """Its mark; without one, what its contents show; None for an empty one. Raises:
        DatabaseRefused for a mark that this version does not know."""
        if MODE in self.documents:
            mode = self.documents[MODE]["mode"]
            try:
                return Mode(mode)
            except ValueError:
                raise newer(self.place, f"its mode is {mode}") from None
        if any(name.startswith(_SANDBOX_ONLY) for name in self.written):
            return Mode.SANDBOX
        return Mode.PRODUCTION if self.written - {ABOUT} else None

    @property
    def pages_at(self) -> str:
        """The address of the pages that a service on it had last, as far as it is known."""
        return str((self.documents.get(MODE) or {}).get("pages_at") or "")

    @property
    def checks(self) -> Mapping[str, str]:
        """Version of a data key → its check value."""
        found = self.documents.get(KEYS) or {}
        return dict(found.get("checks") or {})

    def refuse(self, mode: Mode, sealer: FieldCipher) -> None:
        """Raises: DatabaseRefused, where a service of this mode with these keys must stay out."""
        self.refuse_half()
        self.refuse_before_release()
        self._refuse_newer_schema()
        self.refuse_other_mode(mode)
        self._refuse_other_keys(sealer)

    def refuse_other_mode(self, mode: Mode) -> None:
        """Raises: DatabaseRefused."""
        if self.mode is Mode.SANDBOX and mode is not Mode.SANDBOX:
            unmarked = MODE not in self.documents
            raise DatabaseRefused(
                f"{self.place} is a sandbox's: take another MONGO_DATABASE, or SANDBOX=1 to try"
                + (", or drop its sandbox_* collections if its data are real" if unmarked else "")
            )
        if self.mode is Mode.PRODUCTION and mode is not Mode.PRODUCTION:
            raise DatabaseRefused(
                f"{self.place} is a production database, and SANDBOX=1 lets anybody in as anybody: "
                "take another MONGO_DATABASE for the sandbox, or unset SANDBOX"
            )

    def refuse_half(self) -> None:
        """Raises: DatabaseRefused."""
        if mark := self.documents.get(RESTORING):
            raise DatabaseRefused(
                f"{self.place} holds a part of {mark['file']}: its restore, begun "
                f"{mark['began_at']:%Y-%m-%d %H:%M} UTC, has not ended. Wait for it, or if it was "
                f"broken off: restore --over {mark['file']}"
            )

    def refuse_before_release(self) -> None:
        """Raises: DatabaseRefused."""
        if _BEFORE_RELEASE in self.written:
            raise DatabaseRefused(
                f"{self.place} is of before the first release, whose names are no more: take "
                "another MONGO_DATABASE"
            )

    def _refuse_newer_schema(self) -> None:
        form = int((self.documents.get(FORM) or {}).get("version", FIRST_SCHEMA))
        if form > SCHEMA:
            raise newer(self.place, f"its schema is {form}, this one knows {SCHEMA}")

    def _refuse_other_keys(self, sealer: FieldCipher) -> None:
        own = _checks(sealer)
        for version, check in self.checks.items():
            if version not in own:
                raise DatabaseRefused(
                    f"{self.place} was sealed with data key {version}, which ENCRYPTION_KEYS "
                    "lacks: put it back (rotate-keys, run with both, makes an old key unnecessary)"
                )
            if check != own[version]:
                raise DatabaseRefused(_OTHER_KEY.format(place=self.place, version=version))
        if not self.checks:
            self._try_sealed(sealer)

    def _try_sealed(self, sealer: FieldCipher) -> None:
        for value, purpose in self.sealed.values():
            try:
                sealer.decrypt(value, purpose)
            except (DecryptionError, ValueError) as error:
                version = value.partition(":")[0]
                raise DatabaseRefused(
                    _OTHER_KEY.format(place=self.place, version=version)
                ) from error


_OTHER_KEY: Final = (
    "{place} was sealed with another data key {version} than the one in ENCRYPTION_KEYS: set "
    "ENCRYPTION_KEYS to the keys that belong to this database"
)


def newer(place: str, why: str) -> DatabaseRefused:
    """The refusal of what a version after this one has written."""
    return DatabaseRefused(
        f"{place} was written by a newer version ({why}): install that version again, or restore "
        "the backup from before the upgrade"
    )


def place_of(db: Database) -> str:
    """The database with its hosts, as a refusal names it."""
    hosts = ",".join(f"{host}:{port}" for host, port in sorted(db.client.nodes))
    return f"MongoDB {hosts or '(not connected)'}, database {db.name}"


def _checks(sealer: FieldCipher) -> dict[str, str]:
    pairs = (check.split(":", 1) for check in sealer.hashes(_CHECKED, "key check"))
    return {version: check for version, check in pairs}


async def look(db: Database) -> About:
    """What the database says of itself. Raises: Unavailable."""
    await ping(db)
    about = About(place_of(db))
    with translate_errors():
        about.documents = {row["_id"]: row for row in await db[ABOUT].find({}).to_list(None)}
        if MODE not in about.documents:
            for name in await db.list_collection_names():
                if name.startswith(
                    "system."
                ):  # MongoDB's own (profiler, views): not for us to read
                    continue
                if await db[name].find_one({}, {"_id": 1}) is not None:
                    about.written.add(name)
    return about


async def check(db: Database, mode: Mode, sealer: FieldCipher) -> About:
    """As ``look``, for a service of this mode with these keys; nothing is written.

    Raises: DatabaseRefused, Unavailable.
    """
    about = await look(db)
    if not about.checks:
        await _add_sealed(db, about, sealer)
    about.refuse(mode, sealer)
    return about


async def admit_database(db: Database, mode: Mode, sealer: FieldCipher) -> None:
    """Let the service in, or refuse. At the first start the database gets its marks.

    Several that start at once agree: the first mark stands, and those that differ are refused.

    Raises: DatabaseRefused, Unavailable.
    """
    while True:
        about = await check(db, mode, sealer)
        # The mode first: only who is of it may say which keys are right.
        if MODE not in about.documents:
            await _keep_mode(db, mode)
        elif str(sealer.current) not in about.checks:
            await _keep_checks(db, about, sealer)
        else:
            return


async def note_address(db: Database, pages_at: str) -> str:
    """Keep the address of this service's pages. Returns the one that stood, where it was another:
    the service has moved, or two installations are on one database. Raises: Unavailable."""
    with translate_errors():
        before = await db[ABOUT].find_one_and_update(
            {"_id": MODE, "pages_at": {"$ne": pages_at}}, {"$set": {"pages_at": pages_at}}
        )
    return str((before or {}).get("pages_at") or "")


async def _keep_mode(db: Database, mode: Mode) -> None:
    mark: Document = {"_id": MODE, "mode": mode.value}
    with translate_errors(), suppress(DuplicateKeyError):
        await insert(db[ABOUT], mark)


async def _add_sealed(db: Database, about: About, sealer: FieldCipher) -> None:
    """Of each collection a value under each live key, and one under any other, where there is."""
    own = [f"^{version}:" for version in _checks(sealer)]
    patterns: list[Any] = [*({"$regex": one} for one in own)]
    patterns.append({"$type": "string", "$not": {"$regex": "|".join(own)}})
    with translate_errors():
        for name, value, _ in _SEALED:
            for pattern in patterns:
                row = await db[name].find_one({value: pattern}, {value: 1})
                if row is not None:
                    about.take(name, row)


async def _keep_checks(db: Database, about: About, sealer: FieldCipher) -> None:
    """The check value of the current key; at the first start of all, for nobody knows which of them
    have sealed something. Somebody else's is not written over."""
    own: Document = {"checks": _checks(sealer)}
    fresh = "checks"
    if about.checks:
        fresh = f"checks.{sealer.current}"
        own = {fresh: own["checks"][str(sealer.current)]}
    with translate_errors(), suppress(DuplicateKeyError):
        await db[ABOUT].update_one(
            {"_id": KEYS, fresh: {"$exists": False}}, {"$set": own}, upsert=True
        )


async def forget_old_keys(db: Database, sealer: FieldCipher) -> None:
    """Everything is sealed with the current key now: those before it may go. Raises:
    Unavailable."""
    current = str(sealer.current)
    own: Document = {"checks": {current: _checks(sealer)[current]}}
    with translate_errors():
        await db[ABOUT].update_one({"_id": KEYS}, {"$set": own}, upsert=True)


@contextmanager
def known_fields(db: Database, what: str) -> Iterator[None]:
    """For making an object of a stored document: fields that this version does not know were
    written by a newer one. Raises: DatabaseRefused."""
    try:
        yield
    except TypeError as error:
        unknown = re.search(r"unexpected keyword argument '(\w+)'", str(error))
        if unknown is None:
            raise
        raise newer(place_of(db), f"{what} has the field {unknown[1]}") from error
