"""Printable labels for an area's seats, on A4."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from bind.seat_labels import SeatLabels
from handlers.http.errors import status_of
from handlers.http.keys import REFERENCE
from handlers.http.language import library_language
from handlers.http.pages import PageRequest
from handlers.http.qr import svg
from handlers.library.console.seat_lists import chosen_seats
from handlers.staff.layout import render
from handlers.staff.sent_forms import error_text
from handlers.texts.pages import SCAN_LABEL
from models.identity.roles import Role
from models.kernel.errors import Malformed
from models.library.entities import PresenceSource, Seat

_MASK: Final = 2
"""The QR mask for all labels: best or nearly best for all their links. Searching the best mask
for each label would take most of a page's time."""
LABELS_OF_A_SHEET: Final = 30
"""The number of labels on a sheet: five columns, six rows (labels.css)."""


async def seat_labels(visit: PageRequest) -> web.StreamResponse:
    """Sheets of labels, each with a seat's name and code. The query's ``seats`` selects some
    seats of the area; without this parameter, all seats are printed."""
    await visit[REFERENCE].refresh()
    area = visit[REFERENCE].area(visit.id)
    visit.require_in(area.venue_id, Role.ADMINISTRATOR)
    venue = visit[REFERENCE].catalog.venues[area.venue_id]
    seats_text = visit.request.query.get("seats", "").strip()
    chosen: Sequence[Seat] = ()
    refused: dict[str, Any] = {}
    try:
        chosen = chosen_seats(area.seats, seats_text)
    except Malformed as error:
        refused = {"status": status_of(type(error)), "wrong": error_text(visit, error)}
    link_of = visit[SeatLabels].link
    links = [(seat.number, link_of(seat.id)) for seat in chosen]
    starts = range(0, len(links), LABELS_OF_A_SHEET)
    # In threads, so that the event loop serves other requests meanwhile.
    sheets = [
        await asyncio.to_thread(_sheet, links[start : start + LABELS_OF_A_SHEET])
        for start in starts
    ]
    language = library_language(visit[REFERENCE].profile)
    return render(
        visit,
        "seat_labels",
        area=area,
        venue=venue,
        count=len(links),
        sheets=sheets,
        used=PresenceSource.SEAT_LABEL in venue.presence_sources,
        asked=seats_text,
        place=language.say(visit[REFERENCE].catalog.full_name(area)),
        scan=language.say(SCAN_LABEL),
        **refused,
    )


def _sheet(links: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(number, svg(link, _MASK)) for number, link in links]
