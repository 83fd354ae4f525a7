"""mongod killed under load: no acknowledged change is lost or doubled, and nothing hangs."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from miniapp_server.embedded_databases import EmbeddedDatabases
from tests.living import Answer, Client
from tests.survive.serving import Remote, command, ended, remote
from tests.waiting import patience, until

CLIENTS = 32
LONGEST_S = 5.0
HOURS = [(f"{hour:02}:00", f"{hour + 1:02}:00") for hour in range(9, 13)]
CONTENDED = "2f-hall-001"


@dataclass(slots=True)
class Load:
    """The answers to the clients."""

    statuses: Counter[int] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0
    acknowledged: dict[str, str] = field(default_factory=dict)
    """Reservation ids by idempotency key."""
    resolved: int = 0
    """Keys that were first answered 503 and then repeated to their end."""
    stop: bool = False

    async def ask(self, client: Client, wish: dict[str, str], key: str) -> Answer:
        began = time.monotonic()
        answer = await client.post("/reservations", wish, **{"Idempotency-Key": key})
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.statuses[answer.status] += 1
        self.codes[answer.code] += 1
        if answer.status == 503:
            assert int(answer.headers["Retry-After"]) >= 1
        return answer


async def book(load: Load, client: Client, wish: dict[str, str], key: str) -> None:
    """Books until the outcome is known: on an outage the same request is repeated."""
    unsure = False
    deadline = time.monotonic() + patience(40)
    while True:
        answer = await load.ask(client, wish, key)
        if answer.status == 201:
            load.acknowledged[key] = answer.body["id"]
        if answer.status != 503 and answer.code != "in_progress":
            load.resolved += unsure
            return
        unsure = True
        assert time.monotonic() < deadline, "no answer but 503"
        await asyncio.sleep(0.05)


async def one_client(service: Remote, load: Load, seat: str, readers: list[Client]) -> None:
    """Books one hour that all clients compete for, then a seat of its own for four hours, on two
    days for each reader."""
    for reader in readers:
        for day in (service.today, service.tomorrow):
            seat_for_all = {"seat_id": CONTENDED, "date": day, "start": "20:00", "end": "21:00"}
            await book(load, reader, seat_for_all, f"all:{day}")
            for start, end in HOURS:
                if load.stop:
                    return
                wish = {"seat_id": seat, "date": day, "start": start, "end": end}
                await book(load, reader, wish, f"{seat}:{day}:{start}")
        seat = seat.replace("2f-hall-", "3f-hall-")


async def share_connections(readers: list[Client]) -> list[Client]:
    """One HTTP session for all: the sockets of a browser each would be too many."""
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    for reader in readers:
        await reader.session.close()
        reader.session = session
    readers[0].service._sessions.append(session)
    return readers


async def test_a_mongod_killed_under_load_loses_no_acknowledged_booking(
    fragile: EmbeddedDatabases,
) -> None:
    async with remote(fragile.mongo_url, fragile.redis_url) as service:
        readers = await share_connections([await service.reader() for _ in range(2 * CLIENTS)])
        load = Load()
        tasks = [
            asyncio.create_task(
                one_client(service, load, f"2f-hall-{n + 2:03}", readers[2 * n : 2 * n + 2])
            )
            for n in range(CLIENTS)
        ]

        async def warm() -> bool:
            return load.statuses[201] >= 50

        async def refused() -> bool:
            return load.statuses[503] >= CLIENTS

        await until(warm, "bookings before the kill")
        await fragile.kill_mongod()
        await until(refused, "refusals while it is down")
        assert (await service.anonymous.get("//healthz")).status == 200
        assert (await service.anonymous.get("//readyz")).status == 503
        await fragile.start_mongod()
        before = load.statuses[201]

        async def goes_on() -> bool:
            return load.statuses[201] >= before + 3 * CLIENTS or all(t.done() for t in tasks)

        await until(goes_on, "bookings after the restart")
        load.stop = True
        async with asyncio.timeout(patience(60)):
            await asyncio.gather(*tasks)

        assert set(load.statuses) <= {201, 409, 422, 503}, load.statuses
        assert load.codes["seat_taken"] >= CLIENTS - 1 and not load.statuses[422]
        assert load.resolved >= 1 and load.slowest < patience(LONGEST_S)
        await every_acknowledged_one_exists_once(service, load)
        status, out, err = await ended(await command("check-integrity", **service.env))
        assert (status, out.strip()) == (0, "no double bookings"), err

        async def is_ready() -> bool:
            return bool((await service.anonymous.get("//readyz")).status == 200)

        await until(is_ready, "ready again")


async def every_acknowledged_one_exists_once(service: Remote, load: Load) -> None:
    stored = await service.db["reservations"].find({"live": True}).to_list(None)
    assert {d["_id"] for d in stored} == set(load.acknowledged.values()), "exactly those"
    by_key: Counter[Any] = Counter(
        (d["reader"], replay["key"]) for d in stored for replay in d["idempotency_results"]
    )
    assert max(by_key.values()) == 1
    assert len({(d["seat"], d["start"]) for d in stored}) == len(stored)
