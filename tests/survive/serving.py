"""A service in a process of its own, to be killed, and access to its databases."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import sys
import termios
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

from miniapp_server.app import open_application
from miniapp_server.cli.settings import load
from miniapp_server.clock import Clock
from miniapp_server.sandbox.defaults import SANDBOX_TEMPLATES
from miniapp_server.sandbox.library import seed_demo
from miniapp_server.sandbox.state_repository import SandboxState
from models.storage.mongo import Database
from tests.living import ENCRYPTION_KEYS, MONDAY_8, Living, free_port
from tests.waiting import patience, until

ROOT = Path(__file__).parents[2]
SEATS = str(Path(sys.executable).with_name("seats"))


def environment(**env: str) -> dict[str, str]:
    """An environment with the path only, and a demo without invented readers."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DEMO": "empty", **env}


async def command(*args: str, **env: str) -> asyncio.subprocess.Process:
    """``seats …`` with its output in pipes."""
    return await asyncio.create_subprocess_exec(
        *(SEATS, *args),
        env=environment(**env),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def at_a_terminal(said: str, *args: str, **env: str) -> tuple[int, str, str]:
    """Runs ``command`` to its end at a terminal on which ``said`` is typed; the errors are the
    terminal's output."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    process = await asyncio.create_subprocess_exec(
        *(SEATS, *args),
        env=environment(**env),
        cwd=ROOT,
        stdin=theirs,
        stdout=asyncio.subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    os.write(ours, said.encode())
    showing = asyncio.create_task(asyncio.to_thread(_terminal_output, ours))
    status, out, _ = await ended(process)
    return status, out, await showing


def _terminal_output(terminal: int) -> str:
    """All output of a terminal until its writers have closed it."""
    output = b""
    try:
        while part := os.read(terminal, 4096):
            output += part
    except OSError:  # how Linux says that the other end is closed
        pass
    finally:
        os.close(terminal)
    return output.decode()


async def ended(process: asyncio.subprocess.Process) -> tuple[int, str, str]:
    """(status, output, errors) of a command that ends by itself within half a minute."""
    async with asyncio.timeout(patience(30)):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), (err or b"").decode()


@asynccontextmanager
async def serving_schools(folder: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """``seats serve --schools`` until the end of the block, which it must survive."""
    env = {"HOST": "0.0.0.0", "PORT": str(port), "LOG_LEVEL": "ERROR"}
    process = await command("serve", "--schools", str(folder), **env)
    try:
        await ready(f"http://127.0.0.1:{port}", process, within_s=40)
        yield process
        process.send_signal(signal.SIGTERM)
        status, out, err = await ended(process)
        assert (status, out) == (0, ""), err
    finally:
        if process.returncode is None:
            process.kill()


def production(mongo_url: str, redis_url: str) -> dict[str, str]:
    """The environment of a production installation on a database of its own."""
    port = str(free_port())
    return {
        "PORT": port,
        "PUBLIC_BASE_URL": f"http://127.0.0.1:{port}",
        "MONGO_URL": mongo_url,
        "REDIS_URL": redis_url,
        "MONGO_DATABASE": f"t{uuid4().hex[:16]}",
        "ENCRYPTION_KEYS": ENCRYPTION_KEYS,
        "CAS_BASE_URL": "http://127.0.0.1:9/cas",
        "WECHAT_APPID": "wx1",
        "WECHAT_SECRET": "none",
        "WECHAT_BASE_URL": "http://127.0.0.1:9",
        "WECHAT_TEMPLATES": json.dumps(SANDBOX_TEMPLATES),
        "LOG_LEVEL": "ERROR",
    }


def without_credentials(env: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if not name.startswith(("CAS_", "WECHAT_"))}


async def everything(db: Database) -> dict[str, list[Any]]:
    return {
        name: rows
        for name in sorted(await db.list_collection_names())
        if not name.startswith("system.")
        and (rows := await db[name].find().sort("_id").to_list(None))
    }


async def refused(
    db: Database, cases: Sequence[tuple[tuple[str, ...], dict[str, str], str]]
) -> None:
    """Each command must end with status 1 and one line that contains the words, and change
    nothing."""
    before = await everything(db)
    running = [await command(*words, **env | {"PORT": str(free_port())}) for words, env, _ in cases]
    for (words, _, said), process in zip(cases, running, strict=True):
        status, out, err = await ended(process)
        assert (status, out, err.count("\n")) == (1, "", 1) and said in err, (words, out, err)
        assert ENCRYPTION_KEYS not in err
    assert await everything(db) == before


@dataclass(slots=True)
class Remote(Living):
    """A service in another process; ``app`` is wired here, on the same databases."""

    env: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Returns once it is ready."""
        self.process = await asyncio.create_subprocess_exec(
            *(SEATS, "serve", *self.options),
            env=environment(**self.env),
            cwd=ROOT,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await ready(self.base, self.process)

    async def kill(self, how: signal.Signals = signal.SIGKILL) -> int:
        """Sends the signal and waits for the end. Returns the exit status."""
        assert self.process is not None
        process, self.process = self.process, None
        if process.returncode is None:
            process.send_signal(how)
        async with asyncio.timeout(patience(20)):
            return await process.wait()

    async def show(self, instant: datetime) -> None:
        """While the service is down: sets its clock to ``instant`` as if it had been up until
        then."""
        assert self.process is None
        await self.inside.stored.heartbeat.set(instant)
        await SandboxState(self.db).set_offset(self.clock.set(instant))

    async def leases_run_out(self) -> None:
        """Removes all leases, as their expiry after a minute would."""
        db = self.db
        await db["leases"].delete_many({})
        await db["deliveries"].update_many({}, {"$set": {"lease_until": None}})
        await db["pauses"].update_many({}, {"$set": {"prober": None}})
        await db["sandbox_wechat_sending"].delete_many({})


async def ready(base: str, process: asyncio.subprocess.Process, within_s: float = 20) -> float:
    """Waits for /readyz. Returns the seconds that it took."""
    began = time.monotonic()
    async with aiohttp.ClientSession() as session:

        async def answers() -> bool:
            assert process.returncode is None, "the service ended while it was starting"
            try:
                async with session.get(f"{base}/readyz") as response:
                    return response.status == 200
            except aiohttp.ClientError:
                return False

        await until(answers, "a ready service", within_s)
    return time.monotonic() - began


@asynccontextmanager
async def remote(
    mongo_url: str, redis_url: str, *options: str, now: datetime = MONDAY_8, **env: str
) -> AsyncIterator[Remote]:
    """A started service on a database of its own, its clock at ``now``, with running jobs.

    ``options`` are those of ``serve``.
    """
    port = free_port()
    env = {
        "SANDBOX": "1",
        "PORT": str(port),
        "MONGO_URL": mongo_url,
        "REDIS_URL": redis_url,
        "MONGO_DATABASE": f"t{uuid4().hex[:16]}",
        "ENCRYPTION_KEYS": ENCRYPTION_KEYS,
        "RATE_LIMIT_SCALE": "1000",
        "LOG_LEVEL": "ERROR",
        **env,
    }
    settings, clock = load(env), Clock()
    async with open_application(settings, clock) as app:
        service = Remote(settings.public_base_url, app, clock, env=env, options=options)
        service.anonymous = service.stranger()
        try:
            await seed_demo(app)
            await service.show(now)
            await service.start()
            yield service
        finally:
            if service.process is not None:
                await service.kill()
            await service.close()
            await service.db.client.drop_database(service.settings.database)
