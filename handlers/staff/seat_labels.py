"""The labels of an area's seats, to be printed on A4: all of them, or those that are chosen."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from handlers import keys
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.http.qr import svg
from handlers.staff.forms import refusal
from handlers.staff.layout import render
from handlers.staff.seat_lists import chosen_seats
from models.identity.roles import Role
from models.kernel.errors import InvalidRequest
from models.library.entities import PresenceSource, Seat

LABELS_OF_A_SHEET: Final = 30
"""Five in a row, six rows (labels.css)."""


async def seat_labels(visit: PageRequest) -> web.StreamResponse:
    """A label for each seat, in sheets: its number and its code."""
    await visit[REFERENCE].refresh()
    area = visit[REFERENCE].area(visit.id)
    visit.require_in(area.venue_id, Role.ADMINISTRATOR)
    venue = visit[REFERENCE].catalog.venues[area.venue_id]
    typed = {"seats": visit.request.query.get("seats", "").strip()}
    told: dict[str, Any] = {"wrong": "", "typed": typed}
    chosen: Sequence[Seat] = ()
    try:
        chosen = chosen_seats(area.seats, typed["seats"])
    except InvalidRequest as error:
        told = refusal(visit, error, typed)
    labels = []
    for seat in chosen:
        # Drawing takes a moment, in which others are served.
        picture = await asyncio.to_thread(svg, visit[keys.SEAT_LABELS].link(seat.id))
        labels.append((seat.number, picture))
    starts = range(0, len(labels), LABELS_OF_A_SHEET)
    return render(
        visit,
        "seat_labels",
        area=area,
        venue=venue,
        count=len(labels),
        sheets=[labels[start : start + LABELS_OF_A_SHEET] for start in starts],
        used=PresenceSource.SEAT_LABEL in venue.presence_sources,
        **told,
    )
