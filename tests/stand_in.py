"""A foreign HTTP server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from aiohttp import web


class StandIn(Protocol):
    """The fixture ``stand_in``: serves routes on this machine until the test ends."""

    async def __call__(self, routes: Iterable[web.AbstractRouteDef], port: int = 0) -> str:
        """Starts serving. Returns the address, on a free port unless one is given."""


def application(routes: Iterable[web.AbstractRouteDef]) -> web.Application:
    """An application of these routes alone."""
    app = web.Application()
    app.add_routes(routes)
    return app
