"""Several workers on one port: they share the work, and neither kills nor signals lose an
answer."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.living import ENCRYPTION_KEYS, Client, free_port
from tests.promtool import promtool
from tests.survive.serving import Remote, command, ended, remote
from tests.waiting import patience, until

GONE = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)


@pytest.fixture
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[socket.socket]:
    """Stands in for systemd and receives the service's notifications."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path_factory.mktemp("systemd") / "notify"))
        listening.setblocking(False)
        yield listening


async def next_word(manager: socket.socket) -> dict[str, str]:
    """The service's next notification, as the fields of sd_notify(3)."""
    async with asyncio.timeout(patience(60)):
        message = await asyncio.get_running_loop().sock_recv(manager, 4096)
    return dict(line.split("=", 1) for line in message.decode().splitlines())


@pytest.fixture
async def service(
    mongo_url: str, redis_url: str, tmp_path: Path, manager: socket.socket
) -> AsyncIterator[Remote]:
    # Killed at the end, it leaves its folder of counts behind.
    options, heard = ("--workers", "2"), str(manager.getsockname())
    place = str(tmp_path)
    async with remote(mongo_url, redis_url, *options, TMPDIR=place, NOTIFY_SOCKET=heard) as running:
        await all_listen(running)
        yield running


def workers(service: Remote) -> dict[str, int]:
    """The process of each worker, by its name in the leases."""
    assert service.process is not None
    pids = {}
    for child in psutil.Process(service.process.pid).children():
        with suppress(psutil.NoSuchProcess):  # it has ended just now
            line = child.cmdline()
            if "worker" in line:
                pids[line[line.index("--owner") + 1]] = child.pid
    return pids


def sockets(service: Remote, pid: int, status: str) -> int:
    """The number of sockets of the service's port that the process holds."""
    connections = psutil.Process(pid).net_connections("tcp")
    return sum(c.laddr.port == int(service.env["PORT"]) and c.status == status for c in connections)


async def all_listen(service: Remote) -> None:
    async def both() -> bool:
        pids = workers(service).values()
        return sum(sockets(service, pid, psutil.CONN_LISTEN) for pid in pids) == 2

    await until(both, "two workers that listen", 60)


async def spread(service: Remote, count: int = 24) -> list[Client]:
    """Clients with kept-alive connections, enough that each worker has some."""
    clients = [service.stranger() for _ in range(count)]
    for client in clients:
        await client.ok("GET", "//healthz")
    assert all(sockets(service, pid, psutil.CONN_ESTABLISHED) for pid in workers(service).values())
    return clients


async def counted(client: Client, path: str) -> int:
    """The number of responses 200 of the path, from /metrics."""
    text = (await client.get("//metrics")).body
    line = re.search(
        rf'^seat_http_request_seconds_count{{.*route="{path}",status="200"}} (\S+)$', text, re.M
    )
    return int(float(line[1])) if line else 0


async def test_workers_share_port_clock_and_metrics(service: Remote) -> None:
    assert len(workers(service)) == 2
    before = await counted(service.anonymous, "/healthz")
    clients = await spread(service)
    counts = {await counted(client, "/healthz") for client in clients}
    assert counts == {before + len(clients)}, "whoever is asked tells the sum"
    metrics = str((await service.anonymous.get("//metrics")).body)
    assert metrics.count('seat_job_interval_seconds{job_name="deadlines"} 2.0') == 1
    assert 'pid="' not in metrics and promtool("check", "metrics", stdin=metrics.encode()) == ""

    # Whichever worker moved the clock, none answers by the old time. Each measures by itself what
    # its clock differs from MongoDB's, on a busy machine to some hundredths of a second.
    last = datetime.min.replace(tzinfo=UTC)
    for client in clients[:6]:
        answer = await client.ok("POST", "//sandbox/clock", {"advance_seconds": 600})
        moved = datetime.fromisoformat(answer["now"])
        clocks = [
            datetime.fromisoformat((await other.ok("GET", "//sandbox/clock"))["now"])
            for other in clients
        ]
        assert last < moved < min(clocks) + timedelta(seconds=1), (last, moved, clocks)
        last = max(clocks)
    # A reset ends what another worker remembers, too.
    reader = await service.reader()
    for client in clients:
        client.token = reader.token
        await client.ok("GET", "/me")
    await service.anonymous.ok("POST", "//sandbox/reset")
    assert [(await client.get("/me")).code for client in clients] == ["unauthenticated"] * 24
    await refuse_in_one_line(service)


