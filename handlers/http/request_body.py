from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from handlers.http.keys import LOAD_SHEDDER
from models.kernel.errors import RequestTimeout, TooLarge

MAX_BODY_BYTES: Final = 64 * 1024
"""The largest request body in bytes, unless the route sets another limit."""
ANONYMOUS_BODY_BYTES: Final = 16 * 1024
"""The largest request body in bytes from a client that has not signed in."""


async def read_body(request: web.Request, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The whole request body. A body of up to ``MAX_BODY_BYTES`` is kept, to be read again. Call
    this before the request waits in a queue: a slow client must hold up only itself. Raises:
    TooLarge, RequestTimeout."""
    if not request.body_exists:
        return b""
    if (request.content_length or 0) > max_bytes:
        raise TooLarge()
    if max_bytes > request.client_max_size:
        request = request.clone(client_max_size=max_bytes)
    try:
        if request.content.is_eof():  # it arrived with the headers, as nearly always
            body = await request.read()
        else:
            async with asyncio.timeout(request.app[LOAD_SHEDDER].body_deadline_s):
                body = await request.read()
    except TimeoutError:
        raise RequestTimeout() from None
    except web.HTTPRequestEntityTooLarge:
        raise TooLarge() from None
    if len(body) > max_bytes:
        raise TooLarge()
    return body
