"""Measures webhooks: the cost of a delivery, and the rate of deliveries beside bookings.

A receiver in a process of its own takes a fixed time for each delivery. Every event belongs to
another reservation, so the worker may send all at once. Fails if an event is lost or delivered
twice; slowness is no failure.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from time import monotonic
from typing import Any, Final, cast

import aiohttp
import uvloop

from lab.bench.client import Answer, ask, percentile
from lab.bench.cost import per_thousand
from lab.bench.load import BenchFailed, Run
from lab.bench.processes import process, ready
from lab.bench.service import (
    MORNING,
    TOMORROW,
    House,
    Stage,
    booking,
    free_hours,
    members,
    serving,
)
from miniapp_server.embedded_databases import free_ports
from models.storage.mongo import new_id
from models.webhooks.endpoint_repository import new_secret
from models.webhooks.entities import WebhookEndpoint, WebhookEvent, WebhookEventType, WebhookId
from notify.webhooks.worker import CONCURRENCY

LATENCY_S: Final = 0.005
"""Seconds that the receiver takes for each delivery."""
BOOKINGS_PER_SECOND: Final = 100
_IDLE_S: Final = 3.0
_STUCK_S: Final = 60.0
"""Seconds without a delivery after which the run has failed."""
_MOST_S: Final = 60
"""Seconds of bookings, at most."""
_QUEUED: Final = "evt_bench"
"""Prefix of the ids of queued events; ids of bookings have another."""
_COMMANDS: Final = ("find", "aggregate", "update", "insert", "delete", "findAndModify", "getMore")


async def webhooks(home: House, events: int) -> Run:
    """Delivers ``events`` events alone, and then as many beside bookings. The rate is that of the
    second part, with the bookings' own events; costs and round trips are those of the first.

    Raises: BenchFailed.
    """
    [receiver] = free_ports(1)
    home.env = {**home.env, "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"}
    endpoint = WebhookEndpoint(
        WebhookId(new_id()),
        f"http://127.0.0.1:{receiver}/",
        "bench",
        frozenset({WebhookEventType.RESERVATION_CREATED}),
        created_at=MORNING,
    )
    if await home.stored.webhooks.add(endpoint, new_secret()) is None:
        raise BenchFailed("no place for an endpoint")
    async with process(["-m", "lab.bench.webhooks", str(receiver)], {}):
        await ready(receiver, "/")
        async with serving(home) as stage:
            work = _Deliveries(stage, endpoint.id, receiver)
            await asyncio.sleep(_IDLE_S)
            alone = await work.alone(events)
            return await work.beside_bookings(events, alone)


class _Deliveries:
    """Events that are queued for one receiver."""

    def __init__(self, stage: Stage, endpoint: WebhookId, receiver: int) -> None:
        self._stage, self._endpoint, self._receiver = stage, endpoint, receiver

    async def alone(self, count: int) -> Run:
        """Delivers ``count`` events while nothing else happens. Returns the run; the cost of an
        idle service is subtracted."""
        idle, began = await self._commands(), monotonic()
        await asyncio.sleep(_IDLE_S)
        idle_rate = (await self._commands() - idle) / (monotonic() - began)
        commands, cpu, began = await self._commands(), self._stage.processes.cpu_s(), monotonic()
        await self._queue(count)
        stats = await self._delivered(count)
        await self._settled()
        cost = per_thousand(cpu, self._stage.processes.cpu_s(), count)
        sent = await self._commands() - commands - idle_rate * (monotonic() - began)
        rate = stats["all"] / (stats["last"] - stats["first"])
        facts = {"alone_per_second": round(rate), "commands_each": round(sent / count, 2)}
        return Run(rate, 0.0, 0.0, stats["calls"] - stats["all"], cpu=cost, facts=facts)

    async def beside_bookings(self, count: int, alone: Run) -> Run:
        """Delivers ``count`` events while readers book, whose bookings make events too. Returns the
        run, with the costs and facts of ``alone``."""
        most = _MOST_S * BOOKINGS_PER_SECOND
        readers = await members(self._stage.house, most)
        hours = islice(free_hours(self._stage.house), most)
        requests = [booking(m, *hour) for m, hour in zip(readers, hours, strict=True)]
        before = await self._stage.house.stored.reservations.count()
        await self._get("/begin")
        await self._queue(count)
        answers: list[tuple[Answer, float]] = []
        booked = asyncio.create_task(self._book(requests, answers))
        try:
            stats = await self._delivered(count)
        finally:
            booked.cancel()
            await asyncio.gather(booked, return_exceptions=True)
        took = stats["queued_last"] - stats["first"]
        await self._stage.wait_for_dispatch()
        await self._settled()
        made = await self._stage.house.stored.reservations.count() - before
        final = await self._get("/")
        waits = sorted(seconds for _, seconds in answers)
        facts = {
            **alone.facts,
            "bookings_per_second": round(len(answers) / took),
            "bookings_p99_ms": round(percentile(waits, 0.99) * 1000, 1),
        }
        bound = CONCURRENCY / LATENCY_S
        return replace(
            alone,
            rps=stats["until_queued_last"] / took,
            errors=alone.errors + final["calls"] - final["all"] + abs(count + made - final["all"]),
            ratio=stats["until_queued_last"] / took / bound,
            facts={"ratio_to": "latency bound", **facts},
        )

    async def _book(self, requests: Sequence[bytes], answers: list[tuple[Answer, float]]) -> None:
        began = monotonic()

        async def one(request: bytes) -> None:
            sent_at = monotonic()
            answer = await ask(self._stage.port, request)
            answers.append((answer, monotonic() - sent_at))

        async with asyncio.TaskGroup() as group:
            for number, request in enumerate(requests):
                await asyncio.sleep(began + number / BOOKINGS_PER_SECOND - monotonic())
                group.create_task(one(request))

    async def _queue(self, count: int) -> None:
        facts = {
            "venue_id": "library",
            "area_id": "2f-hall",
            "seat_id": "2f-hall-065",
            "seat": "图书馆2层二层中厅065号",
            "begin": datetime.combine(TOMORROW, MORNING.timetz()),
            "end": datetime.combine(TOMORROW, MORNING.timetz().replace(hour=12)),
            "state": "reserved",
        }
        kind, events = WebhookEventType.RESERVATION_CREATED, []
        for _ in range(count):
            id = new_id()
            event = WebhookEvent(f"{_QUEUED}{id}", kind, MORNING, id, 2, facts={**facts, "id": id})
            events.append((event, self._endpoint))
        await self._stage.house.stored.webhook_deliveries.add(events, MORNING)

    async def _delivered(self, count: int) -> dict[str, Any]:
        """The receiver's counts once it has all queued events. Raises: BenchFailed."""
        seen, moved_at = -1, monotonic()
        while True:
            stats = await self._get("/")
            if stats["queued"] >= count:
                return stats
            if stats["queued"] != seen:
                seen, moved_at = stats["queued"], monotonic()
            if monotonic() - moved_at > _STUCK_S:
                raise BenchFailed(f"{count - seen} webhooks stay where they are")
            await asyncio.sleep(0.1)

    async def _settled(self) -> None:
        """Returns when every result is written. Raises: BenchFailed."""
        mine, began = {"endpoint": self._endpoint, "open": True}, monotonic()
        while await self._stage.house.db["webhook_deliveries"].find_one(mine):
            if monotonic() - began > _STUCK_S:
                raise BenchFailed("the results of webhooks are not written")
            await asyncio.sleep(0.01)

    async def _commands(self) -> int:
        """The number of commands from services that mongod has run so far."""
        status = await self._stage.house.db.client.admin.command("serverStatus")
        counted = status["metrics"]["commands"]
        return sum(int(counted[name]["total"]) for name in _COMMANDS)

    async def _get(self, path: str) -> dict[str, Any]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self._receiver}{path}") as answer,
        ):
            counts: dict[str, Any] = await answer.json()
            return counts


