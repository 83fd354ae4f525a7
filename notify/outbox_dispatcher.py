"""The outbox dispatcher: outbox events → violations, messages and webhooks, at least once.

Every effect has a key made from the reservation and the change, or from the waitlist entry, so a
dispatcher that crashed half-way repeats itself without harm; only then are the events taken out of
the outbox.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Final

from models.kernel.errors import DomainError, ServiceUnavailable
from models.messages.entities import Message
from models.readers.personal_data_repository import ERASED_READER, LateWrites
from models.reservation_store.repository import ReservationRepository
from models.reservations.entities import Reservation
from models.webhooks.entities import WebhookEvent
from notify.publisher import MessagePublisher
from notify.reservation_messages import ReservationMessages, dispatched_ids
from notify.waitlist_messages import WaitlistMessages
from notify.webhooks.events import WebhookEvents

log = logging.getLogger(__name__)
BATCH: Final = 500
_AT_A_TIME: Final = 25
"""Written before requests have their turn again."""


class OutboxDispatcher:
    """Turns outbox events into violations, messages and deliveries of webhooks."""

    def __init__(
        self,
        reservations: ReservationRepository,
        publisher: MessagePublisher,
        reservation_messages: ReservationMessages,
        waitlist_messages: WaitlistMessages,
        webhook_events: WebhookEvents,
        late_writes: LateWrites,
    ) -> None:
        self._reservations, self._publisher = reservations, publisher
        self._reservation_messages = reservation_messages
        self._waitlist_messages = waitlist_messages
        self._webhook_events, self._late_writes = webhook_events, late_writes

    async def dispatch(self, now: datetime) -> int:
        """Dispatch what the outboxes hold and which waitlist entries have ended, at most a batch of
        each. How many events. A client tells of a reader's consent before it acts.
        """
        dispatched: list[Reservation] = []
        messages: list[Message] = []
        events: list[WebhookEvent] = []
        found = await self._reservations.with_outbox_events(BATCH)
        wanted = await self._webhook_events.wanted() if found else ()
        for number, r in enumerate(found, start=1):
            if number % _AT_A_TIME == 0:
                await asyncio.sleep(0)
            try:
                written = [
                    message
                    for event in r.outbox
                    for message in await self._reservation_messages.messages_for(r, event)
                ]
                events_of_it = self._webhook_events.events_of(r, wanted)
            except ServiceUnavailable:
                raise
            except (DomainError, LookupError, TypeError, ValueError):
                # One that cannot be told must not keep back all the others; it stays and is seen.
                log.exception("dispatch_failed", extra={"reservation": r.id})
                continue
            messages += written
            events += events_of_it
            dispatched.append(r)
        ended = await self._waitlist_messages.untold(BATCH)
        await self._publisher.publish([*messages, *ended.values()])
        others = await self._webhook_events.publish(events, now)
        # Written by a round that had read them before their readers were erased.
        nobodys = [r for r in dispatched if r.reader_id == ERASED_READER]
        await self._late_writes.erase([id for r in nobodys for id in dispatched_ids(r)])
        await self._reservations.remove_outbox_events(dispatched)
        await self._waitlist_messages.told(ended)
        return sum(len(r.outbox) for r in dispatched) + len(ended) + others
