"""Plays the opening rush: three readers for each seat at once, and every reader gets an answer.

RATE_LIMIT_SCALE is 1: readers and addresses have the token buckets of a real library.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from lab.bench.cost import per_thousand
from lab.bench.load import BenchFailed, Run, output_of, request, write_requests
from lab.bench.service import House, Member, booking, members, seats_of, serving

READERS_PER_SEAT: Final = 3
HOUR: Final = 9
WITHIN_S: Final = 1.0
UNTIL_S: Final = 60.0
_GRACE_S: Final = 60.0


async def rush(house: House, hello_port: int, seats: int, connected: bool) -> Run:
    """Plays a rush for one hour of tomorrow: ``seats`` seats, thrice as many readers.

    ``connected`` readers have open connections, as after looking at the plan; otherwise each opens
    a new one. The same requests are first sent to the bare handler, whose lateness is the
    generator's.

    Raises: BenchFailed unless each seat is booked exactly once in the end.
    """
    async with serving(house, throttle_scale=1) as stage:
        chosen = seats_of(house)
        rng = random.Random(4)
        chosen = rng.sample(chosen, seats)
        readers = await members(house, READERS_PER_SEAT * seats)
        wishes = list(zip(readers, chosen * READERS_PER_SEAT, strict=True))
        rng.shuffle(wishes)
        bodies = [_as_large(member) for member, _ in wishes]
        check = await arrivals(house.folder, hello_port, bodies, again=False, connected=connected)
        before, cpu = await house.stored.reservations.count(), stage.processes.cpu_s()
        outcome = await arrivals(
            *(house.folder, stage.port, [booking(m, s, HOUR) for m, s in wishes]),
            again=True,
            connected=connected,
        )
        every = {int(status): n for status, n in outcome["all"].items()}
        await stage.compare(every.get(201, 0), before, exactly=seats)
        await stage.wait_for_dispatch()
        cost = per_thousand(cpu, stage.processes.cpu_s(), sum(every.values()))
        memory = stage.processes.memory_mb()
    good = every.get(201, 0) + every.get(409, 0)
    first = outcome["first"]
    refused = first.get("503", 0) + first.get("429", 0)
    bad = {status: n for status, n in every.items() if status not in (201, 409, 429, 503)}
    if check["first"] != {"200": len(wishes)}:
        raise BenchFailed(f"the rush's generator failed at the bare handler: {check['first']}")
    return Run(
        rps=good / outcome["took_s"],
        p50_ms=outcome["p50_ms"],
        p99_ms=outcome["p99_ms"],
        errors=sum(bad.values()) + outcome["gave_up"],
        statuses=every,
        cpu=cost,
        facts={
            **memory,
            "connected_before": connected,
            "readers": len(wishes),
            "seats": seats,
            "bookings": every.get(201, 0),
            "max_ms": round(outcome["max_ms"], 1),
            "share_503": round(first.get("503", 0) / len(wishes), 4),
            "share_refused": round(refused / len(wishes), 4),
            "first_answers": first,
            "all_answers": outcome["all"],
            "unanswered": every.get(0, 0),
            "tries": outcome["tries"],
            "gave_up": outcome["gave_up"],
            "all_done_s": round(outcome["took_s"], 2),
            "generator": {
                "late_p99_ms": round(outcome["late_p99_ms"], 1),
                "late_max_ms": round(outcome["late_max_ms"], 1),
                "cpu_s": round(outcome["cpu_s"], 2),
                "hello_late_p99_ms": round(check["late_p99_ms"], 1),
                "hello_p50_ms": round(check["p50_ms"], 1),
                "hello_p99_ms": round(check["p99_ms"], 1),
                "hello_max_ms": round(check["max_ms"], 1),
            },
        },
    )


def _as_large(member: Member) -> bytes:
    """A request to the bare handler of the size of a booking."""
    return request("POST", "/", member.token, b"{" + b" " * 80 + b"}")


async def arrivals(
    folder: Path,
    port: int,
    requests: Sequence[bytes],
    *,
    within_s: float = WITHIN_S,
    again: bool,
    connected: bool,
) -> dict[str, Any]:
    """Sends the requests in order, each at a moment of its own within ``within_s`` seconds, from
    another process. ``again``: a refused client repeats its request after Retry-After. Returns the
    result of lab.bench.client. Raises: BenchFailed."""
    file = write_requests(folder, requests)
    command = [sys.executable, "-m", "lab.bench.client", str(file), "--port", str(port)]
    command += ["--within", str(within_s), "--until", str(UNTIL_S)]
    command += ["--again"] * again + ["--connected"] * connected
    output = await output_of(command, within_s + UNTIL_S + _GRACE_S)
    try:
        outcome: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise BenchFailed(f"the rush's generator failed: {output.strip()[-500:]}") from None
    return outcome
