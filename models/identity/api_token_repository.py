"""API tokens in the database. Only a secret's hash is stored, so a secret is shown only once."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pymongo import ASCENDING, DESCENDING, IndexModel

from models.identity.api_tokens import ApiToken, Scope
from models.identity.entities import Principal, Session, SessionKind
from models.kernel.ids import ReaderId
from models.storage.encryption import token_hash
from models.storage.mongo import Database, Document, insert_if_new
from models.storage.mongo_errors import translate_errors

INDEXES: Final[dict[str, list[IndexModel]]] = {
    "api_tokens": [
        IndexModel([("secret", ASCENDING)], name="secret", unique=True),
        IndexModel([("created_at", DESCENDING)], name="newest"),
        IndexModel([("expires_at", ASCENDING)], name="expires_at"),
    ],
}
_SESSION_ID: Final = "program:"


def is_program(session_id: str) -> bool:
    """True if the session id stands for an API token's requests (a result of ``session_id_of``)."""
    return session_id.startswith(_SESSION_ID)


def session_id_of(token: str) -> str:
    """The common session id of all requests with this API token."""
    return _SESSION_ID + token_hash(token)


class ApiTokenRepository:
    def __init__(self, db: Database) -> None:
        self._all = db["api_tokens"]

    async def insert(self, secret: str, made: ApiToken) -> bool:
        """Inserts a token; False if a token with its id exists. Raises: Unavailable."""
        document: Document = {
            "_id": made.id,
            "secret": token_hash(secret),
            "name": made.name,
            "scopes": sorted(made.scopes),
            "per_minute": made.per_minute,
            "created_by": made.created_by,
            "created_at": made.created_at,
            "expires_at": made.expires_at,
            "last_used_at": None,
            "revoked_at": None,
        }
        return await insert_if_new(self._all, document)

    async def find_principal(self, session_id: str) -> Principal | None:
        """The principal for the session id of an API token; None if the token was revoked or
        never existed. The expiry is not checked here."""
        secret = session_id.removeprefix(_SESSION_ID)
        with translate_errors():
            document = await self._all.find_one({"secret": secret, "revoked_at": None})
        if document is None:
            return None
        token = _token(document)
        session = Session(
            id=session_id,
            kind=SessionKind.API,
            reader_id=None,
            ticket_hash=None,
            expires_at=token.expires_at,
            opened_at=token.created_at,
            decrypt=_no_wechat_user,
        )
        return Principal(session, None, program=token)

    async def all(self) -> list[ApiToken]:
        """All tokens, revoked and expired ones included, newest first."""
        with translate_errors():
            rows = await self._all.find({}).sort("created_at", DESCENDING).to_list(None)
        return [_token(row) for row in rows]

    async def use(self, id: str, now: datetime) -> None:
        with translate_errors():
            await self._all.update_one({"_id": id}, {"$max": {"last_used_at": now}})

    async def revoke(self, id: str, now: datetime) -> str | None:
        """Revokes the token; returns its requests' session id, or None if it is revoked already."""
        with translate_errors():
            document = await self._all.find_one_and_update(
                {"_id": id, "revoked_at": None}, {"$set": {"revoked_at": now}}
            )
        return _SESSION_ID + document["secret"] if document else None

    async def prune(self, before: datetime) -> int:
        """Deletes tokens that expired or were revoked before ``before``; returns their number."""
        over: Document = {"$or": [{"expires_at": {"$lt": before}}, {"revoked_at": {"$lt": before}}]}
        with translate_errors():
            result = await self._all.delete_many(over)
        return result.deleted_count


def _no_wechat_user() -> None:
    return None


def _token(d: Document) -> ApiToken:
    return ApiToken(
        id=d["_id"],
        name=d["name"],
        scopes=frozenset(Scope(scope) for scope in d["scopes"]),
        per_minute=d["per_minute"],
        created_by=ReaderId(d["created_by"]),
        created_at=d["created_at"],
        expires_at=d["expires_at"],
        last_used_at=d["last_used_at"],
        revoked_at=d["revoked_at"],
    )
