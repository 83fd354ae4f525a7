"""The outbox dispatcher: outbox events → violations, messages and webhooks, at least once.

Every effect has a key made from the reservation and the change, or from the waitlist entry, so a
dispatcher that crashed half-way repeats itself without harm; only then are the events taken out of
the outbox.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from time import monotonic
from typing import Final

from models.kernel.errors import DomainError, ServiceUnavailable
from models.messages.entities import Message
from models.reservations.claims import ClaimKind
from models.reservations.entities import Reservation
from models.reservations.repository import ReservationRepository
from models.webhooks.entities import WebhookEvent
from notify.publisher import MessagePublisher
from notify.reservation_messages import ReservationMessages
from notify.waitlist_messages import WaitlistMessages
from notify.webhooks.events import WebhookEvents

log = logging.getLogger(__name__)
BATCH: Final = 500
_AT_A_TIME: Final = 25
"""Written before requests have their turn again."""
_KEPT: Final = 6 * BATCH
"""New reservations that need not be read again: as many as a rush makes between two rounds."""
_KEPT_FOR_S: Final = 5.0
_READS_EVERY_S: Final = 2.0
"""Also while there is enough to tell that need not be read: others have written, too."""


class OutboxDispatcher:
    """Turns outbox events into violations, messages and deliveries of webhooks.

    A reservation that this process has just made is told as it was made. Everything else is read:
    changes, what others have made, and what was made before a crash.
    """

    def __init__(
        self,
        reservations: ReservationRepository,
        publisher: MessagePublisher,
        reservation_messages: ReservationMessages,
        waitlist_messages: WaitlistMessages,
        webhook_events: WebhookEvents,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """``clock`` gives seconds that never go back."""
        self._reservations, self._publisher = reservations, publisher
        self._reservation_messages = reservation_messages
        self._waitlist_messages = waitlist_messages
        self._webhook_events = webhook_events
        self._clock = clock
        self._made: list[Reservation] = []
        self._keeps_until = self._read_at = float("-inf")
        self._must_read = True
        reservations.subscribe(self)

    def written(self, old: Reservation | None, new: Reservation) -> None:
        """Keep a new reservation for the next round, if this process is the one that dispatches."""
        if old is None and len(self._made) < _KEPT and self._clock() < self._keeps_until:
            self._made.append(new)
        else:
            self._must_read = True

    def lost(self, kind: ClaimKind | None) -> None:
        """Nothing was written, so there is nothing to tell."""

    async def dispatch(self, now: datetime) -> int:
        """Dispatch what the outboxes hold and which waitlist entries have ended, at most a batch of
        each. How many events. A client tells of a reader's consent before it acts.
        """
        made = self._take_made()
        events = await self._tell(made, now) if made else 0
        overdue = self._clock() >= self._read_at + _READS_EVERY_S
        if not made or overdue or (self._must_read and not self._made):
            # What is written from now on may be missed by this look, and asks for another one.
            self._read_at, self._must_read = self._clock(), False
            found = await self._reservations.with_outbox_events(BATCH)
            self._must_read = self._must_read or len(found) >= BATCH
            known = {r.id for r in found}
            self._made = [r for r in self._made if r.id not in known]
            events += await self._tell(found, now)
        return events

    def _take_made(self) -> list[Reservation]:
        """A batch of what was made here. What has waited for long another process may have told."""
        if self._clock() >= self._keeps_until:
            self._made.clear()
            self._must_read = True
        self._keeps_until = self._clock() + _KEPT_FOR_S
        made, self._made = self._made[:BATCH], self._made[BATCH:]
        return made

    async def _tell(self, found: Sequence[Reservation], now: datetime) -> int:
        """Write what these reservations have to tell, and what waits elsewhere; only then are the
        events taken out of the outboxes. How many events."""
        dispatched: list[Reservation] = []
        messages: list[Message] = []
        events: list[WebhookEvent] = []
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
        erased = await self._reservations.remove_outbox_events(dispatched)
        await self._publisher.withdraw([m for m in messages if m.reservation_id in erased])
        await self._waitlist_messages.told(ended)
        return sum(len(r.outbox) for r in dispatched) + len(ended) + others
