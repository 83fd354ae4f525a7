"""The database's description of itself, and the checks before the service opens it. The
collection ``installation`` holds the documents ``mode`` (sandbox or production; in ``pages_at``
the service's last URL), ``keys`` (check values of the data keys in use), ``restoring`` (a
restore is incomplete), ``moved`` (the library moves to another place, or has moved) and
``schema`` (the number of the last migration applied)."""

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
MODE, KEYS, RESTORING, MOVED, FORM = "mode", "keys", "restoring", "moved", "schema"
FIRST_SCHEMA: Final = 3
"""The schema of a database without a schema number: the first release stored no number."""
SCHEMA: Final = 5
"""The schema that this version writes: the number of its last migration."""
CLOCKS_JUMP: Final = 4
"""The first schema of libraries whose clocks are set forward and back."""
FIRST_DEADLINES: Final = 5
"""The first schema in which a reservation names its first deadline."""
_BEFORE_RELEASE: Final = "schema"
"""A collection that exists only in databases from before the first release."""
_SANDBOX_ONLY: Final = "sandbox_"
"""Prefix of the collections that only a sandbox writes."""
_CHECKED: Final = "a value that everybody knows"  # hashed with each key as its check value
_SEALED: Final = (("readers", "no", "student_no"), ("kiosks", "secret", "kiosk"))
"""Collection, field and purpose of encrypted values. If the database has no check value of a
key, decrypting one of these values tests the key."""


class Mode(StrEnum):
    """The kind of a service and its database. A service opens only a database of its own kind."""

    PRODUCTION = "production"
    SANDBOX = "sandbox"
    """All data are invented, and anybody may sign in as any user."""


class DatabaseRefused(Exception):
    """This service must not open the database. The message has the database, cause and remedy."""


@dataclass(slots=True)
class About:
    """The facts of one database, or of a backup file.

    `place`: its name in messages.
    `documents`: the documents of ``installation``, by id.
    `written`: the collections that are not empty.
    `sealed`: an encrypted value and its purpose, by collection and key version.
    """

    place: str
    documents: dict[str, Document] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)
    sealed: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def take(self, name: str, document: Document) -> None:
        """Adds to the facts what one document of the collection ``name`` shows."""
        self.written.add(name)
        if name == ABOUT:
            self.documents[document["_id"]] = document
        for collection, value, purpose in _SEALED:
            if name == collection and isinstance(document.get(value), str):
                version = document[value].partition(":")[0]
                self.sealed[name, version] = document[value], purpose

    @property
    def mode(self) -> Mode | None:
        """The stored mode. If none is stored: the mode that the contents imply, or None for an
        empty database. Raises: DatabaseRefused for an unknown mode."""
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
        """The URL at which a service with this database last served pages; empty if unknown."""
        return str((self.documents.get(MODE) or {}).get("pages_at") or "")

    @property
    def checks(self) -> Mapping[str, str]:
        """The stored check value of each data key, by key version."""
        keys = self.documents.get(KEYS) or {}
        return dict(keys.get("checks") or {})

    def refuse(self, mode: Mode, sealer: FieldCipher) -> None:
        """Raises: DatabaseRefused if a service of this mode with these keys must not open it."""
        self.refuse_half()
        self.refuse_before_release()
        self._refuse_newer_schema()
        self.refuse_other_mode(mode)
        self._refuse_other_keys(sealer)

    def refuse_other_mode(self, mode: Mode) -> None:
        """Refuses a sandbox's database in production or the reverse. Raises: DatabaseRefused."""
        if self.mode is Mode.SANDBOX and mode is not Mode.SANDBOX:
            unmarked = MODE not in self.documents
            raise DatabaseRefused(
                f"{self.place} belongs to a sandbox: set another MONGO_DATABASE, or SANDBOX=1"
                + (", or drop its sandbox_* collections if its data are real" if unmarked else "")
            )
        if self.mode is Mode.PRODUCTION and mode is not Mode.PRODUCTION:
            raise DatabaseRefused(
                f"{self.place} is a production database, and in a sandbox anybody can sign in as "
                "anybody: set another MONGO_DATABASE for the sandbox, or unset SANDBOX"
            )

    def refuse_half(self) -> None:
        """Refuses a database whose restore is still incomplete, or that is left. Raises:
        DatabaseRefused."""
        if mark := self.documents.get(RESTORING):
            raise DatabaseRefused(
                f"{self.place} is incomplete: the restore of {mark['file']}, begun "
                f"{mark['began_at']:%Y-%m-%d %H:%M} UTC, has not ended. Wait for its end; if it "
                f"was interrupted, run {mark.get('again', 'restore --over ' + mark['file'])}"
            )
        if mark := self.documents.get(MOVED):
            raise DatabaseRefused(
                f"{self.place} is left: the library moves to {mark['to']}, or has moved there"
            )

    def refuse_before_release(self) -> None:
        """Refuses a database from before the first release. Raises: DatabaseRefused."""
        if _BEFORE_RELEASE in self.written:
            raise DatabaseRefused(
                f"{self.place} was written before the first release, which this version cannot "
                "read: set another MONGO_DATABASE"
            )

    def _refuse_newer_schema(self) -> None:
        form = int((self.documents.get(FORM) or {}).get("version", FIRST_SCHEMA))
        if form > SCHEMA:
            raise newer(self.place, f"its schema is {form}, and this version reads up to {SCHEMA}")

    def _refuse_other_keys(self, sealer: FieldCipher) -> None:
        own = _checks(sealer)
        for version, check in self.checks.items():
            if version not in own:
                raise DatabaseRefused(
                    f"{self.place} was encrypted with data key {version}, which ENCRYPTION_KEYS "
                    "lacks: put it back (rotate-keys, run with both keys, replaces the old one)"
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
    "{place} was encrypted with another data key {version} than the one in ENCRYPTION_KEYS: set "
    "ENCRYPTION_KEYS to the keys that belong to this database"
)


