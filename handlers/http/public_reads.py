from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from aiohttp import web

from handlers.http.authentication import client_address
from handlers.http.deadline import ANSWER_WITHIN_S, read_within
from handlers.http.keys import LOAD_SHEDDER
from handlers.http.local_rate_limiter import raise_if_limited

Value = TypeVar("Value")


async def read_in_public(
    request: web.Request, read: Callable[[], Coroutine[Any, Any, Value]]
) -> Value:
    """The result of ``read`` for a client without a session. Rate (by client address) and time
    are limited. Raises: Throttled, Busy, Unavailable, and errors of ``read``."""
    admission = request.app[LOAD_SHEDDER]
    raise_if_limited(admission.addresses.wait_for(client_address(request)))
    admission.begin_read()
    try:
        return await read_within(ANSWER_WITHIN_S, read())
    finally:
        admission.end_read()
