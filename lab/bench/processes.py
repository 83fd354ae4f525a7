"""Starts and ends the processes to measure, and the bare handler; runs a load with its cost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any, Final

import aiohttp
import uvloop
from aiohttp import web

from lab.bench.cost import Processes, per_thousand
from lab.bench.load import ROOT, BenchFailed, Load, Run, play
from miniapp_server.child_process import die_with_parent
from miniapp_server.embedded_databases import EmbeddedDatabases, free_ports

_WORKER: Final = 10
"""Characters of a request's id that name its worker."""
READY_S: Final = 60.0
_STOP_S: Final = 30.0


def processes(application: int, databases: EmbeddedDatabases) -> Processes:
    """The processes of a service or of the bare handler, and of the databases."""
    assert databases.mongod_pid is not None and databases.redis_pid is not None
    return Processes(application, databases.mongod_pid, databases.redis_pid)


async def played(folder: Path, port: int, involved: Processes, seconds: int, load: Load) -> Run:
    """Plays the load, and returns the run with its cost. Raises: BenchFailed."""
    before = involved.cpu_s()
    run = await play(folder, port, seconds, load)
    cost = per_thousand(before, involved.cpu_s(), sum(run.statuses.values()))
    return replace(run, cpu=cost)


async def ready(
    port: int, path: str, workers: int = 1, host: str = "127.0.0.1", within_s: float = READY_S
) -> None:
    """Returns when the path has been answered with 200 by ``workers`` workers. Raises: BenchFailed.

    ``host``: the name in the Host header. A worker is recognised by the first part of its request
    ids. Each try opens a connection of its own, which the kernel assigns to any worker.
    """
    deadline = monotonic() + within_s
    seen: set[str] = set()
    said = "nothing"
    while monotonic() < deadline:
        with suppress(aiohttp.ClientConnectionError):
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{port}{path}", headers={"Host": host}) as answer,
            ):
                if answer.status == 200:
                    seen.add(answer.headers.get("X-Request-Id", "")[:_WORKER])
                said = (await answer.text())[:200]
        if len(seen) >= workers:
            return
        await asyncio.sleep(0.05)
    raise BenchFailed(f"{path}: {len(seen)} of {workers} answer after {within_s:.0f} s: {said}")


@asynccontextmanager
async def process(
    arguments: Sequence[str], env: Mapping[str, str], root: Path = ROOT
) -> AsyncIterator[int]:
    """Runs a Python process of the checkout in ``root`` during the block, and yields its id. It
    ends with this process, however that ends.

    Raises: BenchFailed when it does not end on SIGTERM.
    """
    python = sys.executable if root == ROOT else str(root / ".venv" / "bin" / "python")
    started = await asyncio.create_subprocess_exec(
        *die_with_parent([python, *arguments]),
        cwd=root,
        env={"PATH": os.environ.get("PATH", ""), **env},
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield started.pid
    finally:
        with suppress(ProcessLookupError):
            started.terminate()
        try:
            async with asyncio.timeout(_STOP_S):
                await started.wait()
        except TimeoutError:
            started.kill()
            await started.wait()
            raise BenchFailed(f"{arguments[-1]} did not end within {_STOP_S:.0f} s") from None


@asynccontextmanager
async def bare_handler() -> AsyncIterator[tuple[int, int]]:
    """Runs the bare handler in a process of its own; yields its port and process id."""
    [port] = free_ports(1)
    async with process(["-m", "lab.bench.processes", str(port)], {}) as pid:
        await ready(port, "/")
        yield port, pid


async def _serve_hello(port: int) -> None:
    """Serves the least that aiohttp can do, started as the service is."""

    async def hello(_: web.Request) -> web.Response:
        return web.json_response({"hello": "world"})

    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    app = web.Application()
    app.add_routes([web.get("/", hello), web.post("/", hello)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await ended.wait()
    await runner.cleanup()


def run_measurement(
    work: Callable[[Path], Awaitable[dict[str, Any]]], prefix: str
) -> dict[str, Any]:
    """The result of ``work``, which gets a temporary folder whose name begins with ``prefix``.

    SIGTERM ends it as Ctrl-C does, after ending everything that was started. Raises: what ``work``
    raises; KeyboardInterrupt; CancelledError.
    """

    async def until_told(folder: Path) -> dict[str, Any]:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work(folder)

    with tempfile.TemporaryDirectory(prefix=prefix) as folder:
        return uvloop.run(until_told(Path(folder)))


def printed(result: dict[str, Any], text: str, complaints: Sequence[str], as_json: bool) -> int:
    """Prints a measurement's result, as ``text`` or as JSON, and why it has failed, if it has.
    Returns the exit status."""
    print(json.dumps(result) if as_json else text)
    for complaint in complaints:
        print(f"error: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    uvloop.run(_serve_hello(int(sys.argv[1])))
