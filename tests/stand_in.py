"""Somebody else's HTTP server, for the length of a block."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiohttp import web

from tests.living import free_port


@asynccontextmanager
async def stand_in(
    routes: Iterable[web.AbstractRouteDef], port: int | None = None
) -> AsyncIterator[str]:
    """Serves the routes on this machine, on a free port unless one is given; yields the address."""
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    port = port or free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()
