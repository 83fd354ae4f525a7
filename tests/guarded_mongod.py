"""A mongod of its own that knows users: a replica set of one, as one cell of several."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any, Final

from pymongo import AsyncMongoClient

from miniapp_server.child_process import die_with_parent
from miniapp_server.embedded_databases import free_ports, mongod_binary
from tests.waiting import until

_ROOT: Final = "admin"

Client = AsyncMongoClient[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Cell:
    """A running set. ``root``: a client whose user may do everything."""

    name: str
    port: int
    root: Client
    process: Popen[bytes]

    def url(self, user: str = _ROOT) -> str:
        return f"mongodb://{user}:pw@127.0.0.1:{self.port}/?replicaSet={self.name}"

    async def add_user(self, user: str, *roles: dict[str, str] | str) -> str:
        """The URL for a new user with these roles."""
        await self.root.admin.command("createUser", user, pwd="pw", roles=list(roles))
        return self.url(user)


@asynccontextmanager
async def cell(folder: Path, name: str) -> AsyncIterator[Cell]:
    """A set that the block uses, with its data below ``folder``."""
    (port,) = free_ports(1)
    process = started_mongod(folder, port, "--replSet", name, "--keyFile", _key(folder))
    try:
        client: Client
        async with AsyncMongoClient("127.0.0.1", port, directConnection=True) as client:
            member = {"_id": 0, "host": f"127.0.0.1:{port}"}
            await client.admin.command("replSetInitiate", {"_id": name, "members": [member]})

            async def takes_writes() -> bool:
                return bool((await client.admin.command("hello"))["isWritablePrimary"])

            await until(takes_writes, "a primary")
            await client.admin.command("createUser", _ROOT, pwd="pw", roles=["root"])
        root: Client = AsyncMongoClient(f"mongodb://{_ROOT}:pw@127.0.0.1:{port}/?replicaSet={name}")
        async with root:
            yield Cell(name, port, root, process)
    finally:
        process.kill()
        process.wait()


def _key(folder: Path) -> str:
    folder.mkdir()
    key = folder / "key"
    key.write_text("k" * 64)
    key.chmod(0o600)
    return str(key)


def started_mongod(folder: Path, port: int, *options: str) -> Popen[bytes]:
    """A mongod on the port that ends with this process; it may not answer yet."""
    folder.mkdir(exist_ok=True)
    places: Sequence[str] = ("--dbpath", str(folder), "--port", str(port), "--bind_ip", "127.0.0.1")
    small = ("--nounixsocket", "--oplogSize", "16") if options else ("--nounixsocket",)
    return Popen(
        die_with_parent([str(mongod_binary()), *places, *small, *options]),
        stdin=DEVNULL,
        stdout=DEVNULL,
    )
