"""How often the service reads or writes what it keeps about readers, for a request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable
from typing import Final

from tests.living import Living

NOW_AND_THEN: Final = {"sandbox_clock", "sessions", "readers", "versions", "system.profile"}


async def commands_of(service: Living, request: Awaitable[object]) -> Counter[str]:
    """The number of commands that the request sends to MongoDB, by collection. Collections that a
    worker reads now and then, whoever asks, are left out."""
    db = service.db
    await db.command("profile", 0)
    await db["system.profile"].drop()
    await db.command("profile", 2)
    try:
        await request
    finally:
        await db.command("profile", 0)
    sent = {"op": {"$in": ["query", "command", "insert", "update", "remove"]}}
    rows = await db["system.profile"].find(sent).to_list(None)
    await db["system.profile"].drop()  # it has what the queries were about
    names = (str(row["ns"]).partition(".")[2] for row in rows)
    return Counter(name for name in names if name not in NOW_AND_THEN)
