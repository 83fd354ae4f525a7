"""The calendar feeds: the bookings of a reader, or of a study room, at a secret URL, without a
sign-in."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import partial
from typing import Final

from aiohttp import web

from handlers.calendar_feed import presenter
from handlers.calendar_feed.room_entries import public_entry
from handlers.http.authentication import enforce_rate_limit
from handlers.http.cached_response import CachedBody
from handlers.http.keys import REFERENCE, SITE, service_key
from handlers.http.middleware import NOW
from handlers.http.pages import domain_error_page
from handlers.http.public_reads import read_in_public
from languages.catalogue import CHINESE, LANGUAGES
from languages.text import Text
from models.calendar_feed.entities import RoomFeed
from models.calendar_feed.service import CalendarFeeds
from models.kernel.errors import NotFound
from models.library.names import label_text
from models.storage.rate_limiter import RateLimit

PATH: Final = "/calendar/{token}.ics"
KIND: Final = "text/calendar; charset=utf-8"
FEED_READS: Final = RateLimit("calendar", capacity=30, per_second=1 / 60)
"""The rate limit of one feed's URL, which several calendar programs may read every 15 minutes."""
_ETAG_CHARS: Final = 24


async def feed(request: web.Request) -> web.StreamResponse:
    """The calendar file of the feed whose token is in the URL. Raises: NotFound for an unknown
    or revoked token, or the feed of a room out of use; Throttled, Busy, Unavailable."""
    try:
        id = request.app[service_key(CalendarFeeds)].id_of(request.match_info["token"])
        # A feed that is read too often must not use up the rate limit of its address.
        await enforce_rate_limit(request, FEED_READS, id)
        body = await read_in_public(request, partial(_body, request, id, request[NOW]))
    except NotFound as error:
        # Opened in a browser. Only a NotFound is shown as a page: a page's links disclose its own
        # address to other sites, and a valid one is secret.
        if "text/html" in request.headers.get("Accept", ""):
            return domain_error_page(request, error)
        raise
    return body.answer(request)


async def _body(request: web.Request, id: str, now: datetime) -> CachedBody:
    app = request.app
    feeds, reference = app[service_key(CalendarFeeds)], app[REFERENCE]
    base = app[SITE].public_base_url
    feed = await feeds.read(id)
    language = LANGUAGES.get(feed.language, CHINESE)
    name: Text | str = reference.profile.title
    if isinstance(feed, RoomFeed):
        name = label_text(reference.room(feed.room_id))
        stays = await feeds.stays_in(feed.room_id, reference.zone.day(now))
        entries = [public_entry(reference, b, base, language) for b in stays]
    else:
        bookings = await feeds.bookings_of(feed.reader_id, now)
        entries = [presenter.entry(reference, b, feed.reader_id, base, language) for b in bookings]
    content = presenter.calendar(reference, entries, language, name)
    return CachedBody(content, hashlib.sha256(content).hexdigest()[:_ETAG_CHARS], KIND)


def address(request: web.Request, token: str) -> str:
    return request.app[SITE].public_base_url + PATH.format(token=token)
