"""Messages queued for WeChat, as the publisher queues them."""

from __future__ import annotations

from collections.abc import Sequence

from models.messages.delivery_report_repository import ChannelDeliveries
from models.messages.delivery_repository import DeliveryRepository
from models.messages.entities import Channel, DeliveryState, Message
from models.messages.repository import MessageRepository
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database


def queue_of(
    db: Database, cipher: FieldCipher, channel: Channel = Channel.WECHAT
) -> ChannelDeliveries:
    """The channel's queue in one worker."""
    return ChannelDeliveries(db, channel, MessageRepository(db, cipher))


async def tell(
    db: Database,
    cipher: FieldCipher,
    messages: Sequence[Message],
    channel: Channel = Channel.WECHAT,
) -> None:
    """Stores the messages and queues all of them for the channel."""
    await MessageRepository(db, cipher).add(messages)
    await DeliveryRepository(db).add(channel, messages)


async def state_of(
    db: Database, message: Message, channel: Channel = Channel.WECHAT
) -> DeliveryState | None:
    """The state of the message's delivery."""
    return await DeliveryRepository(db).state_of(message.id, channel)
