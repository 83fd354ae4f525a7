"""The hall display and the screens at rooms' doors: public pages, if the library has switched them
on."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from handlers.display.board import HALL_BOARDS, Board, assets
from handlers.display.door import DOOR_BOARDS
from handlers.http.keys import REFERENCE, SITE
from handlers.http.language import library_language
from handlers.http.middleware import NOW
from handlers.http.pages import domain_error_page
from handlers.http.public_reads import read_in_public
from handlers.http.qr import svg
from handlers.http.rendering import render_page
from models.kernel.errors import DomainError, NotFound
from models.library.entities import Venue, VenueId
from models.library.names import label_text
from models.library.rooms import Room

POLL_S: Final = 15
"""Seconds between two requests by which a display updates its board."""


async def display(request: web.Request) -> web.StreamResponse:
    try:
        venue, board = await _board(request)
    except DomainError as error:
        return domain_error_page(request, error)
    base = request.app[SITE].public_base_url
    language = library_language(request.app[REFERENCE].profile)
    return render_page(
        request,
        "display/display.html",
        page_language=language,
        venue=venue,
        board=board.html,
        assets=assets(language),
        poll=POLL_S,
        base=base,
        qr=svg(f"{base}/"),
    )


async def board(request: web.Request) -> web.StreamResponse:
    """The board's JSON for the display's script; 304 if unchanged. Raises: NotFound, Throttled."""
    _, board = await _board(request)
    return board.body.answer(request)


async def _board(request: web.Request) -> tuple[Venue, Board]:
    """The venue in the URL, and its board. Raises: NotFound without a display; Throttled, Busy."""

    async def read() -> tuple[Venue, Board]:
        venue = _venue(request)
        return venue, await request.app[HALL_BOARDS].board(venue, request[NOW])

    return await read_in_public(request, read)


def _venue(request: web.Request) -> Venue:
    """The venue in the URL. Raises: NotFound if it shows nothing in public."""
    reference = request.app[REFERENCE]
    venue = reference.catalog.venues.get(VenueId(request.match_info["id"]))
    if (
        venue is None
        or venue.retired
        or not reference.policy_on(reference.zone.day(request[NOW]), venue.id).hall_display
    ):
        raise NotFound()
    return venue


async def door(request: web.Request) -> web.StreamResponse:
    """The screen at the door of a study room."""
    try:
        venue, room, board = await _door(request)
    except DomainError as error:
        return domain_error_page(request, error)
    language = library_language(request.app[REFERENCE].profile)
    return render_page(
        request,
        "display/door.html",
        page_language=language,
        room=room,
        venue=venue,
        floor=label_text(venue.floor(room.floor)),
        board=board.html,
        assets=assets(language, "door"),
        poll=POLL_S,
        qr=svg(f"{request.app[SITE].public_base_url}/rooms/{room.id}"),
    )


async def door_board(request: web.Request) -> web.StreamResponse:
    """The JSON of a door's screen for its script; 304 if unchanged. Raises: NotFound, Throttled,
    Busy, Unavailable."""
    *_, board = await _door(request)
    return board.body.answer(request)


async def _door(request: web.Request) -> tuple[Venue, Room, Board]:
    async def read() -> tuple[Venue, Room, Board]:
        venue, room = _venue(request), request.app[REFERENCE].room(request.match_info["room"])
        if room.venue_id != venue.id:
            raise NotFound()
        return venue, room, await request.app[DOOR_BOARDS].board(room, request[NOW])

    return await read_in_public(request, read)
