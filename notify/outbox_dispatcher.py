"""Turns outbox events into violations, messages and webhooks, at least once. Ids of effects come
from the event: repeats do no harm. Events are removed only here, after their effects are stored."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from models.code_sharing.service import CodeSharingService
from models.kernel.errors import DomainError, Unavailable
from models.messages.entities import Message
from models.readers.personal_data_repository import ERASED_READER
from models.reservation_store.repository import ReservationRepository
from models.reservations.entities import Reservation
from models.storage.event_outbox import EventOutbox
from models.violations.recording import ViolationRecorder
from models.waitlist.repository import WaitlistRepository
from models.webhooks.entities import WebhookEvent
from notify.outbox_messages import OutboxMessages
from notify.publisher import MessagePublisher
from notify.webhooks.events import WebhookEvents

log = logging.getLogger(__name__)
BATCH: Final = 500
_AT_A_TIME: Final = 25
"""After each batch of this many reservations, other tasks of the event loop run."""


@dataclass(frozen=True, slots=True)
class Subscribers:
    """The services that handle a reservation's events, called in the order of the fields: a
    violation is recorded before the message about it is written."""

    violations: ViolationRecorder
    code_sharing: CodeSharingService
    messages: OutboxMessages
    webhooks: WebhookEvents


class OutboxDispatcher:
    def __init__(
        self,
        reservations: ReservationRepository,
        waitlist: WaitlistRepository,
        events: EventOutbox,
        subscribers: Subscribers,
        publisher: MessagePublisher,
    ) -> None:
        self._reservations, self._waitlist, self._events = reservations, waitlist, events
        self._subscribers, self._publisher = subscribers, publisher

    async def dispatch(self, now: datetime) -> int:
        """Handles at most ``BATCH`` reservations, ended waitlist entries and stored events each;
        returns the number of events.

        A client sends the reader's consent before the reader's action, so the consent is stored
        when the message about the action is published.
        """
        dispatched: list[Reservation] = []
        messages: list[Message] = []
        events: list[WebhookEvent] = []
        webhooks = self._subscribers.webhooks
        reservations = await self._reservations.with_outbox_events(BATCH)
        event_types = await webhooks.subscribed_types() if reservations else ()
        for number, r in enumerate(reservations, start=1):
            if number % _AT_A_TIME == 0:
                await asyncio.sleep(0)
            try:
                written = await self._messages_of(r)
                events_of_it = webhooks.events_of(r, event_types)
            except Unavailable:
                raise
            except (DomainError, LookupError, TypeError, ValueError):
                # A failing event must not block the others; it stays in its outbox and is logged.
                log.exception("dispatch_failed", extra={"reservation": r.id})
                continue
            messages += written
            events += events_of_it
            dispatched.append(r)
        ended = await self._waitlist.ended_unnotified(BATCH)
        ends = [self._subscribers.messages.about_end(entry, end) for entry, end in ended]
        await self._publisher.publish([*messages, *ends])
        stored = await webhooks.publish(events, await self._events.pending(BATCH), now)
        await self._events.remove(stored)
        await self._reservations.remove_outbox_events(dispatched)
        await self._waitlist.mark_notified([entry.id for entry, _ in ended])
        return sum(len(r.outbox) for r in dispatched) + len(ended) + len(stored)

    async def _messages_of(self, r: Reservation) -> list[Message]:
        """Handles the reservation's events: stores violations and check-ins by kiosk code;
        returns the messages to send. The events of an erased reader cause nothing."""
        if r.reader_id == ERASED_READER:
            return []
        to, messages = self._subscribers, list[Message]()
        for event in r.outbox:
            result = await to.violations.record(r, event)
            await to.code_sharing.record_scan(r, event)
            messages += await to.messages.about(r, event, result)
        return messages
