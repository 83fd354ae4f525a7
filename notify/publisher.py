"""A message is kept once, and queued for each channel that its reader wants it by."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from models.messages.delivery_repository import DeliveryRepository
from models.messages.entities import Channel, DeliveryState, Message
from models.messages.repository import MessageRepository
from notify.routing import ChannelRouting


class MessagePublisher:
    """Tells readers."""

    def __init__(
        self,
        messages: MessageRepository,
        deliveries: DeliveryRepository,
        routing: ChannelRouting,
        count: Callable[[Channel, str, int], None] = lambda channel, outcome, times: None,
    ) -> None:
        """``count`` is called with a channel, an outcome and how often it was."""
        self._messages, self._deliveries = messages, deliveries
        self._routing, self._count = routing, count

    async def publish(self, messages: Sequence[Message]) -> None:
        """Keep the messages for the app, and queue them for the channels. May be repeated: each is
        kept once, and goes by each channel once.

        Most readers want few messages outside of the app; what nobody asked for has no delivery,
        and is counted as such.

        Raises: Unavailable.
        """
        if not messages:
            return
        await self._messages.add(messages)
        for name, ids in (await self._routing.route(messages)).items():
            await self._deliveries.add(name, [m for m in messages if m.id in ids])
            self._count(name, DeliveryState.NO_CONSENT.value, len(messages) - len(ids))
