"""The outbox dispatcher: outbox events → violations and messages, at least once, told once.

Every effect has a key made from the reservation and the change, or from the waitlist entry, so a
dispatcher that crashed half-way repeats itself without harm; only then are the events taken out of
the outbox.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from models.kernel.errors import DomainError, ServiceUnavailable
from models.messages.consent_repository import ConsentRepository
from models.messages.entities import DeliveryState, Message
from models.messages.repository import MessageRepository
from models.reservations.entities import Reservation
from models.reservations.repository import ReservationRepository
from notify.reservation_messages import ReservationMessages
from notify.waitlist_messages import WaitlistMessages

log = logging.getLogger(__name__)
BATCH: Final = 500
_AT_A_TIME: Final = 25
"""Written before requests have their turn again."""


class OutboxDispatcher:
    """Turns outbox events into violations and messages."""

    def __init__(
        self,
        reservations: ReservationRepository,
        messages: MessageRepository,
        consents: ConsentRepository | None,
        reservation_messages: ReservationMessages,
        waitlist_messages: WaitlistMessages,
        count: Callable[[str, int], None] = lambda outcome, times: None,
    ) -> None:
        """``consents`` is None where the library has no mini-program; ``count`` is called with an
        outcome and how often it was."""
        self._reservations, self._messages, self._consents = reservations, messages, consents
        self._reservation_messages, self._count = reservation_messages, count
        self._waitlist_messages = waitlist_messages

    async def dispatch(self) -> int:
        """Dispatch what the outboxes hold and which waitlist entries have ended, at most a batch of
        each. How many events.

        Most readers consent to few messages: what they did not ask for is kept for the app, comes
        to its end here and is counted as such. A client tells of consent before it acts. Without a
        mini-program that is all of it.
        """
        dispatched: list[Reservation] = []
        messages: list[Message] = []
        found = await self._reservations.with_outbox_events(BATCH)
        for number, r in enumerate(found, start=1):
            if number % _AT_A_TIME == 0:
                await asyncio.sleep(0)
            try:
                written = [
                    message
                    for event in r.outbox
                    for message in await self._reservation_messages.messages_for(r, event)
                ]
            except ServiceUnavailable:
                raise
            except (DomainError, LookupError, TypeError, ValueError):
                # One that cannot be told must not keep back all the others; it stays and is seen.
                log.exception("dispatch_failed", extra={"reservation": r.id})
                continue
            messages += written
            dispatched.append(r)
        ended = await self._waitlist_messages.untold(BATCH)
        messages += ended.values()
        if messages:
            await self._add(messages)
        await self._reservations.remove_outbox_events(dispatched)
        await self._waitlist_messages.told(ended)
        return sum(len(r.outbox) for r in dispatched) + len(ended)

    async def _add(self, messages: list[Message]) -> None:
        wanted = {(m.reader_id, m.template) for m in messages}
        allowed = await self._consents.with_consent(wanted) if self._consents else set()
        without = {m.id for m in messages if (m.reader_id, m.template) not in allowed}
        await self._messages.add(messages, without)
        self._count(DeliveryState.NO_CONSENT.value, len(without))
