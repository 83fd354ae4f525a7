"""Moving a library's database to another replica set.

The source is closed by MongoDB itself, not by a look at who still writes: its user there loses its
roles, acknowledged by a majority, and the user's sessions are ended. So a worker that never hears
of the move can neither write nor answer from what it reads. What the copy shows are all changes
that have ever been acknowledged. Until it is complete the source can be opened again; from then on
it never takes a write.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bson.raw_bson import RawBSONDocument
from pymongo import uri_parser
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure

from models.backup.filling_repository import collection_names
from models.school_move.errors import MoveError
from models.storage.installation import ABOUT, MOVED, RESTORING, place_of
from models.storage.mongo import CODEC, Database, Document, open_database, ping
from models.storage.mongo_errors import UNAUTHORIZED, translate_errors

ReportProgress = Callable[[int, int], object]
"""A function called with the number of documents processed since its last call, and the total."""

_RAW: Final = CODEC.with_options(document_class=RawBSONDocument)
_BATCH: Final = 1000
_POLL_S: Final = 0.05
_MAJORITY: Final = {"w": "majority"}
_OF_ONE_PLACE: Final = frozenset({RESTORING, MOVED})
"""Documents of ``installation`` that are not copied."""


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a collection. `digest`: SHA-256 of its documents in the order of their ids."""

    documents: int
    digest: str


@dataclass(frozen=True, slots=True)
class DatabaseUser:
    """A user of MongoDB. `source`: the database that knows the user."""

    name: str
    source: str


def user_of(url: str) -> DatabaseUser:
    """The user in a MongoDB URL. Raises: MoveError if it names none."""
    parts = uri_parser.parse_uri(url, validate=False, warn=False)
    if not parts["username"]:
        raise MoveError("MONGO_URL names no user, so nothing can close the database to its service")
    source = parts["options"].get("authsource") or parts["database"] or "admin"
    return DatabaseUser(str(parts["username"]), str(source))


class SourceDatabase:
    """The database that is left. ``admin``: the same database, opened by a user who may change
    users, look at operations and end sessions; ``url``: the service's own address for it."""

    def __init__(self, admin: Database, url: str) -> None:
        self.db = admin
        self._url = url
        self._user = user_of(url)

    async def documents(self) -> int:
        """The number of documents to copy, as MongoDB's statistics have it. Raises: Unavailable."""
        with translate_errors():
            return int((await self.db.command("dbStats"))["objects"])

    async def moved_to(self) -> str:
        """Where the database has gone or is going; empty if no move has begun. Raises:
        Unavailable."""
        mark = await self._mark()
        return str(mark["to"]) if mark else ""

    async def left_with(self) -> str:
        """The token of the target's mark, once the move is final; empty before. Raises:
        Unavailable."""
        mark = await self._mark()
        return str(mark["token"]) if mark and mark["left"] else ""

    async def close(self, to: str, token: str, now: datetime) -> None:
        """Takes the user's roles on the database, ends the user's sessions, and returns when none
        of its operations is under way and all that was acknowledged has reached a majority.
        ``token``: that of the target's mark. A move to the same place that was under way cannot end
        any more.

        Raises: MoveError if a move to another place is under way or has ended, or if the user can
        still read the database; Unavailable.
        """
        roles = await self._roles()
        own = [role for role in roles if role["db"] == self.db.name]
        this_move = {"_id": MOVED, "to": to, "left": False, "aborted": {"$exists": False}}
        about: Document = {"token": token, "began_at": now}
        with translate_errors():
            try:
                await self.db[ABOUT].update_one(
                    this_move, {"$set": about, "$setOnInsert": {"roles": own}}, upsert=True
                )
            except DuplicateKeyError:
                raise MoveError(
                    f"{self.db.name} is on its way to {await self.moved_to()}, or has moved: abort "
                    "that move first"
                ) from None
        await self._set_roles([role for role in roles if role not in own])
        with translate_errors():
            user = {"user": self._user.name, "db": self._user.source}
            await self.db.client.admin.command("killAllSessions", [user])
            while True:
                if not await self._is_at_work(user):
                    break
                await asyncio.sleep(_POLL_S)
            # A majority that has this write has every one before it.
            await self.db[ABOUT].update_one({"_id": MOVED}, {"$set": {"closed_at": now}})
        await self._refuse_open()

    async def reopen(self, token: str = "") -> None:
        """Gives the user its roles back and forgets the move. ``token``: that of the only move to
        forget. Raises: MoveError if the database has been left; Unavailable."""
        this_move = {"token": token} if token else {}
        with translate_errors():
            # From here on the move cannot end: the database is never open in two places.
            mark = await self.db[ABOUT].find_one_and_update(
                {"_id": MOVED, "left": False, **this_move}, {"$set": {"aborted": True}}
            )
        if mark is None:
            if await self.left_with():
                raise MoveError(f"{self.db.name} has moved to {await self.moved_to()}, for good")
            return
        roles = await self._roles()
        await self._set_roles([*roles, *(role for role in mark["roles"] if role not in roles)])
        with translate_errors():
            await self.db[ABOUT].delete_one({"_id": MOVED})

    async def leave(self, token: str) -> None:
        """Makes the move final. ``token``: that of the target's mark. Raises: MoveError if it was
        aborted or begun again meanwhile; Unavailable."""
        with translate_errors():
            left = await self.db[ABOUT].update_one(
                {"_id": MOVED, "token": token, "aborted": {"$exists": False}},
                {"$set": {"left": True}},
            )
        if not left.matched_count:
            raise MoveError(f"the move of {self.db.name} was aborted, or has begun again")

    async def _mark(self) -> Document | None:
        with translate_errors():
            return await self.db[ABOUT].find_one({"_id": MOVED})

    async def _roles(self) -> list[Document]:
        with translate_errors():
            users = self.db.client[self._user.source]
            answer = await users.command("usersInfo", self._user.name)
        if not answer["users"]:
            raise MoveError(f"{place_of(self.db)} knows no user {self._user.name}")
        return [dict(role) for role in answer["users"][0]["roles"]]

    async def _set_roles(self, roles: list[Document]) -> None:
        with translate_errors():
            users = self.db.client[self._user.source]
            await users.command("updateUser", self._user.name, roles=roles, writeConcern=_MAJORITY)

    async def _is_at_work(self, user: Mapping[str, str]) -> bool:
        """True while an operation of the user on this database or a transaction is under way."""
        pipeline: list[Document] = [
            {"$currentOp": {"allUsers": True, "idleSessions": True}},
            {"$match": {"effectiveUsers": user}},
            {
                "$match": {
                    "$or": [
                        {"transaction": {"$exists": True}},
                        {"active": True, "ns": {"$regex": f"^{self.db.name}[.]"}},
                    ]
                }
            },
            {"$limit": 1},
        ]
        async with await self.db.client.admin.aggregate(pipeline) as operations:
            return bool(await operations.to_list(1))

    async def refuse_other_place(self) -> None:
        """Raises: MoveError if the administrator is at another place than the service;
        Unavailable."""
        async with open_database(self._url, self.db.name) as db:
            await ping(db)
            await ping(self.db)
            if place_of(db) != place_of(self.db):
                raise MoveError(
                    f"the service's is {place_of(db)}, the administrator's {place_of(self.db)}"
                )

    async def _refuse_open(self) -> None:
        async with open_database(self._url, self.db.name) as db:
            try:
                await db[ABOUT].find_one({})
            except OperationFailure as error:
                if error.code == UNAUTHORIZED:
                    return
                raise
        raise MoveError(
            f"{self._user.name} may still read {self.db.name} without the roles on it: let the "
            "service sign in as a user that has roles on its own database only"
        )


