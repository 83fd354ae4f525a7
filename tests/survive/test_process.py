"""The process for an operator: fast start, clear errors, no remains."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.living import ENCRYPTION_KEYS, Client, free_port
from tests.survive.processes import call, gone, servers_of
from tests.survive.serving import Remote, command, ended, ready, remote
from tests.waiting import patience, until

# --- requests and WeChat ------------------------------------------------------------------------


@pytest.fixture
async def service(mongo_url: str, redis_url: str) -> AsyncIterator[Remote]:
    async with remote(mongo_url, redis_url) as running:
        yield running


async def misbehave(service: Remote, **modes: object) -> None:
    await service.anonymous.ok("POST", "//sandbox/wechat/_mode", modes)


async def taken(service: Remote, endpoint: str, times: int) -> int:
    mode = await service.db["sandbox_wechat_modes"].find_one({"_id": endpoint})
    return times - int(mode["left"]) if mode else 0


async def test_requests_in_flight_are_answered_after_sigterm(service: Remote) -> None:
    clients = [service.stranger() for _ in range(8)]
    await misbehave(service, jscode2session={"delay_ms": 1500, "times": 8})
    logins = [
        asyncio.create_task(c.post("/wx/login", {"code": f"demo-{c.name}-1"})) for c in clients
    ]

    async def all_under_way() -> bool:
        return await taken(service, "jscode2session", 8) == 8

    await until(all_under_way, "8 logins under way")
    assert service.process is not None
    children = psutil.Process(service.process.pid).children(recursive=True)
    assert await service.kill(signal.SIGTERM) == 0
    assert [answer.status for answer in await asyncio.gather(*logins)] == [200] * 8
    assert not any(child.is_running() for child in children)
    with pytest.raises(aiohttp.ClientConnectorError):
        await service.anonymous.get("//healthz")
    # It let go of its leases: the next one goes on at once.
    assert await service.db["leases"].count_documents({}) == 0


async def test_sigterm_under_load_answers_or_refuses(service: Remote) -> None:
    """A request without an answer had no effect: a connection that no worker has accepted is reset
    by the kernel and was not served at all."""
    readers = [await service.reader() for _ in range(16)]
    statuses: list[int] = []
    acknowledged: list[str] = []

    async def books(number: int, reader: Client) -> None:
        while True:
            wish = {"seat_id": f"2f-hall-{number:03}", "date": service.today}
            wish |= {"start": "10:00", "end": "11:00"}
            try:
                # A connection of its own: one that idles may be closed at any time.
                answer = await reader.post("/reservations", wish, Connection="close")
                statuses.append(answer.status)
                acknowledged.append(answer.body["id"])
                path = f"/reservations/{answer.body['id']}/cancel"
                statuses.append((await reader.post(path, Connection="close")).status)
            except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
                return

    clients = [asyncio.create_task(books(n, r)) for n, r in enumerate(readers, start=1)]

    async def under_load() -> bool:
        return len(statuses) > 100

    await until(under_load, "some load")
    assert await service.kill(signal.SIGTERM) == 0
    async with asyncio.timeout(patience(10)):
        await asyncio.gather(*clients)
    assert set(statuses) == {200, 201}
    stored = await service.db["reservations"].find().to_list(None)
    assert {d["_id"] for d in stored} == set(acknowledged)
    cancelled = sum(d["state"] == "cancelled" for d in stored)
    assert cancelled == statuses.count(200)


async def test_a_hanging_wechat_delays_no_booking(service: Remote) -> None:
    readers = [await service.reader() for _ in range(10)]
    for reader in readers:
        await reader.accept("RESERVED")
    await misbehave(service, subscribe_send={"hang_seconds": patience(20)})
    for number, reader in enumerate(readers, start=1):
        made = await reader.reserve(f"2f-hall-{number:03}", "10:00", "11:00")
        await reader.ok("POST", f"/reservations/{made['id']}/cancel")
    assert (await service.anonymous.ok("GET", "//readyz"))["status"] == "ready"

    async def in_the_app() -> bool:
        inbox = await readers[0].ok("GET", "/messages")
        return [m["template"] for m in inbox["items"]] == ["RESERVED"]

    await until(in_the_app, "the message in the app, while WeChat hangs")
    assert await readers[0].messages() == [], "bookings did not wait for WeChat"
    await misbehave(service)

    async def delivered() -> bool:
        return all([await reader.messages() for reader in readers])

    await until(delivered, "the messages, later", 30)
    assert [len(await reader.messages()) for reader in readers] == [1] * len(readers)


# --- the demo -----------------------------------------------------------------------------------


@asynccontextmanager
async def demo(data_dir: Path, **env: str) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """A running demo and its address."""
    port = free_port()
    process = await command("demo", DATA_DIR=str(data_dir), PORT=str(port), **env)
    try:
        base = f"http://127.0.0.1:{port}"
        await ready(base, process)
        yield base, process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_a_killed_demo_leaves_no_server_and_a_restart_keeps_its_data(
    tmp_path: Path,
) -> None:
    async with demo(tmp_path) as (base, process):
        servers = servers_of(process)
        assert sorted(server.name() for server in servers) == ["mongod", "redis-server"]
        token = (await call(base, "POST", "/api/v1/wx/login", {"code": "demo-anna-1"}))["token"]
        kiosks = await call(base, "GET", "/sandbox/kiosks")

        # Another one on the same folder is told so, in one line.
        second = await command("demo", DATA_DIR=str(tmp_path), PORT=str(free_port()))
        status, _, err = await ended(second)
        assert status == 1 and err.count("\n") == 1 and "another service runs on" in err
        # The first is unharmed.
        assert (await call(base, "GET", "/readyz"))["status"] == "ready"

        process.kill()
        await process.wait()
        await gone(servers)

    async with demo(tmp_path) as (base, process):
        me = await call(base, "GET", "/api/v1/me", token=token)
        assert me["reader"] is None, "the session is known"
        assert await call(base, "GET", "/sandbox/kiosks") == kiosks
        servers = servers_of(process)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(patience(20)):
            output, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        assert "is ready at" in output.decode()
        await gone(servers)
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o600


async def test_a_demo_with_outside_servers_starts_none(
    tmp_path: Path, mongo_url: str, redis_url: str, service: Remote
) -> None:
    env = {
        "MONGO_URL": mongo_url,
        "REDIS_URL": redis_url,
        "MONGO_DATABASE": service.settings.database,
        "ENCRYPTION_KEYS": ENCRYPTION_KEYS,
    }
    async with demo(tmp_path, **env) as (base, process):
        assert servers_of(process) == []
        assert not (tmp_path / "mongod").exists()
        # Two workers on one database: a session of one is good at the other.
        reader: Client = await service.reader()
        me = await call(base, "GET", "/api/v1/me", token=reader.token)
        assert me["reader"]["name"] == "张三"
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(patience(20)):
            await process.communicate()
        assert process.returncode == 0


async def test_the_walkthrough_completes_beside_invented_readers(tmp_path: Path) -> None:
    """Its clock waits until the invented readers have left."""
    async with demo(tmp_path, DEMO="") as (base, process):
        assert process.stdout is not None
        async with asyncio.timeout(patience(90)):
            while b"Invented readers make" not in await process.stdout.readline():
                pass
        status, out, err = await ended(await command("demo-walkthrough", "--url", base))
        assert (status, err) == (0, "") and "history: reserve" in out, (out, err)


async def test_a_demo_stopped_while_readers_are_generated_prints_no_traceback(
    tmp_path: Path,
) -> None:
    """One of the generating processes has started and not received its task yet."""
    async with demo(tmp_path, DEMO="") as (_, process):

        async def begun() -> bool:
            below = psutil.Process(process.pid).children(recursive=True)
            with suppress(psutil.NoSuchProcess):
                return any("spawn_main" in " ".join(child.cmdline()) for child in below)
            return False

        await until(begun, "a process that invents readers", 60)
        process.terminate()
        async with asyncio.timeout(patience(20)):
            _, errors = await process.communicate()
        assert process.returncode == 0 and "Traceback" not in errors.decode(), errors.decode()


async def test_the_walkthrough_starts_and_stops_its_own_demo() -> None:
    status, out, err = await ended(await command("demo-walkthrough"))
    assert (status, err) == (0, "") and "history: reserve" in out, (out, err)


# --- mistakes -----------------------------------------------------------------------------------

NOWHERE = {"MONGO_URL": "mongodb://127.0.0.1:9/?replicaSet=rs0", "REDIS_URL": "redis://127.0.0.1:9"}
PUBLIC = {"PUBLIC_BASE_URL": "https://seats.lib.example"}
COMPLETE = {**NOWHERE, "ENCRYPTION_KEYS": ENCRYPTION_KEYS, "SANDBOX": "1"}
MISTAKES: list[tuple[str, dict[str, str], str]] = [
    # All faults at once, one line each.
    (
        "serve",
        {},
        "PUBLIC_BASE_URL is required\nENCRYPTION_KEYS is required\nCAS_BASE_URL is required\n"
        "MONGO_URL is required\nREDIS_URL ",
    ),
    ("serve", {**COMPLETE, "WECHAT_TEMPLATES": "{"}, "WECHAT_TEMPLATES"),
    # What is lost from the file of settings makes no sandbox.
    ("serve", {**COMPLETE, **PUBLIC, "SANDBOX": ""}, "CAS_BASE_URL is required"),
    ("check-config", {**COMPLETE, **PUBLIC, "SANDBOX": ""}, "CAS_BASE_URL is required"),
    ("serve", {**COMPLETE, "HOST": "0.0.0.0"}, "demo --lan ADDRESS"),
    ("demo", {"CAS_BASE_URL": "https://cas.example"}, "beside real credentials"),
    ("serve", COMPLETE, "MongoDB does not answer: 127.0.0.1:9 connection refused"),
    ("serve", {**COMPLETE, "MONGO_URL": "127.0.0.1:9"}, "must begin with mongodb://"),
    ("demo", {"MONGO_URL": NOWHERE["MONGO_URL"]}, "set both or neither"),
    ("sweep", COMPLETE, "sweep was renamed: use check-integrity"),
]


_AT_ONCE = 4


async def test_each_startup_mistake_is_reported_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        used = str(holder.getsockname()[1])
        cases = [
            *MISTAKES,
            ("demo", {"PORT": used}, f"cannot listen on 127.0.0.1:{used}"),
            ("serve", {**COMPLETE, "PORT": used}, f"cannot listen on 127.0.0.1:{used}"),
        ]
        # Some at a time: each has half a minute, and all of them share the cores.
        for begin in range(0, len(cases), _AT_ONCE):
            some = cases[begin : begin + _AT_ONCE]
            running = [
                await command(
                    name, **{"PORT": str(free_port()), "DATA_DIR": str(tmp_path / str(n))} | env
                )
                for n, (name, env, _) in enumerate(some, start=begin)
            ]
            try:
                for (name, env, expected), process in zip(some, running, strict=True):
                    status, out, err = await ended(process)
                    lines = [line for line in err.splitlines() if not _is_log(line)]
                    lines_expected = expected.splitlines()
                    context = (name, env, status, out, err)
                    assert (status, out, len(lines)) == (1, "", len(lines_expected)), context
                    assert all(w in line for w, line in zip(lines_expected, lines, strict=True)), (
                        context
                    )
                    assert ENCRYPTION_KEYS not in err, context
            finally:
                for process in running:
                    if process.returncode is None:  # the port is free soon: it would serve
                        process.kill()


def _is_log(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
