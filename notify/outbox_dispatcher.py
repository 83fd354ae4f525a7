"""Turns outbox events into violations, messages and webhooks, at least once. Ids of effects come
from the event: repeats do no harm. Events are removed only here, after their effects are stored."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Final

from models.code_sharing.service import CodeSharingService
from models.kernel.errors import DomainError, Unavailable
from models.kernel.ids import ReaderId
from models.messages.entities import Message
from models.readers.personal_data_repository import ERASED_READER
from models.reservation_store.repository import ReservationRepository
from models.reservation_store.room_repository import RoomBookingRepository
from models.reservations.entities import Reservation
from models.storage.event_outbox import EventOutbox
from models.violations.recording import ViolationRecorder
from models.waitlist.repository import WaitlistRepository
from models.webhooks.entities import WebhookEvent, WebhookEventType
from notify.outbox_messages import OutboxMessages
from notify.publisher import MessagePublisher
from notify.webhooks.events import WebhookEvents

log = logging.getLogger(__name__)
BATCH: Final = 500
_AT_A_TIME: Final = 16
"""This many reservations are handled at the same time: some wait for MongoDB meanwhile."""
_RUN_S: Final = 5.0
"""After this many seconds a run handles no further reservations, and stores what it has. It is
interrupted after 25 seconds: on a machine that is too slow for a whole batch, runs would begin with
the same reservations again and again."""


@dataclass(frozen=True, slots=True)
class Subscribers:
    """The services that handle a reservation's events, called in the order of the fields: a
    violation is recorded before the message about it is written."""

    violations: ViolationRecorder
    code_sharing: CodeSharingService
    messages: OutboxMessages
    webhooks: WebhookEvents


@dataclass(frozen=True, slots=True)
class _Handled:
    """A reservation, with the messages and webhooks that follow from its events."""

    reservation: Reservation
    messages: Sequence[Message]
    webhook_events: Sequence[WebhookEvent]


class OutboxDispatcher:
    def __init__(
        self,
        reservations: ReservationRepository,
        rooms: RoomBookingRepository,
        waitlist: WaitlistRepository,
        events: EventOutbox,
        subscribers: Subscribers,
        publisher: MessagePublisher,
    ) -> None:
        self._reservations, self._rooms = reservations, rooms
        self._waitlist, self._events = waitlist, events
        self._subscribers, self._publisher = subscribers, publisher

    async def dispatch(self, now: datetime) -> int:
        """Handles at most ``BATCH`` reservations of seats and rooms, ended waitlist entries and
        stored events each; returns the number of events.

        A client sends the reader's consent before the reader's action, so the consent is stored
        when the message about the action is published.
        """
        stop_at = monotonic() + _RUN_S
        done = await self._dispatch_ends() + await self._dispatch_stored(now)
        reservations, room_events = await self._reservations.with_outbox_events(BATCH)
        types = await self._subscribers.webhooks.subscribed_types() if reservations else ()
        handled = await self._handle(reservations, types, stop_at)
        await self._publisher.publish([m for one in handled for m in one.messages])
        events = [event for one in handled for event in one.webhook_events]
        # Only webhooks of rooms are sent here; the job ``rooms`` tells their people.
        events += self._subscribers.webhooks.events_of_rooms(room_events)
        await self._subscribers.webhooks.publish(events, [], now)
        await self._reservations.remove_outbox_events([one.reservation for one in handled])
        await self._rooms.remove_outbox_events(room_events)
        return done + len(room_events) + sum(len(one.reservation.outbox) for one in handled)

    async def _dispatch_ends(self) -> int:
        """Tells readers of ended waitlist entries; returns their number."""
        ended = await self._waitlist.ended_unnotified(BATCH)
        await self._publisher.publish(
            [self._subscribers.messages.about_end(entry, end) for entry, end in ended]
        )
        await self._waitlist.mark_notified([entry.id for entry, _ in ended])
        return len(ended)

    async def _dispatch_stored(self, now: datetime) -> int:
        pending = await self._events.pending(BATCH)
        stored = await self._subscribers.webhooks.publish([], pending, now)
        await self._events.remove(stored)
        return len(stored)

    async def _handle(
        self,
        reservations: Sequence[Reservation],
        types: Container[WebhookEventType],
        stop_at: float,
    ) -> list[_Handled]:
        """Handles these reservations' events, webhooks of these ``types`` included, until
        ``stop_at``. Those whose events fail are left out. Raises: Unavailable."""
        lines: list[list[Reservation]] = [[] for _ in range(_AT_A_TIME)]
        line_of: dict[ReaderId, list[Reservation]] = {}
        for r in reservations:
            line_of.setdefault(r.reader_id, lines[len(line_of) % _AT_A_TIME]).append(r)
        parts = await asyncio.gather(*(self._handle_in_order(one, types, stop_at) for one in lines))
        return [one for part in parts for one in part]

    async def _handle_in_order(
        self,
        reservations: Sequence[Reservation],
        types: Container[WebhookEventType],
        stop_at: float,
    ) -> list[_Handled]:
        """Handles reservations, among them all of a reader: what an event means for them depends on
        those before."""
        handled = []
        for r in reservations:
            try:
                messages = await self._messages_of(r)
                events = self._subscribers.webhooks.events_of(r, types)
            except Unavailable:
                raise
            except (DomainError, LookupError, TypeError, ValueError):
                # A failing event must not block the others; it stays in its outbox and is logged.
                log.exception("dispatch_failed", extra={"reservation": r.id})
            else:
                handled.append(_Handled(r, messages, events))
            if monotonic() > stop_at:
                break
            await asyncio.sleep(0)  # lets requests run in between
        return handled

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
