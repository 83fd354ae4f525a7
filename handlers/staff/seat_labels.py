"""The labels of an area's seats, to be printed."""

from __future__ import annotations

import asyncio

from aiohttp import web

from handlers import keys
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.http.qr import svg
from handlers.staff.layout import render
from models.identity.roles import Role
from models.library.entities import PresenceSource


async def seat_labels(visit: PageRequest) -> web.StreamResponse:
    """A label for each seat of the area: its number and its code."""
    await visit[REFERENCE].refresh()
    area = visit[REFERENCE].area(visit.id)
    visit.require_in(area.venue_id, Role.ADMINISTRATOR)
    venue = visit[REFERENCE].catalog.venues[area.venue_id]
    labels = []
    for seat in area.seats:
        # Drawing takes a moment, in which others are served.
        picture = await asyncio.to_thread(svg, visit[keys.SEAT_LABELS].link(seat.id))
        labels.append((seat.number, picture))
    return render(
        visit,
        "seat_labels",
        area=area,
        venue=venue,
        labels=labels,
        used=PresenceSource.SEAT_LABEL in venue.presence_sources,
    )
