"""A reader who follows the event stream of a seat map, at one of two workers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import aiohttp

from tests.living import Client, Living, living
from tests.waiting import Progress, until

HALL, EAST = "2f-hall", "2f-east"
OTHER = "2f-hall-066"


@dataclass
class Watcher:
    """One open stream and the plan as its events describe it."""

    client: Client
    path: str
    seats: dict[str, dict[str, Any]] = field(default_factory=dict)
    rooms: dict[str, str | None] = field(default_factory=dict)
    version: str = ""
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    comments: int = 0
    text: str = ""
    ended: bool = False
    progress: Progress = field(default_factory=Progress)

    async def plan(self) -> Any:
        return await self.client.ok("GET", self.path.replace("/events", "/map"))

    async def look(self) -> None:
        plan = await self.plan()
        self.seats = {seat["id"]: seat for seat in plan["seats"]}
        self.version = plan["version"]

    async def read(self, response: aiohttp.ClientResponse) -> None:
        name = ""
        async for raw in response.content:
            line = raw.decode().rstrip("\n")
            self.text += raw.decode()
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                self.take(name, json.loads(line.removeprefix("data: ")))
            elif line.startswith(":"):
                self.comments += 1
            await self.progress.made()
        self.ended = True
        await self.progress.made()

    def take(self, name: str, data: dict[str, Any]) -> None:
        self.events.append((name, data))
        if name == "version":
            self.version = data["version"]
        elif name == "room":
            assert list(data) == ["id", "status"]
            self.rooms[data["id"]] = data["status"]
        else:
            assert name == "seat" and list(data) == ["id", "status", "free_until", "next_free"]
            self.seats[data["id"]] = self.seats[data["id"]] | data

    async def until(self, holds: Callable[[], bool]) -> None:
        await self.progress.until(holds, 15)

    async def shows(self, seat: str, status: str) -> None:
        await self.until(lambda: self.seats[seat]["status"] == status)

    async def agrees(self) -> None:
        """True once the loaded plan with all events applied equals the current plan."""

        async def equal() -> bool:
            plan = await self.plan()
            now = {seat["id"]: seat for seat in plan["seats"]}
            return now == self.seats and self.version == plan["version"]

        await until(equal, f"{self.path} says what the plan says")


@asynccontextmanager
async def watching(
    client: Client, path: str = f"/areas/{HALL}/events", session: Any = None
) -> AsyncIterator[Watcher]:
    watcher = Watcher(client, path)
    await watcher.look()
    headers = {"Authorization": f"Bearer {client.token}"}
    url = f"{client.service.base}/api/v1{path}"
    async with (session or client.session).get(url, headers=headers) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Request-Id"] and response.headers["X-Server-Time"]
        task = asyncio.create_task(watcher.read(response))
        try:
            await watcher.until(lambda: bool(watcher.events))
            yield watcher
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, aiohttp.ClientError):
                await task


@asynccontextmanager
async def two_workers(mongo_url: str, redis_url: str) -> AsyncIterator[list[Living]]:
    name = f"t{uuid4().hex[:16]}"
    async with (
        living(mongo_url, redis_url, database=name) as one,
        living(mongo_url, redis_url, database=name) as other,
    ):
        yield [one, other]
        await one.db.client.drop_database(name)


def elsewhere(client: Client, service: Living) -> Client:
    """This reader at another worker, with the same token."""
    twin = service.stranger()
    twin.token, twin.number, twin.reader_id = client.token, client.number, client.reader_id
    return twin
