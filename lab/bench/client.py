"""Clients of an opening rush: each on a connection of its own, none waits for another.

wrk cannot play a rush: its connections take turns, so a slow answer delays the next request and
hides how long people wait (coordinated omission). Here every request has its moment, and its
latency counts from that moment, the generator's own lateness included.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, process_time
from typing import Any, Final

import uvloop

from lab.bench.load import REFUSALS, WITHOUT_RETRY_AFTER

ANSWER_S: Final = 30.0
"""Seconds after which a request without an answer counts as unanswered."""
_AT_ONCE: Final = 64
TRIES: Final = 12
JITTER_S: Final = 1.0
"""Most random seconds added to Retry-After, as docs/api.md asks of clients."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. ``status`` is 0 if none came; ``retry_after`` is in seconds."""

    status: int
    retry_after: float = 0.0
    body: bytes = b""


class _Asking(asyncio.Protocol):
    """Parses just enough HTTP to know when the whole answer has arrived."""

    def __init__(self, request: bytes = b"") -> None:
        self._request = request
        self._read = b""
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._request:
            transport.write(self._request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, split, body = self._read.partition(b"\r\n\r\n")
        if not split or self.answer.done():
            return
        lines = head.split(b"\r\n")
        headers = {name.lower(): value for name, _, value in (x.partition(b": ") for x in lines)}
        if len(body) < int(headers.get(b"content-length", b"0")):
            return
        status = int(lines[0].split(b" ", 2)[1])
        wait = headers.get(b"retry-after", b"")
        if status in REFUSALS and not wait.isdigit():
            status = WITHOUT_RETRY_AFTER
        self.answer.set_result(Answer(status, float(wait) if wait.isdigit() else 0.0, body))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answer.done():
            self.answer.set_result(Answer(0))


_Connection = tuple[asyncio.Transport, _Asking]


async def connect(port: int) -> _Connection | None:
    """A connection for a later request; None if it could not be opened."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(ANSWER_S):
            return await asyncio.get_running_loop().create_connection(_Asking, "127.0.0.1", port)
    return None


async def ask(port: int, request: bytes, on: _Connection | None = None) -> Answer:
    """Sends one request, on a new connection or ``on`` an open one."""
    loop, transport = asyncio.get_running_loop(), None
    try:
        async with asyncio.timeout(ANSWER_S):
            if on is None:
                transport, asking = await loop.create_connection(
                    lambda: _Asking(request), "127.0.0.1", port
                )
            else:
                transport, asking = on
                transport.write(request)
            return await asking.answer
    except (OSError, TimeoutError):
        return Answer(0)
    finally:
        if transport is not None:
            transport.close()


def percentile(values: Sequence[float], share: float) -> float:
    """The percentile of sorted values; 0.0 if there are none."""
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


@dataclass(slots=True)
class Rush:
    """Sends everybody's request within ``within_s``; refused clients repeat theirs after
    Retry-After.

    A refused client gives up after ``TRIES`` or ``until_s`` seconds. ``connected`` clients have
    open connections from looking around before.
    """

    port: int
    within_s: float
    until_s: float
    again: bool
    connected: bool
    first: Counter[int] = field(default_factory=Counter)
    all: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    tries: Counter[int] = field(default_factory=Counter)
    """Clients by the number of their requests."""
    gave_up: int = 0
    created: list[bytes] = field(default_factory=list)
    """The bodies of the answers 201."""

    async def run(self, requests: Sequence[bytes]) -> dict[str, Any]:
        rng = random.Random(3)
        # Readers do not come at regular intervals: moments are drawn from the whole time.
        moments = sorted(rng.uniform(0, self.within_s) for _ in requests)
        connections: list[_Connection | None] = []
        while self.connected and len(connections) < len(requests):
            some = min(_AT_ONCE, len(requests) - len(connections))
            connections += await asyncio.gather(*(connect(self.port) for _ in range(some)))
        connections += [None] * (len(requests) - len(connections))
        cpu, began = process_time(), monotonic() + 0.2
        clients = (
            self._client(request, began + moment, began, random.Random(number), connection)
            for number, (request, moment, connection) in enumerate(
                zip(requests, moments, connections, strict=True)
            )
        )
        await asyncio.gather(*clients)
        ended = monotonic()
        self.latencies.sort()
        self.late.sort()
        return {
            "first": dict(self.first),
            "all": dict(self.all),
            "p50_ms": percentile(self.latencies, 0.5) * 1000,
            "p99_ms": percentile(self.latencies, 0.99) * 1000,
            "max_ms": percentile(self.latencies, 1) * 1000,
            "late_p99_ms": percentile(self.late, 0.99) * 1000,
            "latencies_ms": [round(1000 * one, 2) for one in self.latencies],
            "late_max_ms": percentile(self.late, 1) * 1000,
            "tries": dict(sorted(self.tries.items())),
            "gave_up": self.gave_up,
            "booked": [json.loads(body)["id"] for body in self.created],
            "took_s": ended - began,
            "cpu_s": process_time() - cpu,
        }

    async def _client(
        self,
        request: bytes,
        moment: float,
        began: float,
        rng: random.Random,
        connection: _Connection | None,
    ) -> None:
        await asyncio.sleep(moment - monotonic())
        self.late.append(monotonic() - moment)
        answer = await ask(self.port, request, connection)
        self.latencies.append(monotonic() - moment)
        self.first[answer.status] += 1
        self._count(answer)
        tries = 1
        while self.again and answer.status in REFUSALS:
            wait = answer.retry_after + rng.uniform(0, JITTER_S)
            if tries == TRIES or monotonic() + wait > began + self.until_s:
                self.gave_up += 1
                return
            await asyncio.sleep(wait)
            answer = await ask(self.port, request)
            self._count(answer)
            tries += 1
        self.tries[tries] += 1

    def _count(self, answer: Answer) -> None:
        self.all[answer.status] += 1
        if answer.status == 201:
            self.created.append(answer.body)


def main() -> None:
    """Plays a file of requests and prints the result as JSON."""
    parser = argparse.ArgumentParser(prog="python -m lab.bench.client")
    parser.add_argument("file", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--within", type=float, default=1.0, help="seconds in which all come")
    parser.add_argument("--until", type=float, default=60.0, help="seconds after which all give up")
    parser.add_argument("--again", action="store_true", help="obey Retry-After and come again")
    parser.add_argument("--connected", action="store_true", help="connect before the first comes")
    args = parser.parse_args()
    requests = [one for one in args.file.read_bytes().split(b"\0") if one]
    rush = Rush(args.port, args.within, args.until, args.again, args.connected)
    print(json.dumps(uvloop.run(rush.run(requests))))


if __name__ == "__main__":
    main()
