"""Requests a second of the real service, each as a ratio to a bare aiohttp handler.

Databases, library, readers and sessions are its own, in a temporary folder that goes afterwards.
The status is 1 on an error, a double, or a booking that was counted and is not there (or is there
and was not counted); never on time. docs/performance.md explains the method.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import random
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import islice, product
from pathlib import Path
from time import monotonic
from typing import Any, Final

import aiohttp
import uvloop
from aiohttp import web

from miniapp_server import seed as seeding
from miniapp_server.app import Parts, open_parts
from miniapp_server.clock import Clock
from miniapp_server.embedded import EmbeddedError, embedded_databases
from miniapp_server.settings import load
from models.booking import reserve
from models.booking.desk import Ask
from models.errors import ServiceError
from models.library import SeatId
from models.reader import Personal, Reader
from models.reservation import Actor, ReaderId
from models.rules import Wish
from models.store.client import new_id
from models.store.sealing import fingerprint

ROOT: Final = Path(__file__).resolve().parents[1]
NAMES: Final = ("hello", "reserve", "contended", "areas", "plan")

CONNECTIONS: Final = 64
THREADS: Final = 2
"""Threads of wrk."""
_TAIL_S: Final = 3
"""How long wrk stays for the last answers after the last booking was sent."""

MORNING: Final = datetime.fromisoformat("2026-09-07T10:00:00+08:00")
"""What the service's clock shows: a Monday, the library open, tomorrow bookable."""
TOMORROW: Final = MORNING.date() + timedelta(days=1)
AREA: Final = "2f-east"
HOURS: Final = range(7, 21)
"""Starts of the one-hour bookings; the hour after them is the contended one."""
CONTENDED_SEATS, CONTENDED_READERS = 20, 500
LOOKERS: Final = 500
"""Readers who look at areas and plans."""
BOOKINGS_PER_SECOND: Final = 4000
"""More than a run can use up. Were it ever used up, the run would end sooner, its rate unharmed."""
_READY_S: Final = 30.0
_STOP_S: Final = 20.0


class BenchFailed(Exception):
    """One clear line."""


@dataclass(frozen=True, slots=True)
class Load:
    """Whole HTTP requests to play against a port; ``good`` are the statuses that count."""

    requests: Sequence[bytes]
    good: frozenset[int] = frozenset({200})
    once: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """``errors`` are statuses that are not good, and failures of connections."""

    rps: float
    p50_ms: float
    p99_ms: float
    errors: int
    statuses: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Member:
    """A reader with the token of a live session."""

    id: ReaderId
    token: str


# --- the run ------------------------------------------------------------------------------------


async def bench(folder: Path, seconds: int) -> tuple[dict[str, Run], int]:
    """All runs, and the doubles that the sweep found. Raises: BenchFailed."""
    before = await _hello(folder, seconds)
    async with embedded_databases(folder) as databases:
        port = _free_port()
        env = {
            "PORT": str(port),
            "MONGO_URL": databases.mongo_url,
            "REDIS_URL": databases.redis_url,
            "MONGO_DATABASE": "bench",
            "DATA_KEYS": "1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
            "THROTTLE_SCALE": "1000000",
            "LOG_LEVEL": "WARNING",
        }
        async with open_parts(load(env), Clock()) as parts:
            runs = await _service_runs(folder, seconds, env, port, parts)
            doubles = len(await parts.desk.reservations.doubles())
    # Once more, since a shared machine changes while one looks away: ratios are to the mean.
    after = await _hello(folder, seconds)
    hello = Run(
        rps=(before.rps + after.rps) / 2,
        p50_ms=(before.p50_ms + after.p50_ms) / 2,
        p99_ms=max(before.p99_ms, after.p99_ms),
        errors=before.errors + after.errors,
        statuses={},
    )
    return {"hello": hello, **runs}, doubles


async def _hello(folder: Path, seconds: int) -> Run:
    port = _free_port()
    async with _process(["-m", "scripts.benchmark", "--serve-hello", str(port)], {}):
        await _ready(port, "/")
        return await _play(folder, port, seconds, Load([_get("/", None)]))


async def _service_runs(
    folder: Path, seconds: int, env: Mapping[str, str], port: int, parts: Parts
) -> dict[str, Run]:
    await seeding.seed(parts.desk, seeding.read(), MORNING)
    async with _process(["-m", "miniapp_server", "serve"], env):
        await _ready(port, "/readyz")
        await _set_clock(port)
        looking = await _members(parts, LOOKERS)
        await _ready(port, "/api/v1/me", looking[0])
        await _half_fill(parts)
        areas = Load([_get("/api/v1/areas", member) for member in looking])
        plan = Load([_get(f"/api/v1/areas/{AREA}/map", member) for member in looking])
        contended = _contended(parts, await _members(parts, CONTENDED_READERS))
        bookings = list(islice(_free_hours(parts), BOOKINGS_PER_SECOND * seconds))
        members = await _members(parts, len(bookings))
        distinct = Load(
            [_booking(m, seat, hour) for m, (seat, hour) in zip(members, bookings, strict=True)],
            frozenset({201}),
            once=True,
        )
        return {
            "areas": await _play(folder, port, seconds, areas),
            "plan": await _play(folder, port, seconds, plan),
            "contended": await _booked(
                folder, port, seconds, contended, parts, exactly=CONTENDED_SEATS
            ),
            "reserve": await _booked(folder, port, seconds, distinct, parts),
        }


