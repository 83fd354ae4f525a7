"""A message is kept once, and queued for each channel that its reader wants it by."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from models.messages.delivery_repository import DeliveryRepository
from models.messages.entities import Channel, DeliveryState, Message
from models.messages.repository import MessageRepository
from notify.delivery.channel import DeliveryChannel


class MessagePublisher:
    """Tells readers. ``channels`` are those that the library has set up."""

    def __init__(
        self,
        messages: MessageRepository,
        deliveries: DeliveryRepository,
        channels: Sequence[DeliveryChannel],
        count: Callable[[Channel, str, int], None] = lambda channel, outcome, times: None,
    ) -> None:
        """``count`` is called with a channel, an outcome and how often it was."""
        self._messages, self._deliveries = messages, deliveries
        self._channels, self._count = channels, count

    async def publish(self, messages: Sequence[Message]) -> None:
        """Keep the messages for the app, and queue them for the channels. May be repeated: each is
        kept once, and goes by each channel once.

        Most readers want few messages outside of the app; what nobody asked for has no delivery,
        and is counted as such.

        Raises: ServiceUnavailable.
        """
        if not messages:
            return
        await self._messages.add(messages)
        for channel in self._channels:
            wanted = await channel.wanted(messages)
            await self._deliveries.add(channel.name, [m for m in messages if m.id in wanted])
            self._count(
                channel.name, DeliveryState.NO_CONSENT.value, len(messages) - len(set(wanted))
            )
