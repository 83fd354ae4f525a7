"""Which collections the service reads or writes for a request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable

from tests.living import Living


async def commands_of(service: Living, request: Awaitable[object]) -> Counter[str]:
    """The number of commands that the request sends to MongoDB, by collection."""
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
    return Counter(
        str(row["ns"]).partition(".")[2] for row in rows if "system.profile" not in row["ns"]
    )
