"""A worker dispatches the outbox."""

from __future__ import annotations

from collections.abc import Sequence

from models.messages.repository import MessageRepository
from notify.delivery.channel import DeliveryChannel
from notify.outbox_dispatcher import OutboxDispatcher
from notify.publisher import MessagePublisher
from notify.reservation_messages import ReservationMessages
from notify.routing import ChannelRouting
from notify.waitlist_messages import WaitlistMessages
from notify.webhooks.events import WebhookEvents
from tests.inside import Inside


def dispatcher(
    worker: Inside, messages: MessageRepository, channels: Sequence[DeliveryChannel] = ()
) -> OutboxDispatcher:
    return OutboxDispatcher(
        worker.stored.reservations,
        MessagePublisher(messages, worker.stored.deliveries, ChannelRouting(channels)),
        ReservationMessages(
            worker.stored.reservations, worker.reference, worker.violations, worker.code_sharing
        ),
        WaitlistMessages(worker.stored.waitlist, worker.reference),
        WebhookEvents(
            worker.stored.event_outbox,
            worker.stored.webhooks,
            worker.stored.webhook_deliveries,
            worker.reference,
        ),
        worker.stored.late_writes,
    )
