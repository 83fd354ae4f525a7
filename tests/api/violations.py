"""Readers with missed reservations and appeals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.living import Client, Living

WHY = "地铁故障，我 9:35 到的"


async def missed(service: Living, days: int) -> Client:
    """A reader with this many violations; the clock shows 09:31 of the last day."""
    reader = await service.reader()
    for day in range(days):
        await reader.reserve(start="09:00", end="12:00")
        await service.move("09:31")
        if day < days - 1:
            await service.move(timedelta(hours=22, minutes=40))
            now = service.clock.now()
            reader.token = (await service.sessions.open_wx(reader.openid, None, now)).token
    await service.settle()
    return reader


async def violations(reader: Client) -> list[Any]:
    return list((await reader.ok("GET", "/violations"))["items"])
