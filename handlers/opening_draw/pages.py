"""放号抽签: the openings' draws, which anyone can verify. docs/draw.md specifies the file."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec
from aiohttp import web

from handlers.http.keys import REFERENCE, service_key
from handlers.http.middleware import NOW
from handlers.http.public_reads import read_in_public
from handlers.http.rendering import render_page
from handlers.reservations import presenter
from models.kernel.errors import NotFound
from models.kernel.zone import Zone
from models.opening_draw.calculation import FORMAT
from models.opening_draw.entities import Draw
from models.opening_draw.publication import DrawPublication
from models.readers.entities import Reader

_LISTED: Final = 30


async def draws(request: web.Request, reader: Reader | None) -> web.Response:
    """The page with the latest openings' draws, those that come, and the reader's applications."""
    reference, publication = request.app[REFERENCE], request.app[service_key(DrawPublication)]
    tickets = await publication.tickets_of(reader.id) if reader is not None else []
    return render_page(
        request,
        "opening_draw/draws.html",
        reader=reader,
        draws=await publication.latest(_LISTED, request[NOW]),
        tickets=[(t, presenter.seat(reference, t.seat_id)) for t in tickets if t.salt],
    )


async def file(request: web.Request) -> web.Response:
    """Sends the file of a draw; until it is over, without secret and lists. Raises: NotFound,
    Throttled, Unavailable."""
    publication, now = request.app[service_key(DrawPublication)], request[NOW]
    try:
        opens_at = datetime.fromisoformat(request.match_info["id"])
    except ValueError:
        raise NotFound() from None
    if opens_at.tzinfo is None:
        raise NotFound()
    draw = await read_in_public(request, lambda: publication.get(opens_at, now))
    if draw is None:
        raise NotFound()
    return web.Response(
        body=msgspec.json.format(msgspec.json.encode(_content(request.app[REFERENCE].zone, draw))),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def _content(zone: Zone, draw: Draw) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "opens_at": zone.local(draw.opens_at).isoformat(),
        "committed_at": zone.local(draw.committed_at).isoformat(),
        "commitment": draw.commitment,
        "secret": draw.secret or None,
        "lists": [
            {"day": day.isoformat(), "round": round, "applications": applications}
            for (day, round), applications in sorted(draw.lists.items())
        ],
    }
