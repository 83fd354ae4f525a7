from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from pymongo import AsyncMongoClient
from pymongo.errors import ConnectionFailure, OperationFailure

from models.kernel.errors import Unavailable

_NOT_YET_INITIALIZED: Final = 94
_ALREADY_INITIALIZED: Final = 23


async def ensure_primary(port: int, set_name: str, within_s: float) -> None:
    """Makes the mongod on 127.0.0.1:``port`` the primary of a replica set without other members.
    Replaces the set's configuration by force, since a member whose port has changed considers
    itself removed. Raises: Unavailable if the mongod is not primary within ``within_s`` seconds."""
    address = f"127.0.0.1:{port}"
    deadline = time.monotonic() + within_s
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=500
    )
    try:
        while True:
            try:
                if (await client.admin.command("hello")).get("isWritablePrimary"):
                    return
                await _configure(client, set_name, address)
            except (ConnectionFailure, OperationFailure) as error:
                # It refuses commands for a moment while it starts or elects itself.
                if time.monotonic() > deadline:
                    raise Unavailable() from error
            if time.monotonic() > deadline:
                raise Unavailable()
            await asyncio.sleep(0.02)
    finally:
        await client.close()


async def _configure(client: AsyncMongoClient[dict[str, Any]], set_name: str, address: str) -> None:
    try:
        config = (await client.admin.command("replSetGetConfig"))["config"]
    except OperationFailure as error:
        if error.code != _NOT_YET_INITIALIZED:
            raise
        first = {"_id": set_name, "members": [{"_id": 0, "host": address}]}
        try:
            await client.admin.command("replSetInitiate", first)
        except OperationFailure as refused:
            # It is initiated, and was still reading its configuration.
            if refused.code != _ALREADY_INITIALIZED:
                raise
        return
    if [member["host"] for member in config["members"]] != [address]:
        config["members"] = [{**config["members"][0], "host": address}]
        config["version"] += 1
        await client.admin.command("replSetReconfig", config, force=True)