async def copy(
    source: SourceDatabase, target: Database, report_progress: ReportProgress
) -> dict[str, Content]:
    """Copies all collections of the closed source into the empty target, compares what both hold,
    and returns it by collection. Raises: MoveError if they differ; Unavailable."""
    db = source.db
    names = await collection_names(db)
    with translate_errors():
        total = sum([await db[name].estimated_document_count() for name in names])
    there: dict[str, Content] = {}
    for name in names:
        there[name] = await _copied(db, target, name, lambda done: report_progress(done, total))
    arrived = {name: await _content(_documents(target, name)) for name in names}
    if wrong := [name for name in names if arrived[name] != there[name]]:
        raise MoveError(f"the copy differs from its source in {', '.join(wrong)}: move again")
    return there


async def _copied(
    db: Database, target: Database, name: str, report_progress: Callable[[int], object]
) -> Content:
    async def copying() -> AsyncIterator[RawBSONDocument]:
        batch: list[Any] = []
        async for document in _documents(db, name):
            batch.append(document)
            if len(batch) == _BATCH:
                await insert(batch)
                batch = []
            yield document
        if batch:
            await insert(batch)

    async def insert(batch: list[Any]) -> None:
        with translate_errors():
            try:
                await target[name].insert_many(batch, ordered=False)
            except BulkWriteError as error:
                raise MoveError(f"{name} cannot be copied: {error.details}") from error
        report_progress(len(batch))

    return await _content(copying())


async def _documents(db: Database, name: str) -> AsyncIterator[RawBSONDocument]:
    """The documents of a collection in the order of their ids, without those of one place."""
    collection: Any = db.get_collection(name, codec_options=_RAW)
    query = {"_id": {"$nin": sorted(_OF_ONE_PLACE)}} if name == ABOUT else {}
    with translate_errors():
        async for document in collection.find(query).sort("_id"):
            yield document


async def _content(documents: AsyncIterator[RawBSONDocument]) -> Content:
    count, digest = 0, hashlib.sha256()
    async for document in documents:
        count += 1
        digest.update(document.raw)
    return Content(count, digest.hexdigest())