def newer(place: str, why: str) -> DatabaseRefused:
    """The refusal of a database that a newer version has written. ``place``: the database's name
    in the message; ``why``: the fact that proves the newer version."""
    return DatabaseRefused(
        f"{place} was written by a newer version ({why}): install that version again, or restore "
        "the backup from before the upgrade"
    )


def place_of(db: Database) -> str:
    hosts = ",".join(f"{host}:{port}" for host, port in sorted(db.client.nodes))
    return f"MongoDB {hosts or '(not connected)'}, database {db.name}"


def _checks(sealer: FieldCipher) -> dict[str, str]:
    pairs = (check.split(":", 1) for check in sealer.hashes(_CHECKED, "key check"))
    return {version: check for version, check in pairs}


async def look(db: Database) -> About:
    """Reads the documents of ``installation``. If no mode is stored there, also finds out which
    collections are not empty. Raises: Unavailable."""
    await ping(db)
    about = About(place_of(db))
    with translate_errors():
        about.documents = {row["_id"]: row for row in await db[ABOUT].find({}).to_list(None)}
        if MODE not in about.documents:
            for name in await db.list_collection_names():
                if name.startswith("system."):  # MongoDB's own (profiler, views), unreadable for us
                    continue
                if await db[name].find_one({}, {"_id": 1}) is not None:
                    about.written.add(name)
    return about


async def check(db: Database, mode: Mode, sealer: FieldCipher) -> About:
    """Checks the database without writing to it. Raises: DatabaseRefused, Unavailable."""
    about = await look(db)
    if not about.checks:
        await _add_sealed(db, about, sealer)
    about.refuse(mode, sealer)
    return about


async def admit_database(db: Database, mode: Mode, sealer: FieldCipher) -> None:
    """Checks the database and, at its first use, stores the mode and the keys' check values. If
    services start together, the mode stored first holds. Raises: DatabaseRefused, Unavailable."""
    while True:
        about = await check(db, mode, sealer)
        # The mode first: a service of the other mode must not store its keys.
        if MODE not in about.documents:
            await _store_mode(db, mode)
        elif str(sealer.current) not in about.checks:
            await _store_checks(db, about, sealer)
        else:
            return


async def note_address(db: Database, pages_at: str) -> str:
    """Stores the URL of this service's pages. Returns the former URL if it was different (the
    service has moved, or two share this database), else an empty text. Raises: Unavailable."""
    with translate_errors():
        before = await db[ABOUT].find_one_and_update(
            {"_id": MODE, "pages_at": {"$ne": pages_at}}, {"$set": {"pages_at": pages_at}}
        )
    return str((before or {}).get("pages_at") or "")


async def _store_mode(db: Database, mode: Mode) -> None:
    mark: Document = {"_id": MODE, "mode": mode.value}
    with translate_errors(), suppress(DuplicateKeyError):
        await insert(db[ABOUT], mark)


async def _add_sealed(db: Database, about: About, sealer: FieldCipher) -> None:
    """Adds samples of stored encrypted values to ``about``, which show whether the service has
    the right keys. Each collection in ``_SEALED`` gives one value per live key and one under an
    unknown key, as far as it has such values."""
    own = [f"^{version}:" for version in _checks(sealer)]
    patterns: list[Any] = [*({"$regex": one} for one in own)]
    patterns.append({"$type": "string", "$not": {"$regex": "|".join(own)}})
    with translate_errors():
        for name, value, _ in _SEALED:
            for pattern in patterns:
                row = await db[name].find_one({value: pattern}, {value: 1})
                if row is not None:
                    about.take(name, row)


async def _store_checks(db: Database, about: About, sealer: FieldCipher) -> None:
    """Stores the current key's check value. At the first start, stores the check values of all
    keys, since data may be encrypted under any of them. An existing check value is not replaced."""
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
    """Drops the check values of old keys after a key rotation. Raises: Unavailable."""
    current = str(sealer.current)
    own: Document = {"checks": {current: _checks(sealer)[current]}}
    with translate_errors():
        await db[ABOUT].update_one({"_id": KEYS}, {"$set": own}, upsert=True)


@contextmanager
def known_fields(db: Database, what: str) -> Iterator[None]:
    """Surrounds the conversion of a stored document to an object. Raises: DatabaseRefused if the
    document has a field of a newer version. ``what``: the object's name in the message."""
    try:
        yield
    except TypeError as error:
        unknown = re.search(r"unexpected keyword argument '(\w+)'", str(error))
        if unknown is None:
            raise
        raise newer(place_of(db), f"{what} has the field {unknown[1]}") from error
