"""Schools to measure: their databases, a folder with a file for each, and the service of all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

from lab.bench.cost import family
from lab.bench.load import BenchFailed
from lab.bench.processes import process, ready
from lab.bench.service import House, Stage, house
from miniapp_server.embedded_databases import EmbeddedDatabases, free_ports
from miniapp_server.resources import MongoAccess
from models.reservation_store.change_stream_repository import ReservationChangeStream
from models.storage.mongo import SharedClients

FIRST_HOST: Final = 2
"""The last number of the first school's address, 127.0.0.2."""

_READY_S: Final = 300.0
"""Seconds in which all schools start, also on a busy machine: thirty take five seconds of CPU."""


@dataclass(frozen=True, slots=True)
class MeasuredSchool:
    """A school with a demo library in a database of its own."""

    host: str
    house: House

    def for_host(self, requests: Iterable[bytes]) -> list[bytes]:
        """The requests, for this school's host instead of 127.0.0.1."""
        host = f"Host: {self.host}\r\n".encode()
        return [one.replace(b"Host: 127.0.0.1\r\n", host, 1) for one in requests]

    async def stored(self) -> set[str]:
        """The ids of all bookings that stand in the database."""
        rows = self.house.db["reservations"].find({"live": True}, {"_id": 1})
        return {row["_id"] async for row in rows}


@asynccontextmanager
async def measured_schools(
    folder: Path, databases: EmbeddedDatabases, count: int, first_host: int = FIRST_HOST
) -> AsyncIterator[list[MeasuredSchool]]:
    """Makes schools for the block, at addresses from 127.0.0.``first_host`` on. This process
    reaches them by one client, so that it costs mongod as little as possible."""
    async with SharedClients() as clients, AsyncExitStack() as stack:
        access = MongoAccess(clients.open_database, ReservationChangeStream)
        schools = []
        for number in range(first_host, first_host + count):
            home = await stack.enter_async_context(house(folder, databases, mongo=access))
            schools.append(MeasuredSchool(f"127.0.0.{number}", home))
        yield schools


@dataclass(frozen=True, slots=True)
class SchoolsService:
    """A running ``seats serve --schools``. ``pid``: its supervisor."""

    pid: int
    port: int
    schools: Sequence[MeasuredSchool]
    ready_s: float

    def stage(self, school: MeasuredSchool) -> Stage:
        return Stage(school.house, self.port, self.pid, self.ready_s)

    def worker(self, port: int) -> int:
        """The process that serves the port."""
        for pid in family(self.pid)[1:]:
            words = (Path("/proc") / str(pid) / "cmdline").read_bytes().split(b"\0")
            if str(port).encode() in words:
                return pid
        raise BenchFailed(f"no worker serves port {port}")

    async def wait_for_dispatch(self) -> None:
        """Returns when the outboxes of all schools are empty. Raises: BenchFailed."""
        await asyncio.gather(*(self.stage(one).wait_for_dispatch() for one in self.schools))


@asynccontextmanager
async def serving_schools(
    folder: Path, schools: Sequence[MeasuredSchool], apart: MeasuredSchool | None = None
) -> AsyncIterator[tuple[SchoolsService, int]]:
    """Serves the schools during the block: one worker for all, and one more for ``apart`` alone.
    Yields the service and that worker's port. All schools are as in the morning, and open.

    Raises: BenchFailed.
    """
    port, port_apart = free_ports(2)
    files = folder / f"schools-{port}"
    files.mkdir()
    for school in schools:
        await school.house.rewind()
        own = port_apart if school is apart else port
        env = {
            **school.house.env,
            **{"HOST": school.host, "PORT": str(own)},
            "PUBLIC_BASE_URL": f"http://{school.host}:{own}",
        }
        for common in ("LOG_LEVEL", "TMPDIR"):
            del env[common]
        text = "".join(f"{name}={value}\n" for name, value in env.items())
        (files / f"{school.house.db.name}.env").write_text(text, encoding="utf-8")
    own_env = {"HOST": "127.0.0.1", "PORT": str(port), "LOG_LEVEL": "WARNING"}
    command = ["-m", "miniapp_server", "serve", "--workers", "1", "--schools", str(files)]
    began = monotonic()
    async with process(command, {**own_env, "TMPDIR": str(folder)}) as pid:
        for school in schools:
            own = port_apart if school is apart else port
            await ready(own, "/readyz", host=school.host, within_s=_READY_S)
        yield SchoolsService(pid, port, schools, monotonic() - began), port_apart
