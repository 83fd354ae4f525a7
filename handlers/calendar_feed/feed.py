"""What a calendar reads: the bookings behind a secret address, without a sign-in."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import partial
from typing import Final

from aiohttp import web

from handlers.calendar_feed import presenter
from handlers.http.authentication import enforce_rate_limit
from handlers.http.cached_response import CachedBody
from handlers.http.keys import REFERENCE, SITE, service_key
from handlers.http.language import Language
from handlers.http.middleware import NOW
from handlers.http.pages import domain_error_page
from handlers.http.public_reads import read_in_public
from models.calendar_feed.service import CalendarFeeds
from models.kernel.errors import NotFound
from models.storage.rate_limiter import RateLimit

PATH: Final = "/calendar/{token}.ics"
KIND: Final = "text/calendar; charset=utf-8"
FEED_READS: Final = RateLimit("calendar", capacity=30, per_second=1 / 60)
"""Of one address, whoever asks: a calendar reads it once in a quarter of an hour at most, and a
reader may have it in several."""
_ETAG_CHARS: Final = 24


async def feed(request: web.Request) -> web.StreamResponse:
    """The calendar, or 304 for who has it. Raises: NotFound for a token that was never issued or is
    revoked; Throttled, Busy, Unavailable."""
    try:
        id = request.app[service_key(CalendarFeeds)].id_of(request.match_info["token"])
        # A token that hammers is refused before it takes from its neighbours' address.
        await enforce_rate_limit(request, FEED_READS, id)
        body = await read_in_public(request, partial(_body, request, id, request[NOW]))
    except NotFound as error:
        # Somebody has opened it in a browser. A page's links tell where they stand, so an address
        # that still works has none.
        if "text/html" in request.headers.get("Accept", ""):
            return domain_error_page(request, error)
        raise
    return body.answer(request)


async def _body(request: web.Request, id: str, now: datetime) -> CachedBody:
    app = request.app
    found, bookings = await app[service_key(CalendarFeeds)].read(id, now)
    reference = app[REFERENCE]
    content = presenter.calendar(
        reference,
        bookings,
        app[SITE].public_base_url,
        Language(found.language),
        reference.profile.title,
    )
    return CachedBody(content, hashlib.sha256(content).hexdigest()[:_ETAG_CHARS], KIND)


def address(request: web.Request, token: str) -> str:
    """Where a calendar reads the feed of that token."""
    return request.app[SITE].public_base_url + PATH.format(token=token)
