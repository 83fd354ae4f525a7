"""Readers, bindings and sessions."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import date, datetime
from typing import Any, Final

from pymongo import ASCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from models.errors import AlreadyBound, ReaderBoundElsewhere
from models.reader import VISITOR, Personal, Principal, Reader, Session, SessionKind, Stay
from models.reservation import ReaderId
from models.store.client import Database, Document, insert, new_id, upstream
from models.store.gathering import Gathering
from models.store.sealing import SealBroken, Sealer, fingerprint

INDEXES: Final[dict[str, list[IndexModel]]] = {
    "readers": [
        IndexModel([("no_hashes", ASCENDING)], name="no_hashes", unique=True),
        IndexModel([("name_hashes", ASCENDING)], name="name_hashes"),
        IndexModel(
            [("stay.1", ASCENDING)],
            name="stay",
            partialFilterExpression={"kind": VISITOR},
        ),
    ],
    "bindings": [
        IndexModel([("reader", ASCENDING)], name="reader", unique=True),
        IndexModel([("openid_hashes", ASCENDING)], name="openid_hashes", unique=True),
        IndexModel([("unionid_hashes", ASCENDING)], name="unionid_hashes"),
    ],
    "sessions": [
        IndexModel([("ticket", ASCENDING)], name="ticket", sparse=True),
        IndexModel([("reader", ASCENDING)], name="reader", sparse=True),
        IndexModel([("expires_at", ASCENDING)], name="expires_at"),
    ],
    "ended_tickets": [IndexModel([("at", ASCENDING)], name="at")],
}

MAX_TOMBSTONES: Final = 10_000
"""Of logged-out tickets without a session: 1 MB, and more than a campus leaves in ten minutes."""


class Readers:
    def __init__(self, db: Database, sealer: Sealer) -> None:
        self._all = db["readers"]
        self._sealer = sealer

    async def admit(self, student_no: str, name: str, kind: str, now: datetime) -> Reader:
        """The reader with this (normalised) number, made on the first login, renewed later."""
        hashes = self._sealer.hashes(student_no, "student_no")
        fresh: Document = {"kind": kind, **_name(name, self._sealer)}
        first: Document = {
            "_id": new_id(),
            "no": self._sealer.seal(student_no, "student_no"),
            "no_hashes": hashes,
            "made_at": now,
        }
        for _ in range(2):  # two first logins at once: the second try finds the winner's
            with upstream():
                try:
                    found = await self._all.find_one_and_update(
                        {"no_hashes": {"$in": hashes}},
                        {"$set": fresh, "$setOnInsert": first},
                        upsert=True,
                        return_document=ReturnDocument.AFTER,
                    )
                    assert found is not None
                    return _reader(found, self._sealer)
                except DuplicateKeyError:
                    continue
        raise AssertionError("a reader's number can collide once only")

    async def admit_visitor(self, id: ReaderId, name: str, stay: Stay, now: datetime) -> Reader:
        """Somebody whom the campus does not know, under a number that is made here."""
        while True:
            number = f"V{secrets.randbelow(10**8):08d}"
            document: Document = {
                "_id": id,
                "no": self._sealer.seal(number, "student_no"),
                "no_hashes": self._sealer.hashes(number, "student_no"),
                "made_at": now,
                "kind": VISITOR,
                "stay": _stay_document(stay),
                **_name(name, self._sealer),
            }
            with upstream():
                try:
                    await insert(self._all, document)
                except DuplicateKeyError:
                    continue  # somebody has that number
            return _reader(document, self._sealer)

    async def get(self, id: ReaderId) -> Reader | None:
        with upstream():
            found = await self._all.find_one({"_id": id})
        return _reader(found, self._sealer) if found else None

    async def many(self, ids: Collection[ReaderId]) -> dict[ReaderId, Reader]:
        """Those of them that there are."""
        with upstream():
            rows = await self._all.find({"_id": {"$in": list(ids)}}).to_list(None)
        return {ReaderId(row["_id"]): _reader(row, self._sealer) for row in rows}

    async def by_numbers(self, numbers: Collection[str]) -> dict[str, ReaderId]:
        """The readers with these (normalised) student numbers, as far as there are any."""
        hashes = {h: n for n in numbers for h in self._sealer.hashes(n, "student_no")}
        with upstream():
            rows = await self._all.find(
                {"no_hashes": {"$in": list(hashes)}}, {"no_hashes": 1}
            ).to_list(None)
        return {
            hashes[h]: ReaderId(row["_id"]) for row in rows for h in row["no_hashes"] if h in hashes
        }

    async def named(self, name: str, limit: int) -> list[Reader]:
        """Readers of exactly that name: names are sealed, and found by their hash."""
        with upstream():
            rows = (
                await self._all.find({"name_hashes": {"$in": self._sealer.hashes(name, "name")}})
                .sort("_id", ASCENDING)
                .limit(limit)
                .to_list(None)
            )
        return [_reader(row, self._sealer) for row in rows]

    async def dismiss_visitor(self, id: ReaderId) -> None:
        """Take back an entry that has just been made."""
        with upstream():
            await self._all.delete_one({"_id": id, "kind": VISITOR})

    async def visitors_until(self, before: date, now: datetime, limit: int) -> list[Reader]:
        """Visitors whose last day lies before that one and who are not suspended, the longest gone
        first."""
        query = {
            "kind": VISITOR,
            "stay.1": {"$lt": before.isoformat()},
            "$or": [{"suspended_until": None}, {"suspended_until": {"$lte": now}}],
        }
        with upstream():
            rows = await self._all.find(query).sort("stay.1", ASCENDING).limit(limit).to_list(None)
        return [_reader(row, self._sealer) for row in rows]

    async def stay(self, id: ReaderId, was: Stay | None, stay: Stay) -> bool:
        """These are the visitor's days from now on. False where ``was`` is not what stands."""
        with upstream():
            result = await self._all.update_one(
                {"_id": id, "stay": _stay_document(was)}, {"$set": {"stay": _stay_document(stay)}}
            )
        return bool(result.matched_count)

    async def let_go(self, id: ReaderId, was: datetime | None, until: datetime | None) -> bool:
        """The reader is suspended until then instead; None: not at all. False where ``was`` is not
        what stands."""
        with upstream():
            result = await self._all.update_one(
                {"_id": id, "suspended_until": was}, {"$set": {"suspended_until": until}}
            )
        return bool(result.matched_count)

    async def reseal(self, limit: int) -> int:
        """Seal with the current key what is sealed with an older one. Returns how many it was."""
        current = f"{self._sealer.current}:"
        with upstream():
            rows = (
                await self._all.find({"no": {"$not": {"$regex": f"^{current}"}}})
                .limit(limit)
                .to_list(None)
            )
            for row in rows:
                number = self._sealer.open(row["no"], "student_no")
                name = self._sealer.open(row["name"], "name")
                await self._all.update_one(
                    {"_id": row["_id"], "no": row["no"]},
                    {
                        "$set": {
                            "no": self._sealer.seal(number, "student_no"),
                            **_name(name, self._sealer),
                            "no_hashes": self._sealer.hashes(number, "student_no"),
                        }
                    },
                )
        return len(rows)