async def refuse_in_one_line(service: Remote) -> None:
    """Each invalid start beside a running service is refused in one line."""
    nowhere = {"MONGO_URL": "mongodb://127.0.0.1:9/?replicaSet=rs0", "PORT": str(free_port())}
    port = service.env["PORT"]
    cases = [
        (service.env, f"cannot listen on 127.0.0.1:{port}"),
        ({**service.env, **nowhere}, "MongoDB does not answer"),
        ({**service.env, "ENCRYPTION_KEYS": "1:abc"}, "ENCRYPTION_KEYS must look like"),
    ]
    running = [await command("serve", "--workers", "2", **env) for env, _ in cases]
    for process, (_, expected) in zip(running, cases, strict=True):
        status, out, err = await ended(process)
        assert (status, out, err.count("\n")) == (1, "", 1) and expected in err, (out, err)
        assert ENCRYPTION_KEYS not in err
    assert len(os.listdir(service.env["TMPDIR"])) == 1, "the service's own counts, no others"
    # Nor does a single process join the workers' port, even while none of them listens.
    for pid in workers(service).values():
        os.kill(pid, signal.SIGKILL)
    alone = await ended(await command("serve", **service.env))
    assert alone[0] == 1 and f"cannot listen on 127.0.0.1:{port}" in alone[2]


async def test_a_killed_worker_is_replaced_while_requests_go_on(service: Remote) -> None:
    """Its own connections break; every received answer is correct, and its jobs continue."""
    db = service.db
    readers = [await service.reader() for _ in range(12)]
    broken = 0
    acknowledged: list[str] = []
    stop = asyncio.Event()

    async def books(number: int, reader: Client) -> None:
        nonlocal broken
        wish = {"seat_id": f"2f-hall-{number:03}", "date": service.today}
        wish |= {"start": "10:00", "end": "11:00"}
        while not stop.is_set():
            try:
                answer = await reader.post("/reservations", wish)
                # What was done for a request whose answer was lost shows as the reader's own.
                if answer.code != "own_overlap":
                    assert answer.status == 201, answer.body
                    acknowledged.append(answer.body["id"])
                live = (await reader.ok("GET", "/reservations"))["items"]
                for r in live:
                    if r["state"] == "reserved":
                        done = await reader.post(f"/reservations/{r['id']}/cancel")
                        assert done.status == 200, done.body
            except GONE:
                broken += 1

    async def all_led() -> bool:
        return {d["_id"] async for d in db["leases"].find()} >= {
            "deadlines",
            "dispatch_outbox",
            "deliver_wechat",
        }

    await until(all_led, "a holder of each job")
    lease = await db["leases"].find_one({"_id": "dispatch_outbox"})
    assert lease is not None
    killed = workers(service)[lease["owner"]]
    clients = [asyncio.create_task(books(n, r)) for n, r in enumerate(readers, start=1)]

    async def under_load() -> bool:
        return len(acknowledged) > 50

    await until(under_load, "some load")
    os.kill(killed, signal.SIGKILL)

    async def replaced() -> bool:
        now = workers(service)
        return len(now) == 2 and now[lease["owner"]] != killed

    await until(replaced, "a new worker in the dead one's place", 60)
    messages = await db["messages"].count_documents({})

    async def more() -> bool:
        return await db["messages"].count_documents({}) > messages + 5

    # Far sooner than the dead one's lease ends.
    await until(more, "messages from the outbox", 12)
    for _ in range(5):
        if broken:
            break
        killed = workers(service)[lease["owner"]]  # the last one had no request under way
        os.kill(killed, signal.SIGKILL)
        await until(replaced, "a new worker in the dead one's place", 60)
    stop.set()
    await asyncio.gather(*clients)
    assert broken
    stored_ids = {d["_id"] async for d in db["reservations"].find({}, {"_id": 1})}
    assert set(acknowledged) <= stored_ids


