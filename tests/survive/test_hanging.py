"""MongoDB accepts connections and does not answer: each request is answered within five seconds,
and no change is lost or doubled; and a process told to end does so."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path

import aiohttp

from miniapp_server.embedded_databases import EmbeddedDatabases
from miniapp_server.server import END_WITHIN_S
from tests.living import Answer
from tests.survive.serving import environment, remote
from tests.waiting import patience, until

ANSWERS_S = 5.0
LOOKS_S = 3.5
"""Load balancers and Prometheus hear how things are."""


async def all_within(seconds: float, calls: Iterable[Awaitable[Answer]]) -> list[Answer]:
    """The responses, all received while MongoDB hangs. Raises: TimeoutError."""
    async with asyncio.timeout(patience(seconds)):
        return await asyncio.gather(*calls)


async def test_requests_are_refused_in_time_while_mongod_hangs(fragile: EmbeddedDatabases) -> None:
    pid = fragile.mongod_pid
    assert pid is not None
    async with remote(fragile.mongo_url, fragile.redis_url) as service:
        readers = [await service.reader() for _ in range(6)]
        made = await readers[0].reserve("2f-hall-061", "14:00", "16:00")
        for reader in readers:
            await reader.ok("GET", "/areas")
        kiosk = (await service.anonymous.ok("GET", "//sandbox/kiosks"))["items"][0]
        code, headers = f"/kiosks/{kiosk['id']}/code", {"X-Kiosk-Key": kiosk["key"]}

        async def booked(number: int) -> Answer:
            wish = {"seat_id": f"2f-hall-{number:03}", "date": service.today}
            wish |= {"start": "10:00", "end": "11:00"}
            key = {"Idempotency-Key": f"key-{number}"}
            return await readers[number].post("/reservations", wish, **key)

        await _stop(pid)
        try:
            path = f"/reservations/{made['id']}"
            plan = f"/areas/2f-hall/map?date={service.tomorrow}"
            calls = [booked(number) for number in range(1, 5)]
            calls += [readers[0].post(f"{path}/cancel", **{"Idempotency-Key": "cancel"})]
            calls += [readers[5].get(where) for where in (path, "/reservations", plan)]
            calls += [service.anonymous.get(code, **headers), readers[5].get("//me")]
            watched = [service.anonymous.get(where) for where in ("//readyz", "//metrics")]
            watching = asyncio.create_task(all_within(LOOKS_S, watched))
            answers = await all_within(ANSWERS_S, calls)
            assert [answer.status for answer in answers[:9]] == [503] * 9, answers
            codes = [answer.code for answer in answers[:9]]
            assert codes[:5] == ["outcome_unknown"] * 5 and set(codes[5:]) == {"unavailable"}
            assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers[:9])
            health, metrics = await watching
            assert (health.status, health.body["troubles"]) == (503, {"mongodb": "unreachable"})
            assert metrics.status == 200 and 'seat_troubles{kind="mongodb"} 1.0' in metrics.body
        finally:
            os.kill(pid, signal.SIGCONT)
        # Each asks again under its key, and hears what became of it.
        for number in range(1, 5):
            await _until_known(partial(booked, number), 201)
        key = {"Idempotency-Key": "cancel"}
        await _until_known(partial(readers[0].post, f"{path}/cancel", **key), 200)
        stored = await service.db["reservations"].find({"rev": {"$gte": 1}}).to_list(None)
        assert sorted(r["state"] for r in stored) == ["cancelled"] + ["reserved"] * 4

        # It is told to end while MongoDB hangs again, and a change is under way.
        await _stop(pid)
        try:
            looks = [readers[n % 6].get("/reservations") for n in range(60)]
            last = asyncio.gather(*map(_gone, [booked(5), *looks]))
            await asyncio.sleep(0.2)
            async with asyncio.timeout(patience(END_WITHIN_S + 1)):
                await service.kill(signal.SIGTERM)
            await last
        finally:
            os.kill(pid, signal.SIGCONT)


async def test_a_hanging_task_or_event_loop_does_not_keep_the_process_alive() -> None:
    code = "from miniapp_server import server; server.end_anyway(0.2); input()"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code),
        env=environment(),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    async with asyncio.timeout(patience(10)):
        assert b"drain_cut_off" in await process.stderr.read()
        assert await process.wait() == 1


async def _stop(pid: int) -> None:
    """Returns once each of its threads has stopped; until then it may still answer."""
    os.kill(pid, signal.SIGSTOP)

    async def stopped() -> bool:
        return _all_stopped(pid)

    await until(stopped, "all threads to stop")


def _all_stopped(pid: int) -> bool:
    threads = [task / "stat" for task in Path(f"/proc/{pid}/task").iterdir()]
    return all(stat.read_text().rpartition(") ")[2].startswith("T") for stat in threads)


async def _until_known(ask: Callable[[], Awaitable[Answer]], status: int) -> None:
    async def has_status() -> bool:
        answer = await ask()
        assert answer.status in (status, 503, 409), (answer.status, answer.body)
        return answer.status == status

    await until(has_status, "the outcome")


async def _gone(call: Awaitable[Answer]) -> None:
    try:
        answer = await call
    except aiohttp.ClientError:
        return
    assert answer.status == 503