class Bindings:
    """Reader ↔ WeChat user, one to one, kept so by two unique indexes."""

    def __init__(self, db: Database, sealer: Sealer) -> None:
        self._all = db["bindings"]
        self._sealer = sealer

    async def bind(
        self, reader_id: ReaderId, openid: str, unionid: str | None, now: datetime
    ) -> None:
        """Raises: AlreadyBound (the WeChat user is), ReaderBoundElsewhere (the reader is)."""
        hashes = self._sealer.hashes(openid, "openid")
        document: Document = {
            "_id": new_id(),
            "reader": reader_id,
            "openid": self._sealer.seal(openid, "openid"),
            "openid_hashes": hashes,
            "unionid_hashes": self._sealer.hashes(unionid, "unionid") if unionid else [],
            "bound_at": now,
        }
        with upstream():
            try:
                await insert(self._all, document)
            except DuplicateKeyError as error:
                details: Any = error.details or {}
                if "reader" in details.get("keyValue", {}):
                    raise ReaderBoundElsewhere() from error
                raise AlreadyBound() from error

    async def reader_of(self, openid: str) -> ReaderId | None:
        with upstream():
            found = await self._all.find_one(
                {"openid_hashes": {"$in": self._sealer.hashes(openid, "openid")}}, {"reader": 1}
            )
        return ReaderId(found["reader"]) if found else None

    async def reader_by_unionid(self, unionid: str) -> ReaderId | None:
        with upstream():
            found = await self._all.find_one(
                {"unionid_hashes": {"$in": self._sealer.hashes(unionid, "unionid")}}, {"reader": 1}
            )
        return ReaderId(found["reader"]) if found else None

    async def openids_of(self, reader_ids: Collection[ReaderId]) -> dict[ReaderId, str]:
        """The openids of those readers who are bound."""
        with upstream():
            rows = await self._all.find(
                {"reader": {"$in": list(reader_ids)}}, {"reader": 1, "openid": 1}
            ).to_list(None)
        found: dict[ReaderId, str] = {}
        for row in rows:
            # One that was not resealed before its key went: nobody can be reached there.
            with suppress(SealBroken):
                found[ReaderId(row["reader"])] = self._sealer.open(row["openid"], "openid")
        return found

    async def is_bound(self, reader_id: ReaderId) -> bool:
        with upstream():
            return await self._all.find_one({"reader": reader_id}, {"_id": 1}) is not None

    async def unbind(self, reader_id: ReaderId) -> bool:
        """True when there was a binding."""
        with upstream():
            result = await self._all.delete_one({"reader": reader_id})
        return result.deleted_count == 1

    async def reseal(self, limit: int) -> int:
        """As Readers.reseal. A unionid is kept as a hash only: it is renewed at the next bind."""
        current = f"{self._sealer.current}:"
        with upstream():
            rows = (
                await self._all.find({"openid": {"$not": {"$regex": f"^{current}"}}})
                .limit(limit)
                .to_list(None)
            )
            for row in rows:
                openid = self._sealer.open(row["openid"], "openid")
                await self._all.update_one(
                    {"_id": row["_id"], "openid": row["openid"]},
                    {
                        "$set": {
                            "openid": self._sealer.seal(openid, "openid"),
                            "openid_hashes": self._sealer.hashes(openid, "openid"),
                        }
                    },
                )
        return len(rows)


