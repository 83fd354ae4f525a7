"""Stores each message once, and queues it for each channel by which its reader wants it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from models.messages.delivery_repository import DeliveryRepository
from models.messages.entities import Channel, DeliveryState, Message
from models.messages.repository import MessageRepository
from notify.routing import ChannelRouting


class MessagePublisher:
    def __init__(
        self,
        messages: MessageRepository,
        deliveries: DeliveryRepository,
        routing: ChannelRouting,
        count: Callable[[Channel, str, int], None] = lambda channel, outcome, times: None,
    ) -> None:
        """``count`` receives a channel, an outcome and its number of messages, for metrics."""
        self._messages, self._deliveries = messages, deliveries
        self._routing, self._count = routing, count

    async def publish(self, messages: Sequence[Message]) -> None:
        """Stores the messages, and queues them for the channels by which their readers want
        them. A repeated call adds nothing. For a channel that the reader does not want, a
        message is only counted, with the outcome ``NO_CONSENT``. Raises: Unavailable."""
        if not messages:
            return
        await self._messages.add(messages)
        for name, ids in (await self._routing.route(messages)).items():
            await self._deliveries.add(name, [m for m in messages if m.id in ids])
            self._count(name, DeliveryState.NO_CONSENT.value, len(messages) - len(ids))
