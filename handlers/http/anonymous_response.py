from __future__ import annotations

from aiohttp import web


class AnonymousResponse(web.Response):
    """A response without aiohttp's ``Server`` header, which applications remove by signals. For
    requests that no application answers."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.popall("Server", None)