class Sessions:
    """Sessions of both kinds, by the hash of their token."""

    def __init__(self, db: Database, sealer: Sealer) -> None:
        self._db = db
        self._all = db["sessions"]
        self._ended = db["ended_tickets"]
        self._lookups = Gathering(self._who_all)
        self._sealer = sealer

    async def open_web(
        self, token: str, reader_id: ReaderId, ticket: str, now: datetime, expires_at: datetime
    ) -> bool:
        """Store a web session. False when its ticket was logged out before it arrived here.

        The logout leaves its tombstone first and deletes sessions second; this inserts first and
        looks for the tombstone second. In any order one of them sees the other.
        """
        ticket_hash = fingerprint(ticket)
        document: Document = {
            "_id": fingerprint(token),
            "kind": SessionKind.WEB.value,
            "reader": reader_id,
            "ticket": ticket_hash,
            "made_at": now,
            "expires_at": expires_at,
        }
        with upstream():
            await self._all.insert_one(document)
            if await self._ended.find_one({"_id": ticket_hash}) is None:
                return True
            await self._all.delete_one({"_id": document["_id"]})
        return False

    async def open_kiosk(
        self, token: str, reader_id: ReaderId, now: datetime, expires_at: datetime
    ) -> None:
        """Somebody touched a kiosk with their card."""
        with upstream():
            await self._all.insert_one(
                {
                    "_id": fingerprint(token),
                    "kind": SessionKind.KIOSK.value,
                    "reader": reader_id,
                    "made_at": now,
                    "expires_at": expires_at,
                }
            )

    async def open_wx(
        self, token: str, openid: str, now: datetime, expires_at: datetime, unionid: str | None
    ) -> None:
        document: Document = {
            "_id": fingerprint(token),
            "kind": SessionKind.WX.value,
            "openid": self._sealer.seal(openid, "session"),
            "openid_hashes": self._sealer.hashes(openid, "openid"),
            "made_at": now,
            "expires_at": expires_at,
        }
        if unionid:
            document["unionid"] = self._sealer.seal(unionid, "session")
        with upstream():
            await self._all.insert_one(document)

    async def unionid_of(self, session_id: str) -> str | None:
        with upstream():
            found = await self._all.find_one({"_id": session_id}, {"unionid": 1})
        sealed = found.get("unionid") if found else None
        return self._sealer.open(sealed, "session") if sealed else None

    async def who(self, session_id: str) -> Principal | None:
        """The session and its reader, by the token's fingerprint, together for all who ask at this
        moment.

        A WeChat user's reader is looked up through the binding of this moment. Expiry is the
        caller's to judge: it knows the time. A session sealed with a key that is gone has ended.
        """
        return await self._lookups.one(session_id)

    async def _who_all(self, session_ids: list[str]) -> list[Principal | None]:
        """Three look-ups by key: on the server they cost a tenth of joining the collections."""
        with upstream():
            sessions = await self._all.find({"_id": {"$in": session_ids}}).to_list(None)
            hashes = [h for row in sessions for h in row.get("openid_hashes", ())]
            holders: dict[str, str] = {}
            if hashes:
                bindings = self._db["bindings"].find(
                    {"openid_hashes": {"$in": hashes}}, {"reader": 1, "openid_hashes": 1}
                )
                for row in await bindings.to_list(None):
                    holders.update(dict.fromkeys(row["openid_hashes"], row["reader"]))
            of: dict[str, str | None] = {row["_id"]: _reader_of(row, holders) for row in sessions}
            ids = {id for id in of.values() if id is not None}
            readers: dict[str, Document] = {}
            if ids:
                rows = await self._db["readers"].find({"_id": {"$in": list(ids)}}).to_list(None)
                readers = {row["_id"]: row for row in rows}
        found = {
            row["_id"]: self._principal(row, readers.get(of[row["_id"]] or "")) for row in sessions
        }
        return [found.get(id) for id in session_ids]

    def _principal(self, d: Document, reader: Document | None) -> Principal | None:
        kind, openid = SessionKind(d["kind"]), d.get("openid")
        sealed = [openid, *((reader["no"], reader["name"]) if reader else ())]
        if not all(value is None or self._sealer.can_open(value) for value in sealed):
            return None
        session = Session(
            id=d["_id"],
            kind=kind,
            reader_id=d.get("reader") if kind is not SessionKind.WX else None,
            ticket_hash=d.get("ticket"),
            expires_at=d["expires_at"],
            opened=lambda: self._sealer.open(openid, "session") if openid else None,
        )
        return Principal(session, _reader(reader, self._sealer) if reader else None)

    async def close(self, session_id: str) -> None:
        with upstream():
            await self._all.delete_one({"_id": session_id})

    async def end_ticket(self, ticket: str) -> list[str]:
        """End the ticket's session, if it has begun. Returns the ended sessions' ids."""
        ticket_hash = fingerprint(ticket)
        with upstream():
            rows = await self._all.find({"ticket": ticket_hash}, {"_id": 1}).to_list(None)
            await self._all.delete_many({"ticket": ticket_hash})
        return [row["_id"] for row in rows]

    async def close_ticket(self, ticket: str, now: datetime) -> list[str]:
        """Single logout also of a session that has yet to begin: the tombstone first, so that it
        wins. Returns the ended sessions' ids.

        Anybody can name tickets that were never given, so there are at most ``MAX_TOMBSTONES``: the
        oldest go, which a login that is under way has hardly left behind.
        """
        with upstream():
            await self._ended.update_one(
                {"_id": fingerprint(ticket)}, {"$set": {"at": now}}, upsert=True
            )
            over = await self._ended.estimated_document_count() - MAX_TOMBSTONES
            if over > 0:
                oldest = self._ended.find({}, {"_id": 1}).sort("at", ASCENDING).limit(over)
                ids = [row["_id"] for row in await oldest.to_list(None)]
                await self._ended.delete_many({"_id": {"$in": ids}})
        return await self.end_ticket(ticket)

    async def prune(self, now: datetime, tickets_before: datetime) -> int:
        """Delete what has expired, and tombstones older than any ticket can be."""
        with upstream():
            ended = await self._all.delete_many({"expires_at": {"$lte": now}})
            await self._ended.delete_many({"at": {"$lt": tickets_before}})
        return ended.deleted_count