async def _booked(
    folder: Path, port: int, seconds: int, load: Load, parts: Parts, exactly: int | None = None
) -> Run:
    """A run whose 201s must be the bookings that are in the database afterwards.

    Raises: BenchFailed.
    """
    before = await parts.desk.reservations.count()
    run = await _play(folder, port, seconds, load)
    kept = await parts.desk.reservations.count() - before
    confirmed = run.statuses.get(201, 0)
    if confirmed != kept:
        raise BenchFailed(f"{confirmed} bookings were confirmed and {kept} are in the database")
    if exactly not in (None, kept):
        raise BenchFailed(f"{kept} bookings for {exactly} seats in one hour")
    return run


async def _play(folder: Path, port: int, seconds: int, load: Load) -> Run:
    """Let wrk play the load. Raises: BenchFailed."""
    file = folder / "requests"
    file.write_bytes(b"".join(request + b"\0" for request in load.requests))
    tail = _TAIL_S if 201 in load.good else 0
    process = await asyncio.create_subprocess_exec(
        *("wrk", "--threads", str(THREADS), "--connections", str(CONNECTIONS)),
        *("--duration", f"{seconds + tail}s", "--timeout", "10s", "--latency"),
        *("--script", str(ROOT / "scripts" / "lua" / "play.lua"), f"http://127.0.0.1:{port}"),
        *("--", str(file), str(seconds), "once" if load.once else "round"),
        env={**os.environ, "BENCH_THREADS": str(THREADS)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await process.communicate())[0].decode(errors="replace")
    line = next((x for x in output.splitlines() if x.startswith("RESULT ")), None)
    if line is None:
        raise BenchFailed(f"wrk failed: {output.strip()[-500:]}")
    result = json.loads(line.removeprefix("RESULT "))
    statuses = {int(status): n for status, n in result["statuses"].items()}
    good = sum(n for status, n in statuses.items() if status in load.good)
    return Run(
        rps=good / result["seconds"] if good else 0.0,
        p50_ms=result["p50_us"] / 1000,
        p99_ms=result["p99_us"] / 1000,
        errors=sum(statuses.values()) - good + result["socket_errors"],
        statuses=statuses,
    )


# --- what is played -----------------------------------------------------------------------------


def _get(path: str, member: Member | None) -> bytes:
    return _request("GET", path, member, b"")


def _booking(member: Member, seat: SeatId, hour: int) -> bytes:
    body = {
        "seat_id": seat,
        "date": TOMORROW.isoformat(),
        "start": f"{hour:02}:00",
        "end": f"{hour + 1:02}:00",
    }
    return _request("POST", "/api/v1/reservations", member, json.dumps(body).encode())


def _request(method: str, path: str, member: Member | None, body: bytes) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if member is not None:
        lines.append(f"Authorization: Bearer {member.token}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _contended(parts: Parts, members: Sequence[Member]) -> Load:
    """Every reader wants every one of a few seats in the same hour, in no order."""
    seats = [seat.id for seat in parts.desk.area(AREA).seats if seat.disabled is None]
    wishes = list(product(members, seats[:CONTENDED_SEATS]))
    random.Random(1).shuffle(wishes)
    requests = [_booking(member, seat, HOURS.stop) for member, seat in wishes]
    return Load(requests, frozenset({201, 409}))


def _free_hours(parts: Parts) -> Iterator[tuple[SeatId, int]]:
    """Every seat of the library in every hour of tomorrow, the contended hour left out."""
    seats = [seat.id for seat in parts.desk.library.seats.values() if seat.disabled is None]
    random.Random(2).shuffle(seats)
    return ((seat, hour) for hour in HOURS for seat in seats)


# --- the library and its readers ----------------------------------------------------------------


async def _members(parts: Parts, count: int) -> list[Member]:
    """New readers with web sessions: one made by the repositories, the others in its image."""
    first = f"B{secrets.token_hex(4)}".upper()
    token, ticket = secrets.token_urlsafe(32), secrets.token_urlsafe(16)
    reader = await parts.readers.admit(first, "张三", "student", MORNING)
    await parts.stored_sessions.open_web(
        token, reader.id, ticket, MORNING, MORNING + timedelta(hours=12)
    )
    reader_image = await parts.db["readers"].find_one({"_id": reader.id})
    session_image = await parts.db["sessions"].find_one({"_id": fingerprint(token)})
    assert reader_image is not None and session_image is not None
    members, readers, sessions = [Member(reader.id, token)], [], []
    for number in range(1, count):
        member = Member(ReaderId(new_id()), secrets.token_urlsafe(32))
        hashes = parts.settings.sealer.hashes(f"{first}{number}", "student_no")
        readers.append({**reader_image, "_id": member.id, "no_hashes": hashes})
        sessions.append(
            {
                **session_image,
                "_id": fingerprint(member.token),
                "reader": member.id,
                "ticket": fingerprint(f"{ticket}{number}"),
            }
        )
        members.append(member)
    await parts.db["readers"].insert_many(readers, ordered=False)
    await parts.db["sessions"].insert_many(sessions, ordered=False)
    return members


async def _half_fill(parts: Parts) -> None:
    """Half of the seats are taken until noon; returns when all of that has been told.

    Areas and plans of an empty library would be cheaper to show than those of a real one.
    """
    seats = [seat.id for seat in parts.desk.library.seats.values() if seat.disabled is None][::2]
    members = await _members(parts, len(seats))
    wish = Wish(MORNING.date(), None, time(12))

    async def take(member: Member, seat: SeatId) -> None:
        reader = Reader(member.id, "student", None, lambda: Personal("", ""))
        ask = Ask(reader, Actor("reader", "web"), MORNING)
        await reserve.reserve(parts.desk, ask, seat, wish)

    await asyncio.gather(*(take(m, seat) for m, seat in zip(members, seats, strict=True)))
    deadline = monotonic() + _READY_S
    while await parts.desk.reservations.with_notices(1):
        if monotonic() > deadline:
            raise BenchFailed("the service does not relay its notices")
        await asyncio.sleep(0.1)


async def _set_clock(port: int) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"http://127.0.0.1:{port}/sandbox/clock", json={"now": MORNING.isoformat()}
        ) as answer,
    ):
        if answer.status != 200:
            raise BenchFailed(f"the clock cannot be set: {await answer.text()}")


