"""A worker's dispatch of the outbox."""

from __future__ import annotations

from collections.abc import Sequence

from miniapp_server.channels import outbox_dispatcher
from models.messages.repository import MessageRepository
from notify.delivery.channel import DeliveryChannel
from notify.outbox_dispatcher import OutboxDispatcher
from notify.publisher import MessagePublisher
from notify.routing import ChannelRouting
from tests.inside import Inside


def dispatcher(
    worker: Inside, messages: MessageRepository, channels: Sequence[DeliveryChannel] = ()
) -> OutboxDispatcher:
    publisher = MessagePublisher(messages, worker.stored.deliveries, ChannelRouting(channels))
    return outbox_dispatcher(worker.app, worker.stored, publisher)
