from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime
from typing import Final

from models.kernel.ids import ReaderId
from models.readers.entities import Reader
from models.reference_data import ReferenceData
from models.storage.mongo import new_id
from models.webhooks.endpoint_repository import WebhookEndpointRepository
from models.webhooks.entities import (
    WebhookEndpoint,
    WebhookEvent,
    WebhookId,
    WebhookKeys,
    WebhookResult,
)
from notify.webhooks.client import WebhookClient
from notify.webhooks.payload import body_of, ping
from notify.webhooks.signing import signed_headers

ReadersOf = Callable[[Collection[ReaderId]], Awaitable[Mapping[ReaderId, Reader]]]
_DELETED: Final = "deleted"


class WebhookSender:
    """Signs and posts webhook requests. Personal data is not queued but read for each attempt."""

    def __init__(
        self,
        client: WebhookClient,
        endpoints: WebhookEndpointRepository,
        readers_of: ReadersOf,
        real_now: Callable[[], datetime],
        reference: ReferenceData,
    ) -> None:
        """``readers_of`` loads readers by their ids. ``real_now`` is the machine's time, used in
        signatures because receivers refuse old ones."""
        self._client, self._endpoints, self._readers_of = client, endpoints, readers_of
        self._real_now, self._reference = real_now, reference

    async def send(
        self, id: WebhookId, event: WebhookEvent, now: datetime
    ) -> tuple[WebhookEndpoint, WebhookResult] | None:
        """Sends the event. Returns the endpoint, read for this attempt, and the result; None if
        the endpoint is disabled or deleted. Deselected types are sent too. Raises: Unavailable."""
        current = await self._endpoints.with_keys(id, now)
        if current is None or not current[0].enabled:
            return None
        endpoint, keys = current
        reader = None
        if endpoint.personal and event.reader_id is not None:
            reader = (await self._readers_of([event.reader_id])).get(event.reader_id)
        body = body_of(self._reference.zone, event, keys.reader_key, reader)
        return endpoint, await self._post(endpoint, event.id, body, keys)

    async def test(self, endpoint: WebhookEndpoint, now: datetime) -> WebhookResult:
        """Sends an unstored test event once, even to a disabled endpoint. Raises: Unavailable."""
        current = await self._endpoints.with_keys(endpoint.id, now)
        if current is None:
            return WebhookResult(None, _DELETED)
        return await self._post(
            current[0], f"evt_{new_id()}", ping(self._reference.zone, now), current[1]
        )

    async def _post(
        self, endpoint: WebhookEndpoint, id: str, body: bytes, keys: WebhookKeys
    ) -> WebhookResult:
        real_now = self._real_now()
        headers = signed_headers(id, body, keys.secrets, real_now)
        return await self._client.post(endpoint.url, body, headers, real_now)