# --- the receiver's process -----------------------------------------------------------------------


class _Counts:
    """Counts since the last ``/begin``."""

    def __init__(self) -> None:
        self.calls = self.queued = self.until_queued_last = 0
        self.ids: set[bytes] = set()
        self.first = self.last = self.queued_last = 0.0

    def take(self, id: bytes) -> None:
        now = monotonic()
        self.calls += 1
        self.first = self.first or now
        self.last = now
        if id in self.ids:
            return
        self.ids.add(id)
        if id.startswith(_QUEUED.encode()):
            self.queued += 1
            self.queued_last, self.until_queued_last = now, len(self.ids)

    def report(self) -> dict[str, Any]:
        return {
            **{name: value for name, value in vars(self).items() if name != "ids"},
            "all": len(self.ids),
        }


class _Receiver(asyncio.Protocol):
    """A minimal HTTP server: it shares the cores with the service that is measured."""

    counts = _Counts()

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, split, rest = self._buffer.partition(b"\r\n\r\n")
        if not split:
            return
        lines = (line.partition(b":") for line in head.split(b"\r\n")[1:])
        headers = {name.strip().lower(): value.strip() for name, _, value in lines}
        length = int(headers.get(b"content-length", b"0"))
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        if head.startswith(b"POST"):
            self.counts.take(headers[b"webhook-id"])
            asyncio.get_running_loop().call_later(LATENCY_S, self._answer, b"204 No Content", b"")
            return
        if head.startswith(b"GET /begin"):
            _Receiver.counts = _Counts()
        self._answer(b"200 OK", json.dumps(self.counts.report()).encode())

    def _answer(self, status: bytes, body: bytes) -> None:
        about = b"" if not body else b"Content-Type: application/json\r\n"
        about += b"" if status.startswith(b"204") else b"Content-Length: %d\r\n" % len(body)
        self._transport.write(b"HTTP/1.1 %s\r\n%s\r\n%s" % (status, about, body))


async def _receive(port: int) -> None:
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    server = await loop.create_server(_Receiver, "127.0.0.1", port)
    await ended.wait()
    server.close()


if __name__ == "__main__":
    uvloop.run(_receive(int(sys.argv[1])))
