"""The webhook endpoints. Each document has its own `place`, a number below ``MOST_ENDPOINTS`` under
a unique index: even concurrent calls cannot add more endpoints. The secrets are encrypted."""

from __future__ import annotations

import secrets
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from models.storage.batching import Batcher
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database, Document, insert
from models.storage.mongo_errors import conflicting_key, translate_errors
from models.webhooks.entities import (
    MOST_ENDPOINTS,
    MOST_OLD_SECRETS,
    SECRET_OVERLAP,
    DisabledBy,
    WebhookEndpoint,
    WebhookEventType,
    WebhookId,
    WebhookKeys,
)
from models.webhooks.errors import WebhookMade

INDEXES: Final = {"webhooks": [IndexModel([("place", ASCENDING)], name="place", unique=True)]}
SECRET_PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = 32
_PURPOSES: Final = {
    "secret": "webhook secret",
    "reader_key": "webhook reader key",
}
"""The encrypted fields, each with the purpose that ``FieldCipher`` binds its value to."""


def new_secret() -> str:
    """Makes a random secret in the format of Standard Webhooks."""
    return SECRET_PREFIX + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


class WebhookEndpointRepository:
    def __init__(self, db: Database, cipher: FieldCipher) -> None:
        self._all = db["webhooks"]
        self._cipher = cipher
        self._looks = Batcher(self._find_all)

    async def add(self, endpoint: WebhookEndpoint, secret: str) -> WebhookEndpoint | None:
        """Stores a new endpoint and returns it; None if there are ``MOST_ENDPOINTS`` already.
        Raises: WebhookMade if an endpoint with this id exists."""
        document: Document = {
            **_chosen(endpoint),
            "_id": endpoint.id,
            "rev": 1,
            "created_at": endpoint.created_at,
            "disabled_by": None,
            "secret": self._seal("secret", secret),
            "old_secrets": [],
            "reader_key": self._seal(
                "reader_key", b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
            ),
            "failures": 0,
            "paused_until": None,
        }
        for place in range(MOST_ENDPOINTS):
            try:
                with translate_errors():
                    await insert(self._all, {**document, "place": place})
            except DuplicateKeyError as error:
                if conflicting_key(error) == endpoint.id:
                    raise WebhookMade() from error
                continue
            return _endpoint(document)
        return None

    async def all(self) -> list[WebhookEndpoint]:
        """All endpoints, oldest first."""
        with translate_errors():
            rows = (
                await self._all.find()
                .sort([("created_at", ASCENDING), ("_id", ASCENDING)])
                .to_list(None)
            )
        return [_endpoint(row) for row in rows]

    async def get(self, id: str) -> WebhookEndpoint | None:
        with translate_errors():
            row = await self._all.find_one({"_id": id})
        return _endpoint(row) if row else None

    async def with_keys(
        self, id: WebhookId, now: datetime
    ) -> tuple[WebhookEndpoint, WebhookKeys] | None:
        """The endpoint, and its keys: the secrets that sign at ``now`` and the key of readers'
        pseudonyms. None if the endpoint was deleted."""
        row = await self._looks.submit(id)
        if row is None:
            return None
        signing = [self._open("secret", row["secret"])]
        signing += [self._open("secret", old["secret"]) for old in _valid(row, now)]
        reader_key = b64decode(self._open("reader_key", row["reader_key"]))
        return _endpoint(row), WebhookKeys(tuple(signing), reader_key)

    async def _find_all(self, ids: Sequence[WebhookId]) -> list[Document | None]:
        with translate_errors():
            rows = await self._all.find({"_id": {"$in": sorted({*ids})}}).to_list(None)
        by_id = {row["_id"]: row for row in rows}
        return [by_id.get(id) for id in ids]

    async def replace(self, old: WebhookEndpoint, new: WebhookEndpoint) -> bool:
        """Writes the settings of ``new``; a new URL resets the count of failures and ends the
        pause. False if ``old`` is outdated."""
        fields = _chosen(new)
        if new.url != old.url:
            fields |= {"failures": 0, "paused_until": None}
        return await self._change(old, {"$set": fields})

    async def set_enabled(self, old: WebhookEndpoint, enabled: bool) -> bool:
        """Enables or disables the endpoint; resets the count of failures and ends the pause.
        False if ``old`` is outdated."""
        disabled = None if enabled else DisabledBy.STAFF.value
        fields: Document = {"disabled_by": disabled, "failures": 0, "paused_until": None}
        return await self._change(old, {"$set": fields})

    async def rotate(self, old: WebhookEndpoint, secret: str, now: datetime) -> bool:
        """Makes ``secret`` the endpoint's current secret. The previous secret also signs, for
        the time ``SECRET_OVERLAP``. False if ``old`` is outdated."""
        with translate_errors():
            row = await self._all.find_one({"_id": old.id, "rev": old.rev})
        if row is None:
            return False
        before: Document = {"secret": row["secret"], "until": now + SECRET_OVERLAP}
        fields: Document = {
            "old_secrets": [before, *_valid(row, now)][:MOST_OLD_SECRETS],
            "secret": self._seal("secret", secret),
            "secret_rev": old.rev + 1,
        }
        return await self._change(old, {"$set": fields})

    async def end_old_secret(self, old: WebhookEndpoint) -> bool:
        """Ends all previous secrets: only the current one signs. False if ``old`` is outdated."""
        return await self._change(old, {"$set": {"old_secrets": []}})

    async def delete(self, old: WebhookEndpoint) -> bool:
        """Deletes the endpoint. False if ``old`` is outdated."""
        with translate_errors():
            result = await self._all.delete_one({"_id": old.id, "rev": old.rev})
        return bool(result.deleted_count)

    async def _change(self, old: WebhookEndpoint, update: Document) -> bool:
        with translate_errors():
            result = await self._all.update_one(
                {"_id": old.id, "rev": old.rev}, {**update, "$inc": {"rev": 1}}
            )
        return bool(result.modified_count)

    async def end_pause(self, endpoint: WebhookEndpoint) -> None:
        """Ends the endpoint's pause and resets its count of failures."""
        with translate_errors():
            await self._all.update_one(
                {"_id": endpoint.id}, {"$set": {"failures": 0, "paused_until": None}}
            )

    async def record_failures(
        self, endpoint: WebhookEndpoint, failures: int, paused_until: datetime | None
    ) -> None:
        """Stores the failures in a row and the end of the pause, unless the URL has changed."""
        update: Document = {"$set": {"failures": failures}}
        if paused_until is not None:
            update["$max"] = {"paused_until": paused_until}
        with translate_errors():
            await self._all.update_one({"_id": endpoint.id, "url": endpoint.url}, update)

    async def disable_gone(self, endpoint: WebhookEndpoint) -> bool:
        """Disables an endpoint that answered 410. False if already disabled or its URL changed."""
        with translate_errors():
            result = await self._all.update_one(
                {"_id": endpoint.id, "url": endpoint.url, "disabled_by": None},
                {"$set": {"disabled_by": DisabledBy.GONE.value}, "$inc": {"rev": 1}},
            )
        return bool(result.modified_count)

    async def reencrypt(self) -> int:
        """Re-encrypts with the current key all secrets that were encrypted with older keys;
        returns the number of endpoints changed."""
        with translate_errors():
            rows = await self._all.find({}).to_list(None)
            done = 0
            for row in rows:
                fresh: Document = {n: self._by_current_key(n, row[n]) for n in _PURPOSES}
                fresh["old_secrets"] = [
                    {**old, "secret": self._by_current_key("secret", old["secret"])}
                    for old in row.get("old_secrets", ())
                ]
                stale = {name: row[name] for name in fresh if row.get(name, []) != fresh[name]}
                if stale:  # guarded by the old values: a rotation may have come in between
                    changes = {"$set": {name: fresh[name] for name in stale}}
                    await self._all.update_one({"_id": row["_id"], **stale}, changes)
                    done += 1
        return done

    def _by_current_key(self, name: str, sealed: str) -> str:
        if sealed.startswith(f"{self._cipher.current}:"):
            return sealed
        return self._seal(name, self._open(name, sealed))

    def _seal(self, name: str, plain: str) -> str:
        return self._cipher.encrypt(plain, _PURPOSES[name])

    def _open(self, name: str, sealed: str) -> str:
        return self._cipher.decrypt(sealed, _PURPOSES[name])


def _valid(d: Document, now: datetime) -> list[Document]:
    """The previous secrets that still sign at ``now``, latest first."""
    return [old for old in d.get("old_secrets", ()) if now < old["until"]]


def _chosen(endpoint: WebhookEndpoint) -> Document:
    return {
        "url": endpoint.url,
        "description": endpoint.description,
        "events": sorted(event.value for event in endpoint.events),
        "personal": endpoint.personal,
    }


def _endpoint(d: Document) -> WebhookEndpoint:
    disabled = d["disabled_by"]
    event_types = set(WebhookEventType)
    return WebhookEndpoint(
        id=WebhookId(d["_id"]),
        url=d["url"],
        description=d["description"],
        events=frozenset(WebhookEventType(name) for name in d["events"] if name in event_types),
        personal=d["personal"],
        disabled_by=DisabledBy(disabled) if disabled is not None else None,
        rev=d["rev"],
        created_at=d["created_at"],
        old_secret_until=max((old["until"] for old in d.get("old_secrets", ())), default=None),
        secret_rev=d.get("secret_rev", 1),
        failures=d["failures"],
        paused_until=d["paused_until"],
    )