# --- processes ----------------------------------------------------------------------------------


@asynccontextmanager
async def _process(arguments: Sequence[str], env: Mapping[str, str]) -> AsyncIterator[None]:
    """A Python process for the length of a block. It ends with this one, even if that is killed."""
    launcher = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
    process = await asyncio.create_subprocess_exec(
        *launcher,
        sys.executable,
        *arguments,
        cwd=ROOT,
        env={"PATH": os.environ.get("PATH", ""), **env},
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise BenchFailed(f"{arguments[-1]} did not end within {_STOP_S:.0f} s") from None


async def _ready(port: int, path: str, member: Member | None = None) -> None:
    """Returns when the path is answered with 200. Raises: BenchFailed."""
    headers = {"Authorization": f"Bearer {member.token}"} if member else {}
    deadline = monotonic() + _READY_S
    said = "nothing"
    async with aiohttp.ClientSession(headers=headers) as session:
        while monotonic() < deadline:
            with suppress(aiohttp.ClientConnectionError):
                async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
                    if answer.status == 200:
                        return
                    said = (await answer.text())[:200]
            await asyncio.sleep(0.05)
    raise BenchFailed(f"{path} does not answer with 200 after {_READY_S:.0f} s: {said}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _serve_hello(port: int) -> None:
    """The yardstick: as little as aiohttp can do, started like the service."""

    async def hello(_: web.Request) -> web.Response:
        return web.json_response({"hello": "world"})

    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    app = web.Application()
    app.add_routes([web.get("/", hello)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await ended.wait()
    await runner.cleanup()


# --- the report ---------------------------------------------------------------------------------


def report(runs: Mapping[str, Run], doubles: int) -> dict[str, Any]:
    """The JSON form."""
    base = runs["hello"].rps
    return {
        "runs": {
            name: {
                "rps": round(runs[name].rps, 1),
                "ratio": round(runs[name].rps / base, 4) if base else 0.0,
                "p50_ms": round(runs[name].p50_ms, 2),
                "p99_ms": round(runs[name].p99_ms, 2),
                "errors": runs[name].errors,
            }
            for name in NAMES
        },
        "doubles": doubles,
    }


def table(shown: Mapping[str, Any]) -> str:
    """The Markdown form."""
    lines = [
        "| run | requests/s | ratio to hello | p50 ms | p99 ms | errors |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {name} | {r['rps']:,.0f} | {r['ratio']:.3f} | {r['p50_ms']:.1f} | {r['p99_ms']:.1f} "
        f"| {r['errors']} |"
        for name, r in shown["runs"].items()
    ]
    return "\n".join([*lines, "", f"Doubles found afterwards: {shown['doubles']}"])


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--seconds", type=int, default=5, help="of each run (default: 5)")
    parser.add_argument("--serve-hello", type=int, metavar="PORT", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve_hello:
        uvloop.run(_serve_hello(args.serve_hello))
        return 0
    if args.seconds < 1:
        parser.error("--seconds must be at least 1")
    if shutil.which("wrk") is None:
        print("error: wrk is missing (Debian: apt-get install wrk)", file=sys.stderr)
        return 1
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            runs, doubles = uvloop.run(bench(Path(folder), args.seconds))
    except (BenchFailed, EmbeddedError, ServiceError) as error:
        print(f"error: {error or error.__class__.__name__}", file=sys.stderr)
        return 1
    shown = report(runs, doubles)
    print(json.dumps(shown) if args.json else table(shown))
    bad = {name: run.statuses for name, run in runs.items() if run.errors}
    if bad or doubles:
        print(f"error: {doubles} doubles; runs with errors: {bad}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
