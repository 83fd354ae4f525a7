"""Printable labels for an area's seats and for study rooms, on A4."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
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
from languages.catalogue import LANGUAGES
from models.identity.roles import Role
from models.kernel.errors import Malformed, NotFound
from models.library.entities import PresenceSource, Seat
from models.library.names import label_text

_MASK: Final = 2
"""The QR mask for all labels: best or nearly best for all their links. Searching the best mask
for each label would take most of a page's time."""
LABELS_OF_A_SHEET: Final = 30
"""The number of labels on a sheet: five columns, six rows (labels.css)."""

ROOM_LABELS_OF_A_SHEET: Final = 12
"""Three columns, four rows: a label at a door is read from farther away."""


@dataclass(frozen=True, slots=True)
class RoomLabel:
    """``other``: the room's name in the other language."""

    place: str
    name: str
    other: str
    picture: str


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


async def room_labels(visit: PageRequest) -> web.StreamResponse:
    """Sheets of labels for the rooms in use that this staff member administers, or for the one
    that the query names; each in the library's language and in another one."""
    await visit[REFERENCE].refresh()
    reference, link_of = visit[REFERENCE], visit[SeatLabels].room_link
    home, chosen = library_language(reference.profile), visit.request.query.get("room")
    other = next(language for language in LANGUAGES.values() if language is not home)
    rooms = [
        room
        for room in reference.rooms_in_use()
        if chosen in (None, room.id) and visit.may_in(room.venue_id, Role.ADMINISTRATOR)
    ]
    if chosen is not None and not rooms:
        raise NotFound()
    venues = reference.catalog.venues
    pictures = await asyncio.to_thread(_sheet, [(room.id, link_of(room.id)) for room in rooms])
    labels = [
        RoomLabel(
            home.say(label_text(venue, venue.floor(room.floor))),
            home.say(label_text(room)),
            other.say(label_text(room)),
            picture,
        )
        for room, (_, picture) in zip(rooms, pictures, strict=True)
        for venue in (venues[room.venue_id],)
    ]
    without = [
        venue.name
        for venue in reference.catalog.venues_in_use
        if PresenceSource.SEAT_LABEL not in venue.presence_sources
        and any(room.venue_id == venue.id for room in rooms)
    ]
    return render(
        visit,
        "room_labels",
        sheets=[
            labels[start : start + ROOM_LABELS_OF_A_SHEET]
            for start in range(0, len(labels), ROOM_LABELS_OF_A_SHEET)
        ],
        count=len(labels),
        without=without,
        chosen=chosen,
        home=home,
        other=other,
        scan=SCAN_LABEL,
    )


def _sheet(links: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(number, svg(link, _MASK)) for number, link in links]
