from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import partial
from typing import Final

from pymongo import ASCENDING, ReturnDocument

from models.identity.entities import (
    Principal,
    Session,
    SessionKind,
    SignOnSession,
    StaffRole,
)
from models.identity.grant_repository import read_grants
from models.identity.roles import Role
from models.kernel.ids import ReaderId
from models.library.entities import KioskId
from models.readers.repository import PRINCIPAL_FIELDS, read_reader, reader_of_session
from models.storage.batching import Batcher
from models.storage.encryption import FieldCipher, token_hash
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors

MAX_STORED_LOGOUTS: Final = 10_000
"""Logouts are stored for ten minutes, at most this many (1 MB); no campus has more in that time."""


_SIGN_ON_FIELDS: Final = ("provider", "subject", "identified_at")


class SessionRepository:
    """Stores sessions by the hash of their token."""

    def __init__(self, db: Database, sealer: FieldCipher) -> None:
        self._db = db
        self._all = db["sessions"]
        self._ended = db["logged_out_tickets"]
        self._lookups = Batcher(self._find_principals)
        self._sealer = sealer

    async def open_web(
        self,
        token: str,
        reader_id: ReaderId,
        ticket: str,
        now: datetime,
        expires_at: datetime,
        role: StaffRole | None = None,
        device: str = "",
        sign_on: SignOnSession | None = None,
    ) -> bool:
        """Stores a web session (``role``: for staff only). False if its ticket or the provider's
        user was logged out before the session was stored. A logout is first stored and then
        deletes sessions; this method first inserts the session and then looks for a stored
        logout: so one of the two finds the other's document."""
        ticket_hash = token_hash(ticket)
        document: Document = {
            "_id": token_hash(token),
            "kind": SessionKind.WEB.value,
            "reader": reader_id,
            "ticket": ticket_hash,
            "device": device,
            "created_at": now,
            "expires_at": expires_at,
        }
        if role is not None:
            document["role"] = _role_document(role)
        document |= self._sign_on_document(sign_on)
        with translate_errors():
            await self._all.insert_one(document)
            if await self._ended.find_one(self._logout_query(ticket_hash, sign_on)) is None:
                return True
            await self._all.delete_one({"_id": document["_id"]})
        return False

    async def open_kiosk(
        self,
        token: str,
        reader_id: ReaderId,
        kiosk_id: KioskId,
        now: datetime,
        expires_at: datetime,
    ) -> None:
        """Stores the session of a reader who has held a card to the kiosk's card reader."""
        with translate_errors():
            await self._all.insert_one(
                {
                    "_id": token_hash(token),
                    "kind": SessionKind.KIOSK.value,
                    "reader": reader_id,
                    "kiosk": kiosk_id,
                    "created_at": now,
                    "expires_at": expires_at,
                }
            )

    async def open_wx(
        self, token: str, openid: str, now: datetime, expires_at: datetime, unionid: str | None
    ) -> None:
        document: Document = {
            "_id": token_hash(token),
            "kind": SessionKind.WX.value,
            "openid": self._sealer.encrypt(openid, "session"),
            "openid_hashes": self._sealer.hashes(openid, "openid"),
            "created_at": now,
            "expires_at": expires_at,
        }
        if unionid:
            document["unionid"] = self._sealer.encrypt(unionid, "session")
        with translate_errors():
            await self._all.insert_one(document)

    async def unionid_of(self, session_id: str) -> str | None:
        with translate_errors():
            session = await self._all.find_one({"_id": session_id}, {"unionid": 1})
        sealed = session.get("unionid") if session else None
        return self._sealer.decrypt(sealed, "session") if sealed else None

    async def find_principal(self, session_id: str) -> Principal | None:
        """The session with its reader (for WeChat, by current binding). None if the session is
        missing or cannot be decrypted. Expiry is not checked. Simultaneous calls are batched."""
        return await self._lookups.submit(session_id)

    async def _find_principals(self, session_ids: list[str]) -> list[Principal | None]:
        """The principals in the order of ``session_ids``, None for a missing one. Three queries
        (sessions, bindings, readers) cost a tenth of a join in the database."""
        with translate_errors():
            sessions = await self._all.find(_by_ids(session_ids)).to_list(None)
            hashes = [h for row in sessions for h in row.get("openid_hashes", ())]
            holders: dict[str, str] = {}
            if hashes:
                bindings = self._db["bindings"].find(
                    {"openid_hashes": {"$in": hashes}}, {"reader": 1, "openid_hashes": 1}
                )
                for row in await bindings.to_list(None):
                    holders.update(dict.fromkeys(row["openid_hashes"], row["reader"]))
            of: dict[str, str | None] = {
                row["_id"]: reader_of_session(row, holders) for row in sessions
            }
            ids = {id for id in of.values() if id is not None}
            readers: dict[str, Document] = {}
            if ids:
                cursor = self._db["readers"].find(_by_ids(list(ids)), PRINCIPAL_FIELDS)
                rows = await cursor.to_list(None)
                readers = {row["_id"]: row for row in rows}
        principals = {
            row["_id"]: self._principal(row, readers.get(of[row["_id"]] or "")) for row in sessions
        }
        return [principals.get(id) for id in session_ids]

    def _principal(self, d: Document, reader: Document | None) -> Principal | None:
        kind, openid = SessionKind(d["kind"]), d.get("openid")
        sealed = [openid, *((reader["no"], reader["name"]) if reader else ())]
        if reader and reader.get("suspended_for"):
            sealed.append(reader["suspended_for"].get("words") or None)
        if not all(value is None or self._sealer.can_open(value) for value in sealed):
            return None
        session = Session(
            id=d["_id"],
            kind=kind,
            reader_id=d.get("reader") if kind is not SessionKind.WX else None,
            ticket_hash=d.get("ticket"),
            expires_at=d["expires_at"],
            opened_at=d["created_at"],
            kiosk_id=d.get("kiosk"),
            role=_role(d.get("role")),
            device=d.get("device", ""),
            provider=d.get("provider", ""),
            decrypt=partial(self._sealer.decrypt, openid, "session") if openid else _no_openid,
        )
        if reader is None:
            return Principal(session, None)
        grants = read_grants(reader.get("staff_grants"))
        return Principal(session, read_reader(reader, self._sealer), grants)

    async def use_role(self, session_id: str, now: datetime, used_after: datetime) -> bool:
        """Records that the session's staff role is used now. False if the role's last use was
        not after ``used_after``, or the session has ended."""
        with translate_errors():
            result = await self._all.update_one(
                {"_id": session_id, "role.used_at": {"$gt": used_after}},
                {"$max": {"role.used_at": now}},
            )
        return result.matched_count > 0

    async def pass_second_factor(self, session_id: str) -> None:
        with translate_errors():
            await self._all.update_one(
                {"_id": session_id, "role.since": {"$exists": True}},
                {"$set": {"role.second_factor": True}},
            )

    async def renew_role(
        self,
        session: Session,
        ticket: str,
        role: StaffRole | None,
        expires_at: datetime,
        sign_on: SignOnSession | None = None,
    ) -> datetime | None:
        """Gives a session the role and ticket of a repeated sign-in; returns the session's new
        end, or None if the session has ended. The ticket is written before the search for a
        stored logout, so a simultaneous logout ends the session."""
        ticket_hash = token_hash(ticket)
        changes: Document = {
            "$set": {
                "role": _role_document(role) if role is not None else None,
                "ticket": ticket_hash,
                **self._sign_on_document(sign_on),
            },
            "$max": {"expires_at": expires_at},
        }
        if sign_on is None:
            changes["$unset"] = dict.fromkeys(_SIGN_ON_FIELDS, "")
        with translate_errors():
            session_document = await self._all.find_one_and_update(
                {"_id": session.id},
                changes,
                projection={"expires_at": 1},
                return_document=ReturnDocument.AFTER,
            )
            if await self._ended.find_one(self._logout_query(ticket_hash, sign_on)) is None:
                return session_document["expires_at"] if session_document else None
            await self._all.delete_one({"_id": session.id})
        return None

    async def of_reader(self, reader_id: ReaderId, now: datetime) -> list[Session]:
        """The reader's live sessions, on the web, at kiosks and on a bound phone, latest first."""
        with translate_errors():
            rows = await self._all.find(
                {**await self._of(reader_id), "expires_at": {"$gt": now}}
            ).to_list(None)
        sessions = [p.session for row in rows if (p := self._principal(row, None)) is not None]
        return sorted(sessions, key=lambda s: s.opened_at, reverse=True)

    async def at_work(
        self, readers: Collection[ReaderId], now: datetime
    ) -> dict[ReaderId, Principal]:
        """For each of the readers, the principal of the staff session that was used last.
        Readers without a staff session are left out."""
        if not readers:
            return {}
        live: Document = {
            "reader": {"$in": list(readers)},
            "role.since": {"$exists": True},
            "expires_at": {"$gt": now},
        }
        with translate_errors():
            rows = await self._all.find(live, {"_id": 1}).sort("role.used_at", ASCENDING).to_list()
        principals = await self._find_principals([row["_id"] for row in rows])
        return {p.reader.id: p for p in principals if p is not None and p.reader is not None}

    async def _of(self, reader_id: ReaderId) -> Document:
        """The query for the reader's sessions, including those of the bound WeChat user."""
        bound = await self._db["bindings"].find({"reader": reader_id}).to_list(None)
        hashes = [h for row in bound for h in row["openid_hashes"]]
        return {"$or": [{"reader": reader_id}, {"openid_hashes": {"$in": hashes}}]}

    async def prolong(self, session_id: str, expires_at: datetime) -> None:
        """Extends the session to ``expires_at``, unless the session already ends later."""
        with translate_errors():
            await self._all.update_one({"_id": session_id}, {"$max": {"expires_at": expires_at}})

    async def close(self, session_id: str) -> None:
        with translate_errors():
            await self._all.delete_one({"_id": session_id})

    async def close_of_reader(self, reader_id: ReaderId, but: Session | None) -> list[str]:
        """Ends a reader's sessions (web, kiosk, bound WeChat) except ``but``; returns their ids."""
        with translate_errors():
            rows = await self._all.find(await self._of(reader_id), {"_id": 1}).to_list(None)
            ids = [row["_id"] for row in rows if but is None or row["_id"] != but.id]
            await self._all.delete_many({"_id": {"$in": ids}})
        return ids

    async def end_ticket(self, ticket: str) -> list[str]:
        """Ends the sessions that this sign-on ticket opened; returns their ids."""
        ticket_hash = token_hash(ticket)
        with translate_errors():
            rows = await self._all.find({"ticket": ticket_hash}, {"_id": 1}).to_list(None)
            await self._all.delete_many({"ticket": ticket_hash})
        return [row["_id"] for row in rows]

    async def close_by_ticket(self, ticket: str, now: datetime) -> list[str]:
        """Ends the sessions that this sign-on ticket opened, even a session just being opened;
        returns their ids. The logout is stored first, so ``open_web`` finds it. Anyone can send
        logouts for unknown tickets: only the newest ``MAX_STORED_LOGOUTS`` stay stored."""
        with translate_errors():
            await self._ended.update_one(
                {"_id": token_hash(ticket)}, {"$set": {"at": now}}, upsert=True
            )
            over = await self._ended.estimated_document_count() - MAX_STORED_LOGOUTS
            if over > 0:
                oldest = self._ended.find({}, {"_id": 1}).sort("at", ASCENDING).limit(over)
                ids = [row["_id"] for row in await oldest.to_list(None)]
                await self._ended.delete_many({"_id": {"$in": ids}})
        return await self.end_ticket(ticket)

    def _subjects(self, provider: str, subject: str) -> list[str]:
        """The keyed hashes of a user of an OpenID provider, the one under the current key first."""
        return self._sealer.hashes(f"{provider} {subject}", "subject")

    def _sign_on_document(self, sign_on: SignOnSession | None) -> Document:
        if sign_on is None:
            return {}
        return {
            "provider": sign_on.provider,
            "subject": self._subjects(sign_on.provider, sign_on.subject)[0],
            "identified_at": sign_on.at,
        }

    def _logout_query(self, ticket_hash: str, sign_on: SignOnSession | None) -> Document:
        """The query for a stored logout of this ticket, or of the provider's user after the
        authentication in ``sign_on``."""
        if sign_on is None:
            return {"_id": ticket_hash}
        marks = self._subjects(sign_on.provider, sign_on.subject)
        since: Document = {"_id": {"$in": marks}, "at": {"$gte": sign_on.at}}
        return {"$or": [{"_id": ticket_hash}, since]}

    async def close_by_subject(self, provider: str, subject: str, at: datetime) -> list[str]:
        """Ends all sessions of an OpenID provider's user who authenticated up to ``at``, even a
        session that is just being opened; returns their ids."""
        marks = self._subjects(provider, subject)
        opened: Document = {"subject": {"$in": marks}, "identified_at": {"$lte": at}}
        with translate_errors():
            await self._ended.update_one({"_id": marks[0]}, {"$max": {"at": at}}, upsert=True)
            rows = await self._all.find(opened, {"_id": 1}).to_list(None)
            await self._all.delete_many(opened)
        return [row["_id"] for row in rows]

    async def prune(self, now: datetime, tickets_before: datetime) -> int:
        """Deletes expired sessions and returns their number. Also deletes stored logouts before
        ``tickets_before``, whose tickets can no longer be used."""
        with translate_errors():
            ended = await self._all.delete_many({"expires_at": {"$lte": now}})
            await self._ended.delete_many({"at": {"$lt": tickets_before}})
        return ended.deleted_count


def _no_openid() -> None:
    """The ``decrypt`` function of sessions other than WeChat's, which have no openid."""


def _role_document(role: StaffRole) -> Document:
    return {
        "name": role.name.value if role.name is not None else "",
        "since": role.since,
        "used_at": role.used_at,
        "second_factor": role.second_factor,
    }


def _role(d: Document | None) -> StaffRole | None:
    if not d:
        return None
    name = Role(d["name"]) if d["name"] else None
    return StaffRole(name, d["since"], d["used_at"], d.get("second_factor", False))


def _by_ids(ids: list[str]) -> Document:
    """The query for these ids. A single id is queried without ``$in``, which costs a fifth less."""
    return {"_id": ids[0] if len(ids) == 1 else {"$in": ids}}
