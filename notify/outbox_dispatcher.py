"""The relay: outbox → violations and messages, at least once, told once.

Every effect has a key made from the reservation and the change, so a relay that crashed half-way
repeats itself without harm; only then are the notices taken out of the outbox.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from models.booking.desk import Desk
from models.kernel.errors import DomainError, ServiceUnavailable
from models.messages.consent_repository import ConsentRepository
from models.messages.entities import DeliveryState, Message
from models.messages.repository import Messages
from models.reservations.entities import Reservation
from notify.reservation_messages import _messages_for

log = logging.getLogger(__name__)
BATCH: Final = 500
_AT_A_TIME: Final = 25
"""Written before requests have their turn again."""


async def dispatch(
    desk: Desk,
    messages: Messages,
    credits: ConsentRepository | None,
    counted: Callable[[str, int], None] = lambda outcome, times: None,
) -> int:
    """Relay what the outboxes hold, at most a batch. Returns the number of notices.

    Most readers consent to few messages: what they did not ask for is kept for the app, comes to
    its end here and is ``counted`` as such. A client tells of consent before it acts. Without
    ``credits`` (the library has no mini-program) that is all of it.
    """
    told: list[Reservation] = []
    letters: list[Message] = []
    for number, r in enumerate(await desk.reservations.with_outbox_events(BATCH), start=1):
        if number % _AT_A_TIME == 0:
            await asyncio.sleep(0)
        try:
            written = [
                message for notice in r.outbox for message in await _messages_for(desk, r, notice)
            ]
        except ServiceUnavailable:
            raise
        except (DomainError, LookupError, TypeError, ValueError):
            # One that cannot be told must not keep back all the others; it stays and is seen.
            log.exception("relay_failed", extra={"reservation": r.id})
            continue
        letters += written
        told.append(r)
    if letters:
        asked = {(m.reader_id, m.template) for m in letters}
        allowed = await credits.with_consent(asked) if credits is not None else set()
        unasked = {m.id for m in letters if (m.reader_id, m.template) not in allowed}
        await messages.add(letters, unasked)
        counted(DeliveryState.NO_CONSENT.value, len(unasked))
    await desk.reservations.remove_outbox_events(told)
    return sum(len(r.outbox) for r in told)
