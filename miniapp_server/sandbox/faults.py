from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from aiohttp import web

ENDPOINTS: Final = frozenset(
    {
        "token",
        "stable_token",
        "jscode2session",
        "subscribe_send",
        "getwxacodeunlimit",
        "generate_urllink",
        "gettemplate",
        "msg_sec_check",
        "menu_create",
        "menu_get",
        "user_info",
        "custom_send",
    }
)


@dataclass(frozen=True, slots=True)
class FaultMode:
    """A simulated fault: an error code or HTTP status, and a delay in seconds. ``after``: the
    endpoint does its work first, so that only the response is lost."""

    errcode: int | None = None
    status: int | None = None
    delay: float = 0
    after: bool = False


def parse_fault(entry: object) -> tuple[FaultMode, int | None]:
    """Parses a simulated fault from JSON. Returns the fault, and the number of calls to which it
    applies (None: all). Raises: HTTPBadRequest."""
    keys = {"errcode", "status", "delay_ms", "hang_seconds", "after", "times"}
    if not isinstance(entry, dict) or not entry.keys() <= keys:
        raise web.HTTPBadRequest(
            text=f"keys of a mode are {', '.join(sorted(keys))}; endpoints are "
            f"{', '.join(sorted(ENDPOINTS))}"
        )
    try:
        delay = float(entry.get("delay_ms", 0)) / 1000 + float(entry.get("hang_seconds", 0))
        numbers = [
            None if entry.get(key) is None else int(entry[key])
            for key in ("errcode", "status", "times")
        ]
    except (TypeError, ValueError):
        raise web.HTTPBadRequest(
            text="errcode, status, times, delay_ms and hang_seconds must be numbers"
        ) from None
    errcode, status, times = numbers
    return FaultMode(errcode, status, delay, entry.get("after") is True), times


async def wait(request: web.Request, seconds: float) -> None:
    """Waits for ``seconds``; returns early if the client has disconnected."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while (left := until - loop.time()) > 0:
        if request.transport is None or request.transport.is_closing():
            return
        await asyncio.sleep(min(left, 0.05))
