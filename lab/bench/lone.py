"""Measures a service with little to do: a lone booking with all that follows it, and an idle
service."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from time import monotonic
from typing import Final

from lab.bench.client import percentile
from lab.bench.cost import per_thousand
from lab.bench.load import REFUSALS, BenchFailed, Run
from lab.bench.service import Stage, booking, free_hours, members

WARM_UP: Final = 50
"""Bookings before those that count: then connections are open and code is warm."""
APART_S: Final = 0.25
"""Pause in seconds between two bookings: the messages of one are written before the next."""
SETTLE_S: Final = 5.0
"""Seconds until a freshly started service does only its regular work."""


async def lone(stage: Stage, bookings: int, apart: int) -> Run:
    """Makes ``bookings`` one after the other on one connection, then ``apart`` with a pause before
    each.

    Costs are counted until all messages are written and the change stream has delivered everything.
    From bookings that come apart, the cost of the idle service in that time is subtracted.

    Raises: BenchFailed.
    """
    hours = list(islice(free_hours(stage.house), WARM_UP + bookings + apart))
    readers = await members(stage.house, len(hours))
    requests = [booking(m, *hour) for m, hour in zip(readers, hours, strict=True)]
    await play_singly(stage, requests[:WARM_UP])
    before = await stage.house.stored.reservations.count()
    together, times, cost = await play_singly(stage, requests[WARM_UP : WARM_UP + bookings])
    idle_s = await _idle_cost(stage, SETTLE_S)
    began = monotonic()
    singly, _, cost_apart = await play_singly(stage, requests[WARM_UP + bookings :], APART_S)
    took = monotonic() - began
    statuses = together + singly
    await stage.compare(statuses[201], before)
    without_idle = {
        kind: round(seconds - idle_s[kind] * took * 1000 / max(1, apart), 3)
        for kind, seconds in cost_apart.items()
    }
    times.sort()
    return Run(
        rps=together[201] / sum(times) if times else 0.0,
        p50_ms=percentile(times, 0.5) * 1000,
        p99_ms=percentile(times, 0.99) * 1000,
        errors=sum(n for status, n in statuses.items() if status not in (201, *REFUSALS)),
        statuses=statuses,
        cpu=cost,
        facts={"apart_s": APART_S, "cpu_apart": without_idle},
    )


async def play_singly(
    stage: Stage, requests: Sequence[bytes], pause_s: float = 0.0
) -> tuple[Counter[int], list[float], dict[str, float]]:
    """Sends the requests one after the other on one connection. Returns statuses, seconds of each
    answer, and CPU seconds per 1,000 requests until all outboxes are empty. Raises: BenchFailed."""
    statuses: Counter[int] = Counter()
    times: list[float] = []
    before = stage.processes.cpu_s()
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
    for one in requests:
        await asyncio.sleep(pause_s)
        sent_at = monotonic()
        writer.write(one)
        statuses[await _status(reader)] += 1
        times.append(monotonic() - sent_at)
    writer.close()
    await stage.wait_for_dispatch()
    return statuses, times, per_thousand(before, stage.processes.cpu_s(), len(requests))


async def _status(reader: asyncio.StreamReader) -> int:
    """The status of the next answer, after reading it to its end. Raises: BenchFailed."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
    except (OSError, asyncio.IncompleteReadError) as error:
        raise BenchFailed(f"the only connection broke: {error!r}") from error
    return int(head.split(b" ", 2)[1])


async def _idle_cost(stage: Stage, seconds: float) -> dict[str, float]:
    """CPU seconds a second of the idle service, by kind of process."""
    before, began = stage.processes.cpu_s(), monotonic()
    await asyncio.sleep(seconds)
    after, took = stage.processes.cpu_s(), monotonic() - began
    return {kind: (after[kind] - before[kind]) / took for kind in before}


async def idle(stage: Stage, seconds: float) -> Run:
    """The cost of an idle service with its databases."""
    await asyncio.sleep(SETTLE_S)
    shares = await _idle_cost(stage, seconds)
    used = {kind: shares[kind] for kind in ("application", "mongod", "redis")}
    percent = {kind: round(share * 100, 2) for kind, share in used.items()}
    return Run(
        rps=0.0,
        p50_ms=0.0,
        p99_ms=0.0,
        errors=0,
        ratio=0.0,
        facts={
            "percent_of_a_core": round(sum(used.values()) * 100, 2),
            **percent,
            **stage.processes.memory_mb(),
            "ready_s": round(stage.ready_s, 2),
        },
    )
