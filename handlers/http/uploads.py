from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from aiohttp import web

from models.kernel.errors import RequestTimeout
from models.storage.confined import confined

LARGEST_FORM: Final = 4 * 1024 * 1024
"""The largest form with a file in bytes. It exceeds the largest file, so the page can report larger
files."""
_CHECK_S: Final = 0.25
P = ParamSpec("P")
T = TypeVar("T")


async def read_upload(
    request: web.Request, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """The result of ``work``, run in a separate process with these arguments. Raises:
    RequestTimeout if the client disconnects; errors of ``confined``."""
    reading = asyncio.ensure_future(confined(work, *args, **kwargs))
    try:
        while not reading.done():
            await asyncio.wait([reading], timeout=_CHECK_S)
            if not reading.done() and _has_left(request):
                raise RequestTimeout()
        return reading.result()
    finally:
        if not reading.done():
            reading.cancel()
            await asyncio.wait([reading])


def _has_left(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()