async def test_sigterm_under_load_answers_every_accepted_request(service: Remote) -> None:
    """Connections are kept alive: an answer that closes one is its last, and none is missing."""
    assert service.process is not None
    slow = {"jscode2session": {"delay_ms": 1500, "times": 8}}
    await service.anonymous.ok("POST", "//sandbox/wechat/_mode", slow)
    strangers = [service.stranger() for _ in range(8)]
    logins = [
        asyncio.create_task(c.post("/wx/login", {"code": f"demo-{c.name}-1"})) for c in strangers
    ]
    readers = [await service.reader() for _ in range(16)]
    pids = [service.process.pid, *workers(service).values()]
    statuses: list[int] = []
    acknowledged: list[str] = []
    lost: list[str] = []

    async def books(number: int, reader: Client) -> None:
        wish = {"seat_id": f"2f-hall-{number:03}", "date": service.today}
        wish |= {"start": "10:00", "end": "11:00"}
        while True:
            try:
                answer = await reader.post("/reservations", wish)
                acknowledged.append(answer.body["id"])
                path = f"/reservations/{answer.body['id']}/cancel"
                statuses.append(answer.status)
                statuses.append((await reader.post(path)).status)
            except aiohttp.ClientConnectorError:
                return  # nobody listens any more
            except GONE as error:
                lost.append(repr(error))
                return

    clients = [asyncio.create_task(books(n, r)) for n, r in enumerate(readers, start=1)]

    async def under_load() -> bool:
        mode = await service.db["sandbox_wechat_modes"].find_one({"_id": "jscode2session"})
        return len(statuses) > 100 and (mode is None or mode["left"] == 0)

    await until(under_load, "some load, and 8 logins under way")
    service.process.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.05)
    assert await service.kill(signal.SIGTERM) == 0, "a second one does no harm"
    async with asyncio.timeout(patience(10)):
        await asyncio.gather(*clients)
    assert [answer.status for answer in await asyncio.gather(*logins)] == [200] * 8
    assert set(statuses) == {200, 201}
    stored = await service.db["reservations"].find().to_list(None)
    assert {d["_id"] for d in stored} == set(acknowledged), lost
    assert sum(d["state"] == "cancelled" for d in stored) == statuses.count(200), lost
    assert not any(map(psutil.pid_exists, pids))
    assert await service.db["leases"].count_documents({}) == 0


async def test_no_worker_outlives_a_killed_supervisor(service: Remote) -> None:
    pids = list(workers(service).values())
    await service.kill(signal.SIGKILL)

    async def gone() -> bool:
        return not any(map(psutil.pid_exists, pids))

    await until(gone, "the end of the workers", 10)
    assert await service.db["leases"].count_documents({}) == 0, "they drained"
    await service.start()
    await all_listen(service)


async def test_sighup_replaces_the_workers_without_losing_an_answer(
    service: Remote, manager: socket.socket
) -> None:
    """systemd is notified at the end, so ``systemctl reload`` returns then."""
    assert await next_word(manager) == {"READY": "1", "STATUS": ""}
    before = set(workers(service).values())
    assert service.process is not None
    stop = asyncio.Event()
    answers: list[int] = []
    lost: list[str] = []

    async def asks(client: Client) -> None:
        while not stop.is_set():
            try:
                answers.append((await client.get("//readyz")).status)
            except GONE as error:
                lost.append(repr(error))

    asking = [asyncio.create_task(asks(service.stranger())) for _ in range(8)]
    began_us = time.monotonic_ns() // 1000
    service.process.send_signal(signal.SIGHUP)
    begun = await next_word(manager)
    assert begun.keys() == {"RELOADING", "MONOTONIC_USEC"}
    assert began_us <= int(begun["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    assert await next_word(manager) == {"READY": "1", "STATUS": ""}
    now = set(workers(service).values())
    assert len(now) == 2 and not now & before, "the new ones serve by then"
    stop.set()
    await asyncio.gather(*asking)
    assert set(answers) == {200}
    assert len(lost) <= 1, lost  # what met the moment between the last accept and the close


async def test_a_reload_whose_new_workers_cannot_start_keeps_the_old_ones(
    service: Remote, manager: socket.socket
) -> None:
    """The database is of a newer version by now, which the new workers refuse."""
    await next_word(manager)
    before = workers(service)
    newer = {"$set": {"version": 99}}
    await service.db["installation"].update_one({"_id": "schema"}, newer, upsert=True)
    assert service.process is not None
    service.process.send_signal(signal.SIGHUP)
    assert "RELOADING" in await next_word(manager)
    over = await next_word(manager)
    assert over == {
        "READY": "1",
        "STATUS": "a new worker cannot start; the old workers continue to serve",
    }
    assert workers(service) == before
    assert (await service.anonymous.get("//healthz")).status == 200
