"""Measures how near the real service's sender comes to the rate that WeChat's latency allows.

A stand-in in a process of its own answers each call after a fixed time. With ``CONCURRENCY`` sends
under way at once, the bound is their number divided by that time. Fails if a message is lost, sent
twice or not settled; slowness is no failure.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Final, cast

import aiohttp
import uvloop
from aiohttp import web

from handlers.http.keys import REFERENCE, SESSIONS
from lab.bench.client import percentile
from miniapp_server import seed as seeding
from miniapp_server.app import open_application
from miniapp_server.cli.settings import load
from miniapp_server.clock import Clock
from miniapp_server.embedded_databases import EmbeddedError, embedded_databases, free_ports
from miniapp_server.keys import RESOURCES
from miniapp_server.resources import Resources
from miniapp_server.sandbox.defaults import SANDBOX_TEMPLATES
from models.kernel.errors import DomainError
from models.kernel.ids import ReaderId, ReservationId
from models.messages.entities import Channel, DeliveryState, Message, Template
from models.storage.mongo import new_id
from notify.wechat.channel import CONCURRENCY

ROOT: Final = Path(__file__).resolve().parents[2]
TEMPLATE: Final = Template.CHECK_IN_REMINDER
_READY_S: Final = 30.0
_ASKED_EVERY_S: Final = 0.01
_QUIET_S: Final = 3.0
_STOP_S: Final = 20.0
_STUCK_S: Final = 60.0
"""Seconds without a message sent after which the run has failed."""


class DeliveryFailed(Exception):
    """The run has failed. The message is one line."""


async def delivery(
    mongo_url: str, redis_url: str, messages: int = 10_000, latency_s: float = 0.05
) -> dict[str, Any]:
    """Queues one message each for ``messages`` readers who have consented, and measures their
    sending.

    Returns ``per_second``, ``bound_per_second``, ``ratio``, ``sent``, ``errors`` (counts by name,
    empty if there were none), ``at_once``, and how long a reader's requests took meanwhile
    (``asked_p50_ms``, ``asked_p99_ms``) and after the last message (``quiet_…``).

    Raises: DeliveryFailed when it does not come to an end.
    """
    port, wechat = free_ports(2)
    env = {
        "PORT": str(port),
        "PUBLIC_BASE_URL": f"http://127.0.0.1:{port}",
        "MONGO_URL": mongo_url,
        "REDIS_URL": redis_url,
        "MONGO_DATABASE": f"delivery{secrets.token_hex(4)}",
        "ENCRYPTION_KEYS": "1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "LOG_LEVEL": "WARNING",
        "RATE_LIMIT_SCALE": "1000",
        "WECHAT_BASE_URL": f"http://127.0.0.1:{wechat}",
        "WECHAT_APPID": f"wx{secrets.token_hex(4)}",
        "WECHAT_SECRET": "none",
        "WECHAT_TEMPLATES": json.dumps(SANDBOX_TEMPLATES),
        "CAS_BASE_URL": f"http://127.0.0.1:{wechat}",
    }
    standing_in = ["-m", "lab.bench.delivery", "--serve-wechat", str(wechat)]
    async with (
        _process([*standing_in, "--latency", str(latency_s)], {}),
        open_application(load(env), Clock()) as app,
    ):
        await _answered(wechat, "/stats")
        resources = app[RESOURCES]
        now = resources.clock.now()
        await seeding.seed(resources.repositories, app[REFERENCE], seeding.read(), now)
        token = await _member(app)
        await queue(resources, messages)
        async with _process(["-m", "miniapp_server", "serve"], env):
            await _answered(port, "/readyz")
            ending = asyncio.create_task(_all_ended(resources))
            busy = await _ask(port, token, ending)
            await ending
            quiet = await _ask(port, token, asyncio.create_task(asyncio.sleep(_QUIET_S)))
        stats = await _answered(wechat, "/stats")
        errors = await _errors(resources, messages, stats)
        await resources.db.client.drop_database(resources.db.name)
    seconds = stats["last"] - stats["first"]
    per_second = stats["calls"] / seconds if seconds > 0 else 0.0
    bound = CONCURRENCY / latency_s
    return {
        "per_second": per_second,
        "bound_per_second": bound,
        "ratio": per_second / bound,
        "sent": stats["messages"],
        "errors": errors,
        "at_once": stats["at_once"],
        "asked_p50_ms": percentile(busy, 0.5),
        "asked_p99_ms": percentile(busy, 0.99),
        "quiet_p50_ms": percentile(quiet, 0.5),
        "quiet_p99_ms": percentile(quiet, 0.99),
    }


async def _member(app: web.Application) -> str:
    """Makes a reader with a session. Returns its token."""
    now = app[RESOURCES].clock.now()
    reader = await app[RESOURCES].repositories.readers.upsert_from_login(
        f"B{secrets.token_hex(4)}".upper(), "张三", "student", now
    )
    return (await app[SESSIONS].open_web(reader.id, secrets.token_urlsafe(16), now)).token


async def _ask(port: int, token: str, until: asyncio.Task[None]) -> list[float]:
    """Requests the areas (from memory) and the reader's own list (from the database) in turns, with
    a pause between. Returns the milliseconds of each request, sorted.

    Raises: DeliveryFailed.
    """
    took: list[float] = []
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers) as session:
        while not until.done():
            path = ("/api/v1/areas", "/api/v1/reservations")[len(took) % 2]
            began = monotonic()
            async with session.get(path) as answer:
                await answer.read()
                if answer.status != 200:
                    raise DeliveryFailed(f"{path} answers {answer.status} meanwhile")
            took.append((monotonic() - began) * 1000)
            await asyncio.sleep(_ASKED_EVERY_S)
    return sorted(took)


async def queue(resources: Resources, count: int) -> None:
    """Queues a message for each of ``count`` new readers, who are bound and have consented to
    it."""
    now = resources.clock.now()
    facts = {
        "seat": "图书馆2层二层中厅065号",
        "start": now,
        "until": now + timedelta(minutes=30),
        "place": "图书馆2层二层中厅",
        "tip": "超时未签到将记违约",
    }
    bindings, credits, messages = [], [], []
    for _ in range(count):
        reader, openid, sealer = ReaderId(new_id()), f"o-{new_id()}", resources.settings.sealer
        bindings.append(
            {
                "_id": new_id(),
                "reader": reader,
                "openid": sealer.encrypt(openid, "openid"),
                "openid_hashes": sealer.hashes(openid, "openid"),
                "unionid_hashes": [],
                "bound_at": now,
            }
        )
        credits.append({"_id": f"{reader}:{TEMPLATE}", "reader": reader, "remain": 1})
        about = ReservationId(new_id())
        messages.append(
            Message(f"{about}:1", reader, TEMPLATE, "签到提醒", "…", now, facts, about, None)
        )
    await resources.db["bindings"].insert_many(bindings, ordered=False)
    await resources.db["message_consents"].insert_many(credits, ordered=False)
    await resources.repositories.messages.add(messages)
    await resources.repositories.deliveries.add(Channel.WECHAT, messages)


async def _all_ended(resources: Resources) -> None:
    """Returns when no message is under way. Raises: DeliveryFailed."""
    left, moved_at = -1, monotonic()
    while True:
        open_count = await resources.db["deliveries"].count_documents({"open": True})
        if not open_count:
            return
        if open_count != left:
            left, moved_at = open_count, monotonic()
        if monotonic() - moved_at > _STUCK_S:
            raise DeliveryFailed(f"{left} messages stay where they are")
        await asyncio.sleep(0.2)


async def _errors(resources: Resources, messages: int, stats: Mapping[str, Any]) -> dict[str, int]:
    sent = await resources.db["deliveries"].count_documents({"state": DeliveryState.SENT.value})
    unspent = await resources.db["message_consents"].count_documents({"remain": {"$ne": 0}})
    counts = {
        "lost": messages - stats["messages"],
        "twice": stats["calls"] - stats["messages"],
        "not_settled": messages - sent,
        "credits_wrong": unspent,
        "too_many_at_once": max(0, stats["at_once"] - CONCURRENCY),
    }
    return {name: count for name, count in counts.items() if count}


# --- WeChat's stand-in --------------------------------------------------------------------------


class _WeChat:
    """Messages that were sent, by reader and page."""

    def __init__(self, latency_s: float) -> None:
        self.latency_s = latency_s
        self.seen: set[tuple[str, str]] = set()
        self.calls = self.now_under_way = self.at_once = self.connections = 0
        self.first = self.last = 0.0

    def stats(self) -> dict[str, Any]:
        return {
            "calls": self.calls,
            "messages": len(self.seen),
            "at_once": self.at_once,
            "connections": self.connections,
            "first": self.first,
            "last": self.last,
        }


class _Connection(asyncio.Protocol):
    """A minimal HTTP server: it shares two cores with the service that is measured."""

    def __init__(self, wechat: _WeChat) -> None:
        self._wechat = wechat
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._wechat.connections += 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, split, rest = self._buffer.partition(b"\r\n\r\n")
        if not split:
            return
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        self._called(head.split(b" ", 2)[1], rest[:length])

    def _called(self, path: bytes, body: bytes) -> None:
        wechat = self._wechat
        if path.startswith(b"/stats"):
            self._answer(wechat.stats())
        elif path.startswith(b"/cgi-bin/stable_token"):
            self._answer({"access_token": "t", "expires_in": 7200})
        else:
            wechat.first = wechat.first or monotonic()
            wechat.now_under_way += 1
            wechat.at_once = max(wechat.at_once, wechat.now_under_way)
            asyncio.get_running_loop().call_later(wechat.latency_s, self._sent, body)

    def _sent(self, body: bytes) -> None:
        wechat, message = self._wechat, json.loads(body)
        wechat.now_under_way -= 1
        wechat.calls += 1
        wechat.seen.add((message["touser"], message.get("page", "")))
        wechat.last = monotonic()
        self._answer({"errcode": 0, "errmsg": "ok", "msgid": wechat.calls})

    def _answer(self, what: Mapping[str, Any]) -> None:
        body = json.dumps(what).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        self._transport.write(head.encode() + b"\r\n\r\n" + body)


async def _serve_wechat(port: int, latency_s: float) -> None:
    ended = asyncio.Event()
    loop, wechat = asyncio.get_running_loop(), _WeChat(latency_s)
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    server = await loop.create_server(lambda: _Connection(wechat), "127.0.0.1", port)
    await ended.wait()
    server.close()


# --- processes ----------------------------------------------------------------------------------


@asynccontextmanager
async def _process(arguments: Sequence[str], env: Mapping[str, str]) -> AsyncIterator[None]:
    """Runs a Python process during the block. It ends with this process, even if that is killed."""
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
            raise DeliveryFailed(f"{arguments[-1]} did not end") from None


async def _answered(port: int, path: str) -> Any:
    """The JSON of the first answer with status 200. Raises: DeliveryFailed."""
    deadline = monotonic() + _READY_S
    async with aiohttp.ClientSession() as session:
        while monotonic() < deadline:
            with suppress(aiohttp.ClientConnectionError):
                async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
                    if answer.status == 200:
                        return await answer.json()
            await asyncio.sleep(0.05)
    raise DeliveryFailed(f"{path} does not answer with 200 after {_READY_S:.0f} s")


# --- alone --------------------------------------------------------------------------------------


async def _alone(folder: Path, messages: int, latency_s: float) -> dict[str, Any]:
    async with embedded_databases(folder) as databases:
        return await delivery(databases.mongo_url, databases.redis_url, messages, latency_s)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.bench.delivery", description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--latency", type=float, default=0.05, help="of the stand-in, in seconds")
    parser.add_argument("--serve-wechat", type=int, metavar="PORT", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve_wechat:
        uvloop.run(_serve_wechat(args.serve_wechat, args.latency))
        return 0
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            result = uvloop.run(_alone(Path(folder), args.messages, args.latency))
    except (DeliveryFailed, EmbeddedError, DomainError) as error:
        print(f"error: {error or error.__class__.__name__}", file=sys.stderr)
        return 1
    print(json.dumps(result))
    return 1 if result["errors"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