def _reader_of(session: Document, holders: Mapping[str, str]) -> str | None:
    """The web session's own reader, or the WeChat user's by the binding of this moment."""
    own: str | None = session.get("reader")
    return own or next((holders[h] for h in session.get("openid_hashes", ()) if h in holders), None)


def _reader(d: Document, sealer: Sealer) -> Reader:
    def opened() -> Personal:
        return Personal(sealer.open(d["no"], "student_no"), sealer.open(d["name"], "name"))

    days = [date.fromisoformat(day) for day in d.get("stay") or ()]
    stay = Stay(*days) if days else None
    return Reader(ReaderId(d["_id"]), d["kind"], d.get("suspended_until"), opened, stay)


def _stay_document(stay: Stay | None) -> list[str] | None:
    return [stay.first.isoformat(), stay.last.isoformat()] if stay is not None else None


def _name(name: str, sealer: Sealer) -> Document:
    return {"name": sealer.seal(name, "name"), "name_hashes": sealer.hashes(name, "name")}


def with_name_hashes(d: Document, sealer: Sealer) -> Document | None:
    """What an entry from before is found by; None where its name cannot be opened."""
    try:
        return {"name_hashes": sealer.hashes(sealer.open(d["name"], "name"), "name")}
    except SealBroken:
        return None
