"""Measures event streams: whether every watcher is notified, how long after the booking's answer,
and the cost of a stream.

The watchers are raw connections of one process, which also sends the bookings: one clock times a
booking's answer and its events.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import resource
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Final

import uvloop

from lab.bench.client import Answer, ask, percentile
from lab.bench.load import REFUSALS, BenchFailed, Run, output_of, request
from lab.bench.service import TOMORROW, House, booking, members, seats_of, serving

HOUR: Final = 9
OPENING: Final = 64
"""Streams that are being opened at once."""
OPEN_S: Final = 10.0
"""Seconds in which a stream must begin; then opening is tried again, a few times."""
TRIES: Final = 8
HEARD_S: Final = 20.0
"""Seconds without any event after which missing ones are given up."""
A_LOOPBACK_ADDRESS: Final = 20_000
"""Streams from one loopback address: each needs one of its roughly 28,000 ports."""
_SEAT: Final = re.compile(rb"event: seat\ndata: (\{.*?\})\n\n")
_GRACE_S: Final = 180.0


async def sse(house: House, streams: int, seconds: int, per_second: int) -> Run:
    """Runs ``streams`` watchers, spread over all areas, and ``per_second`` bookings a second.

    Raises: BenchFailed.
    """
    async with serving(house) as stage:
        rng = random.Random(5)
        areas = [
            a
            for a in house.reference.catalog.areas.values()
            if any(not s.disabled for s in a.seats)
        ]
        watching = await members(house, streams)
        window = f"date={TOMORROW}&start={HOUR:02}:00&end={HOUR + 1:02}:00"
        seats = seats_of(house)
        seats = rng.sample(seats, min(len(seats), seconds * per_second))
        plan = {
            "port": stage.port,
            "pid": stage.pid,
            "per_second": per_second,
            "streams": [
                (
                    area.id,
                    request("GET", f"/api/v1/areas/{area.id}/events?{window}", m.token).decode(),
                )
                for m, area in ((m, areas[n % len(areas)]) for n, m in enumerate(watching))
            ],
            "bookings": [
                (seat, house.reference.seat(seat).area_id, booking(member, seat, HOUR).decode())
                for member, seat in zip(await members(house, len(seats)), seats, strict=True)
            ],
        }
        file = house.folder / "streams.json"
        file.write_text(json.dumps(plan), encoding="utf-8")
        before = await house.stored.reservations.count()
        limit = _GRACE_S + seconds + streams / 100
        output = await output_of(
            [sys.executable, "-m", "lab.bench.event_streams", str(file)], limit
        )
        try:
            counts = json.loads(output.strip().splitlines()[-1])
        except (ValueError, IndexError):
            raise BenchFailed(f"the watchers failed: {output.strip()[-500:]}") from None
        await stage.compare(counts["statuses"].get("201", 0), before)
    statuses = {int(status): n for status, n in counts.pop("statuses").items()}
    bad = sum(n for status, n in statuses.items() if status not in (201, *REFUSALS))
    return Run(
        rps=counts.pop("events_per_second"),
        p50_ms=counts.pop("p50_ms"),
        p99_ms=counts.pop("p99_ms"),
        errors=bad + counts["missing"] + counts["not_opened"],
        statuses=statuses,
        facts=counts,
    )


# --- the watchers' process ------------------------------------------------------------------------


@dataclass(slots=True)
class _Counts:
    """Counts over all watchers. ``heard`` has the moments at which events of each seat arrived."""

    heard: dict[str, list[float]] = field(default_factory=dict)
    bytes: int = 0
    events: int = 0
    last: float = 0.0
    closing: bool = False
    ended: int = 0


class _Watcher(asyncio.Protocol):
    """One stream. ``seen`` are the seats whose booking it was notified of."""

    __slots__ = ("area", "begun", "counts", "over", "rest", "said", "seen", "text", "transport")

    def __init__(self, area: str, text: str, counts: _Counts) -> None:
        self.area, self.text, self.counts = area, text, counts
        self.begun: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.BaseTransport | None = None
        self.rest = b""
        self.said = 0
        self.seen: set[str] = set()
        self.over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(self.text.encode())  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        counts, now = self.counts, monotonic()
        counts.bytes += len(data)
        self.rest += data
        if not self.begun.done():
            head, split, _ = self.rest.partition(b"\r\n\r\n")
            if not split:
                return
            status = int(head.split(b" ", 2)[1])
            wait = re.search(rb"(?i)\r\nretry-after: (\d+)", head)
            if status == 200 and b"event: version" not in self.rest:
                return
            self.begun.set_result(Answer(status, float(wait[1]) if wait else 0.0))
        used = 0
        for match in _SEAT.finditer(self.rest):
            used = match.end()
            counts.events += 1
            counts.last = now
            event = json.loads(match[1])
            seat = event["id"]
            if event["status"] != "free" and seat in counts.heard and seat not in self.seen:
                self.seen.add(seat)
                counts.heard[seat].append(now)
        # An event is written in one piece, but may arrive in several.
        self.rest = self.rest[used:][-4096:]

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.begun.done():
            self.begun.set_result(Answer(0))
        elif not self.counts.closing and not self.over:
            self.counts.ended += 1
        self.over = True

    def eof_received(self) -> None:
        return None  # the transport closes itself


async def _open(port: int, number: int, area: str, text: str, counts: _Counts) -> _Watcher | None:
    """The stream once it has begun; None if the service refuses it."""
    loop = asyncio.get_running_loop()
    source = (f"127.0.0.{1 + number // A_LOOPBACK_ADDRESS}", 0)
    for _ in range(TRIES):
        watcher = _Watcher(area, text, counts)
        answer = Answer(0)
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(OPEN_S):
                await loop.create_connection(
                    lambda watcher=watcher: watcher,
                    *("127.0.0.1", port),
                    local_addr=source if number >= A_LOOPBACK_ADDRESS else None,
                )
                answer = await watcher.begun
        if answer.status == 200:
            return watcher
        watcher.over = True
        if watcher.transport is not None:
            watcher.transport.close()
        await asyncio.sleep(answer.retry_after + random.random())
    return None


async def _watch(plan: dict[str, Any]) -> dict[str, Any]:
    port, pid = plan["port"], plan["pid"]
    counts = _Counts(heard={seat: [] for seat, _, _ in plan["bookings"]})
    rss_before = _rss(pid)
    began = monotonic()
    door = asyncio.Semaphore(OPENING)

    async def opened(number: int, area: str, text: str) -> _Watcher | None:
        async with door:
            return await _open(port, number, area, text, counts)

    openings = (opened(number, area, text) for number, (area, text) in enumerate(plan["streams"]))
    watchers = [watcher for watcher in await asyncio.gather(*openings) if watcher is not None]
    opening_s = monotonic() - began
    await asyncio.sleep(0.5)
    rss_open, bytes_open, events_open = _rss(pid), counts.bytes, counts.events

    answered: dict[str, float] = {}
    statuses: dict[int, int] = {}
    began = monotonic()

    async def book(number: int, seat: str, text: str) -> None:
        await asyncio.sleep(began + number / plan["per_second"] - monotonic())
        answer = await ask(port, text.encode())
        statuses[answer.status] = statuses.get(answer.status, 0) + 1
        if answer.status == 201:
            answered[seat] = monotonic()

    await asyncio.gather(
        *(book(n, seat, text) for n, (seat, _, text) in enumerate(plan["bookings"]))
    )
    expected: dict[str, set[str]] = {}
    for seat, area, _ in plan["bookings"]:
        if seat in answered:
            expected.setdefault(area, set()).add(seat)
    last_answer = monotonic()
    while monotonic() - max(counts.last, last_answer) < HEARD_S:
        if not _missing(watchers, expected):
            break
        await asyncio.sleep(0.1)
    rss_told = _rss(pid)
    counts.closing = True
    missing = _missing(watchers, expected)
    for watcher in watchers:
        if watcher.transport is not None:
            watcher.transport.close()
    latencies = sorted(heard - answered[seat] for seat in answered for heard in counts.heard[seat])
    events = counts.events - events_open
    number = max(1, len(watchers))
    return {
        "statuses": statuses,
        "events_per_second": events / (counts.last - began) if events else 0.0,
        "p50_ms": percentile(latencies, 0.5) * 1000,
        "p99_ms": percentile(latencies, 0.99) * 1000,
        "max_ms": round(percentile(latencies, 1) * 1000, 1),
        "streams": len(watchers),
        "not_opened": len(plan["streams"]) - len(watchers),
        "opening_s": round(opening_s, 2),
        "bookings": len(answered),
        "bookings_per_second": plan["per_second"],
        "events": events,
        "bytes_per_event": round((counts.bytes - bytes_open) / max(1, events), 1),
        "missing": missing,
        "ended_by_service": counts.ended,
        "rss_mb": round(rss_open / 2**20, 1),
        "rss_bytes_per_stream": round((rss_open - rss_before) / number),
        "rss_bytes_per_stream_told": round((rss_told - rss_before) / number),
    }


def _missing(watchers: list[_Watcher], expected: dict[str, set[str]]) -> int:
    """The number of events that open streams have missed."""
    return sum(len(expected.get(w.area, set()) - w.seen) for w in watchers if not w.over)


def _rss(pid: int) -> int:
    """The process's resident memory in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def main() -> None:
    """Watches by a plan and prints the counts as JSON."""
    parser = argparse.ArgumentParser(prog="python -m lab.bench.event_streams")
    parser.add_argument("plan", type=Path)
    args = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(json.dumps(uvloop.run(_watch(json.loads(args.plan.read_text(encoding="utf-8"))))))


if __name__ == "__main__":
    main()
