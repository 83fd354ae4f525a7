"""What the console shows of webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.webhooks.delivery_repository import WebhookDeliveryRepository
from models.webhooks.endpoint_repository import WebhookEndpointRepository
from models.webhooks.entities import WebhookDelivery, WebhookEndpoint, WebhookStanding
from models.webhooks.rules import Network


@dataclass(frozen=True, slots=True)
class WebhookRecord:
    """An endpoint's last deliveries, and its last dead ones."""

    standing: WebhookStanding
    newest: list[WebhookDelivery]
    dead: list[WebhookDelivery]


class WebhookLists:
    """Reads endpoints and their deliveries. ``allowed_networks`` are the operator's."""

    def __init__(
        self,
        endpoints: WebhookEndpointRepository,
        deliveries: WebhookDeliveryRepository,
        allowed_networks: Sequence[Network],
    ) -> None:
        self._endpoints, self._deliveries = endpoints, deliveries
        self.allowed_networks = allowed_networks

    async def all(self) -> list[tuple[WebhookEndpoint, WebhookStanding]]:
        """Every endpoint with how it stands, the oldest first."""
        endpoints = await self._endpoints.all()
        return [(e, await self._deliveries.standing(e.id)) for e in endpoints]

    async def record_of(self, endpoint: WebhookEndpoint, limit: int) -> WebhookRecord:
        """At most ``limit`` of each list, the newest first."""
        return WebhookRecord(
            await self._deliveries.standing(endpoint.id),
            await self._deliveries.newest(endpoint.id, limit),
            await self._deliveries.newest(endpoint.id, limit, dead=True),
        )
