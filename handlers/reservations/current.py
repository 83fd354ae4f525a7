"""The one reservation of a reader that pages show first, and that a scan acts on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.reservations import presenter, schemas
from handlers.reservations.device_pass import keep_pass
from models.booking.service import ReservationService
from models.reservations.entities import Reservation
from models.reservations.state_machine import ReservationState
from notify.routing import ChannelRouting


async def current_reservation(visit: PageRequest) -> schemas.ReservationOut | None:
    """The reader's reservation as by ``current_of``, looked up."""
    live = await visit[ReservationService].live_of(visit.reader.id, visit.now)
    return await current_of(visit, live)


async def current_of(
    visit: PageRequest, live: Iterable[Reservation]
) -> schemas.ReservationOut | None:
    """The one of ``live`` that is checked in or on leave, otherwise the next one; None without
    any. The page also tells its browser how the pass stands."""
    reservations = [await presenter.reservation(visit[REFERENCE], r, visit.now) for r in live]
    here = [r for r in reservations if r.state in ("in_use", "away")]
    current = next(iter([*here, *reservations]), None)
    accepted = next((r for r in [*here, *reservations] if r.state != "offered"), None)
    keep_pass(visit, accepted, current=True)
    return current


async def reminders_missed(visit: PageRequest) -> bool:
    """True if at present no channel could send the reader a reminder."""
    return await visit[ChannelRouting].misses_reminders(visit.reader.id, visit.now)


def next_to_check_in(live: Iterable[Reservation], now: datetime) -> Reservation | None:
    """The reservation in ``live`` that a scan acts on; None without any. A reservation on leave
    comes first, then one that can be checked in now, then one that is checked in, then the next."""

    def rank(r: Reservation) -> int:
        if r.state is ReservationState.RESERVED:
            return 1 if r.check_in_from <= now <= r.check_in_until else 3
        return 0 if r.state is ReservationState.AWAY else 2

    return min(live, key=lambda r: (rank(r), r.start), default=None)
