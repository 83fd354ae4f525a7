"""The relay: outbox → violations and messages, at least once, told once.

Every effect has a key made from the reservation and the change, so a relay that crashed half-way
repeats itself without harm; only then are the notices taken out of the outbox.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from models import rules
from models.booking.desk import Desk
from models.booking.penalties import Penalty, judge
from models.booking.relays import record_of
from models.errors import ServiceError, Upstream
from models.message import DeliveryState, Message
from models.reservation import Notice, Reservation, State
from models.store.credits import Credits
from models.store.messages import Messages
from notify.messages import BY_EVENT, suspended
from notify.messages.letter import Moment

log = logging.getLogger(__name__)

BATCH: Final = 500
_AT_A_TIME: Final = 25
"""Written before requests have their turn again."""


async def relay(
    desk: Desk,
    messages: Messages,
    credits: Credits | None,
    counted: Callable[[str, int], None] = lambda outcome, times: None,
) -> int:
    """Relay what the outboxes hold, at most a batch. Returns the number of notices.

    Most readers consent to few messages: what they did not ask for is kept for the app, comes to
    its end here and is ``counted`` as such. A client tells of consent before it acts. Without
    ``credits`` (the library has no mini-program) that is all of it.
    """
    told: list[Reservation] = []
    letters: list[Message] = []
    for number, r in enumerate(await desk.reservations.with_notices(BATCH), start=1):
        if number % _AT_A_TIME == 0:
            await asyncio.sleep(0)
        try:
            written = [message for notice in r.outbox for message in await _told(desk, r, notice)]
        except Upstream:
            raise
        except (ServiceError, LookupError, TypeError, ValueError):
            # One that cannot be told must not keep back all the others; it stays and is seen.
            log.exception("relay_failed", extra={"reservation": r.id})
            continue
        letters += written
        told.append(r)
    if letters:
        asked = {(m.reader_id, m.template) for m in letters}
        allowed = await credits.known(asked) if credits is not None else set()
        unasked = {m.id for m in letters if (m.reader_id, m.template) not in allowed}
        await messages.add(letters, unasked)
        counted(DeliveryState.NO_CREDIT.value, len(unasked))
    await desk.reservations.forget_notices(told)
    return sum(len(r.outbox) for r in told)


async def _told(desk: Desk, r: Reservation, notice: Notice) -> list[Message]:
    penalty = await judge(desk, r, notice)
    moment = _moment(desk, r, notice, penalty)
    if notice.event == "no_show":
        day = await desk.reservations.of_day(r.reader_id, r.date)
        moment = replace(moment, others=len(rules.still_to_come(day, notice.at)))
    id, found = f"{r.id}:{notice.key}", []
    if notice.event == "checked_in" and (scan := record_of(r, notice.at)) is not None:
        await desk.scans.add(scan)
    if still_true(r, notice):
        found.append(_written(r, notice, BY_EVENT[notice.event], moment, id))
    if penalty.suspension is not None:
        found.append(_written(r, notice, suspended, moment, f"{id}:suspended"))
        log.info("reader_suspended", extra={"reader": r.reader_id, "reservation": r.id})
    return found


def _written(r: Reservation, notice: Notice, module: Any, moment: Moment, id: str) -> Message:
    letter = module.write(moment)
    return Message(
        id=id,
        reader_id=r.reader_id,
        template=module.TEMPLATE,
        title=module.TITLE,
        text=letter.text,
        at=notice.at,
        facts=letter.facts,
        reservation_id=r.id,
        not_after=letter.not_after,
    )


def still_true(r: Reservation, notice: Notice) -> bool:
    """A reminder of something that is settled by now would only confuse."""
    if notice.event == "check_in_reminder":
        return r.state is State.RESERVED and r.start == notice.facts["start"]
    if notice.event == "leave_reminder":
        return r.state is State.AWAY and r.return_by == notice.facts["return_by"]
    if notice.event == "left" and notice.facts.get("unconfirmed"):
        return r.state is State.AWAY and r.left_at == notice.facts["left_at"]
    if notice.event == "ending_soon":
        return r.state in (State.IN_USE, State.AWAY) and r.end == notice.facts["end"]
    return True


def _moment(desk: Desk, r: Reservation, notice: Notice, penalty: Penalty) -> Moment:
    facts: dict[str, Any] = dict(notice.facts)
    seat_id = facts.pop("seat_id")
    seat = desk.library.all_seats.get(seat_id)
    kiosks = "、".join(
        kiosk.name for kiosk in desk.library.kiosks.values() if kiosk.venue_id == r.venue_id
    )
    return Moment(
        at=notice.at,
        seat=desk.library.seat_label(seat) if seat else str(seat_id),
        receipt=r.receipt,
        kiosks=kiosks,
        violation=penalty.violation is not None,
        counted=penalty.violation is not None and penalty.violation.counted,
        window=penalty.window,
        suspended_until=penalty.suspension.until if penalty.suspension else None,
        **facts,
    )
