"""Administration of webhook endpoints; each change has an entry in the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from typing import Protocol
from urllib.parse import urlsplit

from models.identity.roles import Role
from models.kernel.errors import NotFound
from models.staff.audit import AuditAction, JsonObject
from models.staff.audit_log import AuditLog, OpenAuditEntry, StaffContext
from models.storage.encryption import id_from
from models.webhooks.delivery_repository import WebhookDeliveryRepository
from models.webhooks.endpoint_repository import WebhookEndpointRepository, new_secret
from models.webhooks.entities import (
    MOST_ENDPOINTS,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookId,
    WebhookResult,
    WebhookStanding,
)
from models.webhooks.errors import TooManyWebhooks, WebhookChanged
from models.webhooks.rules import Network


@dataclass(frozen=True, slots=True)
class WebhookRecord:
    standing: WebhookStanding
    newest: list[WebhookDelivery]
    dead: list[WebhookDelivery]


class WebhookTester(Protocol):
    """Sends a test event; implemented in ``notify/webhooks/sender.py``."""

    async def test(self, endpoint: WebhookEndpoint, now: datetime) -> WebhookResult:
        """Returns the receiver's answer."""
        ...


class StaffWebhooks:
    """A change of an outdated endpoint raises WebhookChanged and has no effect."""

    def __init__(
        self,
        audit: AuditLog,
        endpoints: WebhookEndpointRepository,
        deliveries: WebhookDeliveryRepository,
        tester: WebhookTester,
        allowed_networks: Sequence[Network],
    ) -> None:
        """``allowed_networks``: networks that the operator allows besides public addresses."""
        self._audit, self._endpoints = audit, endpoints
        self._deliveries, self._tester = deliveries, tester
        self.allowed_networks = allowed_networks

    async def all(self) -> list[tuple[WebhookEndpoint, WebhookStanding]]:
        """All endpoints, oldest first."""
        endpoints = await self._endpoints.all()
        return [(e, await self._deliveries.standing(e.id)) for e in endpoints]

    async def record_of(self, endpoint: WebhookEndpoint, limit: int) -> WebhookRecord:
        """At most ``limit`` deliveries in each list, newest first."""
        return WebhookRecord(
            await self._deliveries.standing(endpoint.id),
            await self._deliveries.newest(endpoint.id, limit),
            await self._deliveries.newest(endpoint.id, limit, dead=True),
        )

    async def get(self, id: str) -> WebhookEndpoint:
        """Raises: NotFound."""
        endpoint = await self._endpoints.get(id)
        if endpoint is None:
            raise NotFound()
        return endpoint

    async def add(
        self, ctx: StaffContext, form: str, endpoint: WebhookEndpoint, reason: str
    ) -> tuple[WebhookEndpoint, str]:
        """Returns the new endpoint and its secret, which cannot be read again. One ``form`` creates
        one endpoint. Raises: TooManyWebhooks, WebhookMade."""
        secret = new_secret()
        endpoint = replace(endpoint, id=WebhookId(id_from(form)), created_at=ctx.now)
        async with self._entry(ctx, AuditAction.ADD_WEBHOOK, endpoint, reason) as entry:
            added = await self._endpoints.add(endpoint, secret)
            if added is None:
                raise TooManyWebhooks(limit=MOST_ENDPOINTS)
            entry.after = _facts(added)
        return added, secret

    async def change(
        self, ctx: StaffContext, old: WebhookEndpoint, new: WebhookEndpoint, reason: str
    ) -> None:
        """Raises: WebhookChanged."""
        async with self._entry(ctx, AuditAction.CHANGE_WEBHOOK, old, reason, _facts(old)) as entry:
            _require(await self._endpoints.replace(old, new))
            entry.after = _facts(new)

    async def set_enabled(
        self, ctx: StaffContext, old: WebhookEndpoint, enabled: bool, reason: str
    ) -> None:
        """Enables or disables the endpoint. Events that happen while it is disabled are not stored
        for it. Raises: WebhookChanged."""
        action = AuditAction.ENABLE_WEBHOOK if enabled else AuditAction.DISABLE_WEBHOOK
        async with self._entry(ctx, action, old, reason, {"enabled": old.enabled}) as entry:
            _require(await self._endpoints.set_enabled(old, enabled))
            entry.after = {"enabled": enabled}

    async def rotate_secret(self, ctx: StaffContext, old: WebhookEndpoint, reason: str) -> str:
        """Returns the new secret; the old one signs for a day more. Raises: WebhookChanged."""
        secret = new_secret()
        async with self._entry(ctx, AuditAction.ROTATE_WEBHOOK, old, reason):
            _require(await self._endpoints.rotate(old, secret, ctx.now))
        return secret

    async def end_old_secret(self, ctx: StaffContext, old: WebhookEndpoint, reason: str) -> None:
        """Ends the previous secrets. Raises: WebhookChanged."""
        async with self._entry(ctx, AuditAction.END_WEBHOOK_SECRET, old, reason):
            _require(await self._endpoints.end_old_secret(old))

    async def delete(self, ctx: StaffContext, old: WebhookEndpoint, reason: str) -> None:
        """Deletes the endpoint and its deliveries. Raises: WebhookChanged."""
        async with self._entry(ctx, AuditAction.DELETE_WEBHOOK, old, reason, _facts(old)):
            _require(await self._endpoints.delete(old))
            await self._deliveries.delete_of(old.id)

    async def send_again(
        self, ctx: StaffContext, endpoint: WebhookEndpoint, delivery_id: str | None, reason: str
    ) -> int:
        """Queues one dead delivery (None: all of the endpoint's) again; returns their number."""
        async with self._entry(ctx, AuditAction.RETRY_WEBHOOK, endpoint, reason) as entry:
            queued = await self._deliveries.send_again(endpoint.id, delivery_id, ctx.now)
            await self._endpoints.end_pause(endpoint)
            entry.after = {"queued": queued}
        return queued

    async def test(self, ctx: StaffContext, endpoint: WebhookEndpoint) -> WebhookResult:
        """Returns the receiver's answer to a test event, which is not stored."""
        ctx.require(None, Role.ADMINISTRATOR)
        return await self._tester.test(endpoint, ctx.now)

    def _entry(
        self,
        ctx: StaffContext,
        action: AuditAction,
        endpoint: WebhookEndpoint,
        reason: str,
        before: JsonObject | None = None,
    ) -> AbstractAsyncContextManager[OpenAuditEntry]:
        ctx.require(None, Role.ADMINISTRATOR)
        return self._audit.entry(
            ctx, action, target=f"webhook:{endpoint.id}", reason=reason, before=before
        )


def _require(written: bool) -> None:
    if not written:
        raise WebhookChanged()


def _facts(endpoint: WebhookEndpoint) -> JsonObject:
    """The URL is reduced to its host and a hash of the whole, since the rest may be secret."""
    url, mark = urlsplit(endpoint.url), blake2b(endpoint.url.encode(), digest_size=3).hexdigest()
    return {
        "url": f"{url.scheme}://{url.netloc} · {mark}",
        "description": endpoint.description,
        "events": ", ".join(sorted(endpoint.events)),
        "personal": endpoint.personal,
    }
