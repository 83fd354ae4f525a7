"""The reservation that a reader's pages show first."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.keys import RESERVATIONS
from handlers.reservations import presenter, schemas

LIVE_FOR: Final = timedelta(days=1)
"""A reservation that is still live began at most so long ago."""


async def current_reservation(visit: PageRequest) -> schemas.ReservationOut | None:
    """The reservation of the seat that the reader is at, or their next one."""
    live = await visit[RESERVATIONS].live_of(visit.reader.id, visit.now - LIVE_FOR)
    shown = [await presenter.reservation(visit[REFERENCE], r, visit.now) for r in live]
    here = [r for r in shown if r.state in ("in_use", "away")]
    return next(iter([*here, *shown]), None)
