"""Changes of webhook endpoints by administrators of the whole library, with audit entries."""

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
        """Sends a test event to the endpoint once; returns the result. Raises: Unavailable."""
        ...


class StaffWebhooks:
    """The endpoints, as administrators see and change them. A change based on an outdated
    ``WebhookEndpoint`` raises WebhookChanged and has no effect."""

    def __init__(
        self,
        audit: AuditLog,
        endpoints: WebhookEndpointRepository,
        deliveries: WebhookDeliveryRepository,
        tester: WebhookTester,
        allowed_networks: Sequence[Network],
    ) -> None:
        """``allowed_networks``: networks that the operator allows although they are not public."""
        self._audit, self._endpoints = audit, endpoints
        self._deliveries, self._tester = deliveries, tester
        self.allowed_networks = allowed_networks

    async def all(self) -> list[tuple[WebhookEndpoint, WebhookStanding]]:
        """All endpoints, oldest first, each with counts of its deliveries."""
        endpoints = await self._endpoints.all()
        return [(e, await self._deliveries.standing(e.id)) for e in endpoints]

    async def record_of(self, endpoint: WebhookEndpoint, limit: int) -> WebhookRecord:
        """The endpoint's deliveries: their counts, the newest deliveries, and the newest dead
        deliveries. At most ``limit`` in each list, newest events first."""
        return WebhookRecord(
            await self._deliveries.standing(endpoint.id),
            await self._deliveries.newest(endpoint.id, limit),
            await self._deliveries.newest(endpoint.id, limit, dead=True),
        )

    async def get(self, id: str) -> WebhookEndpoint:
        """The endpoint with this id. Raises: NotFound."""
        endpoint = await self._endpoints.get(id)
        if endpoint is None:
            raise NotFound()
        return endpoint

    async def add(
        self, ctx: StaffContext, form: str, endpoint: WebhookEndpoint, reason: str
    ) -> tuple[WebhookEndpoint, str]:
        """Adds an endpoint; returns it and its secret, which cannot be read later. ``form``: key
        of the form; one form creates one endpoint. Raises: TooManyWebhooks, WebhookMade."""
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
        """Changes URL, description, event types or the use of personal data. Queued deliveries are
        sent to the new URL, even if their type is no longer chosen. Raises: WebhookChanged."""
        async with self._entry(ctx, AuditAction.CHANGE_WEBHOOK, old, reason, _facts(old)) as entry:
            _require(await self._endpoints.replace(old, new))
            entry.after = _facts(new)

    async def set_enabled(
        self, ctx: StaffContext, old: WebhookEndpoint, enabled: bool, reason: str
    ) -> None:
        """Enables or disables the endpoint. While it is disabled, new events are not queued for
        it; queued deliveries wait, and are dead ``GIVE_UP_AFTER`` after they were queued.
        Raises: WebhookChanged."""
        action = AuditAction.ENABLE_WEBHOOK if enabled else AuditAction.DISABLE_WEBHOOK
        async with self._entry(ctx, action, old, reason, {"enabled": old.enabled}) as entry:
            _require(await self._endpoints.set_enabled(old, enabled))
            entry.after = {"enabled": enabled}

    async def rotate_secret(self, ctx: StaffContext, old: WebhookEndpoint, reason: str) -> str:
        """Gives the endpoint a new secret and returns it. The previous secret also signs for the
        time ``SECRET_OVERLAP``. Raises: WebhookChanged."""
        secret = new_secret()
        async with self._entry(ctx, AuditAction.ROTATE_WEBHOOK, old, reason):
            _require(await self._endpoints.rotate(old, secret, ctx.now))
        return secret

    async def end_old_secret(self, ctx: StaffContext, old: WebhookEndpoint, reason: str) -> None:
        """Ends the previous secrets before ``SECRET_OVERLAP`` is over. Raises: WebhookChanged."""
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
        """Queues the dead delivery ``delivery_id`` again (None: all dead deliveries of the
        endpoint) and ends the endpoint's pause; returns the number queued."""
        async with self._entry(ctx, AuditAction.RETRY_WEBHOOK, endpoint, reason) as entry:
            queued = await self._deliveries.send_again(endpoint.id, delivery_id, ctx.now)
            await self._endpoints.end_pause(endpoint)
            entry.after = {"queued": queued}
        return queued

    async def test(self, ctx: StaffContext, endpoint: WebhookEndpoint) -> WebhookResult:
        """Sends an unstored test event once, even to a disabled endpoint; returns the result."""
        ctx.require(None, Role.ADMINISTRATOR)  # None: for the whole library, not a venue
        return await self._tester.test(endpoint, ctx.now)

    def _entry(
        self,
        ctx: StaffContext,
        action: AuditAction,
        endpoint: WebhookEndpoint,
        reason: str,
        before: JsonObject | None = None,
    ) -> AbstractAsyncContextManager[OpenAuditEntry]:
        ctx.require(None, Role.ADMINISTRATOR)  # None: for the whole library, not a venue
        return self._audit.entry(
            ctx, action, target=f"webhook:{endpoint.id}", reason=reason, before=before
        )


def _require(written: bool) -> None:
    if not written:
        raise WebhookChanged()


def _facts(endpoint: WebhookEndpoint) -> JsonObject:
    """The endpoint's settings in the form of the audit log. The URL is reduced to its host and a
    hash of the whole, since the rest may be secret."""
    url, mark = urlsplit(endpoint.url), blake2b(endpoint.url.encode(), digest_size=3).hexdigest()
    return {
        "url": f"{url.scheme}://{url.netloc} · {mark}",
        "description": endpoint.description,
        "events": ", ".join(sorted(endpoint.events)),
        "personal": endpoint.personal,
    }
