"""Raw connections to the service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from yarl import URL

from tests.living import Living

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connection(service: Living) -> AsyncIterator[Connection]:
    url = URL(service.base)
    incoming, outgoing = await asyncio.open_connection(url.host, url.port)
    try:
        yield incoming, outgoing
    finally:
        outgoing.close()
