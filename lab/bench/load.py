"""Makes requests as bytes, sends them by wrk, and defines the result of a run."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from miniapp_server.child_process import die_with_parent

ROOT: Final = Path(__file__).resolve().parents[2]
CONNECTIONS: Final = 64
THREADS: Final = 1
"""Threads of wrk."""
TAIL_S: Final = 3
"""Seconds that wrk waits, at most, for the last answers after the last booking was sent."""
REFUSALS: Final = frozenset({429, 503})
"""Refusals with Retry-After are no errors: a busy machine causes them."""
LOOKS_GOOD: Final = frozenset({200, 304})
_BYTES_OF_304: Final = 400
_GRACE_S: Final = 30
_LONGEST_LINE: Final = 2**24
"""Bytes of a line of output: a generator prints the ids of all bookings in one."""
WITHOUT_RETRY_AFTER: Final = 599
"""The status under which a refusal without Retry-After counts as an error (play.lua has it too)."""


class BenchFailed(Exception):
    """The benchmark has failed. The message is one line."""


@dataclass(frozen=True, slots=True)
class Load:
    """Whole HTTP requests to send to a port; ``good`` are the statuses that count."""

    requests: Sequence[bytes]
    good: frozenset[int] = frozenset({200})
    once: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """The result of a run. ``errors`` are unexpected statuses and failed connections.

    ``ratio`` is to the bare handler unless the run says otherwise; None is filled in later.
    ``facts`` are particular to the run. ``cpu`` has CPU seconds per 1,000 requests, by kind of
    process.
    """

    rps: float
    p50_ms: float
    p99_ms: float
    errors: int
    statuses: Mapping[int, int] = field(default_factory=dict)
    ratio: float | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    cpu: Mapping[str, float] = field(default_factory=dict)

    @property
    def refused(self) -> int:
        return sum(n for status, n in self.statuses.items() if status in REFUSALS)


def request(method: str, path: str, token: str = "", body: bytes = b"", etag: str = "") -> bytes:
    """A whole HTTP/1.1 request; ``etag`` is the version that the client has already."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    if method == "GET":  # as browsers and WeChat send it
        lines.append("Accept-Encoding: gzip")
    if etag:
        lines.append(f"If-None-Match: {etag}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def page(path: str, token: str) -> bytes:
    """A browser's request for a page."""
    lines = (
        *(f"GET {path} HTTP/1.1", "Host: 127.0.0.1", f"Cookie: seat_sid={token}"),
        *("Accept: text/html", "Accept-Encoding: gzip", "", ""),
    )
    return "\r\n".join(lines).encode()


def write_requests(folder: Path, requests: Sequence[bytes]) -> Path:
    """Writes the requests in the format of play.lua and lab.bench.client."""
    file = folder / "requests"
    file.write_bytes(b"".join(one + b"\0" for one in requests))
    return file


async def play(folder: Path, port: int, seconds: int, load: Load) -> Run:
    """Sends the load by wrk. Raises: BenchFailed.

    Reads are sent without counting each status, which would cost wrk more than the answer costs the
    service. If any answer is not good, they are sent again and counted.
    """
    if load.good <= LOOKS_GOOD:
        run = await _play(folder, port, seconds, load, "sum")
        if not run.errors:
            return run
    return await _play(folder, port, seconds, load, "tally")


async def _play(folder: Path, port: int, seconds: int, load: Load, count: str) -> Run:
    wrk = shutil.which("wrk")
    assert wrk is not None
    file = write_requests(folder, load.requests)
    length = seconds + (TAIL_S if 201 in load.good else 0)
    output = await output_of(
        [
            *(wrk, "--threads", str(THREADS), "--connections", str(CONNECTIONS)),
            *("--duration", f"{length}s", "--timeout", "10s", "--latency"),
            *("--script", str(Path(__file__).with_name("play.lua")), f"http://127.0.0.1:{port}"),
            *("--", str(file), str(seconds), "once" if load.once else "round", count),
        ],
        length + _GRACE_S,
        Counter({"ANSWERED": THREADS}),
        BENCH_THREADS=str(THREADS),
    )
    line = next((x for x in output.splitlines() if x.startswith("RESULT ")), None)
    if line is None:
        raise BenchFailed(f"wrk failed: {output.strip()[-500:]}")
    result = json.loads(line.removeprefix("RESULT "))
    statuses = {int(status): n for status, n in result["statuses"].items()}
    if count == "sum" and load.good == {304}:
        # In the sums of play.lua a 304 differs from a 200 only in size.
        small = result["bytes"] <= _BYTES_OF_304 * statuses[200]
        statuses = {304 if small else 200: statuses[200]} | {
            k: v for k, v in statuses.items() if k != 200
        }
    good = sum(n for status, n in statuses.items() if status in load.good)
    refused = sum(n for status, n in statuses.items() if status in REFUSALS)
    return Run(
        rps=good / result["seconds"] if good else 0.0,
        p50_ms=result["p50_us"] / 1000,
        p99_ms=result["p99_us"] / 1000,
        errors=sum(statuses.values()) - good - refused + result["socket_errors"],
        statuses=statuses,
    )


async def output_of(
    command: Sequence[str], within_s: float, enough: Counter[str] | None = None, **env: str
) -> str:
    """The command's output. The command is ended after ``within_s`` or with this process, and
    interrupted once its output has had each line of ``enough`` so many times.

    Raises: BenchFailed when it takes longer.
    """
    process = await asyncio.create_subprocess_exec(
        *die_with_parent(command),
        cwd=ROOT,
        env={"PATH": os.environ.get("PATH", ""), **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=_LONGEST_LINE,
    )
    assert process.stdout is not None
    lines: list[str] = []
    left = Counter(enough)
    try:
        async with asyncio.timeout(within_s):
            async for raw in process.stdout:
                line = raw.decode(errors="replace")
                lines.append(line)
                if left[line.strip()] > 0:
                    left[line.strip()] -= 1
                    if not left.total():
                        process.send_signal(signal.SIGINT)
            await process.wait()
            return "".join(lines)
    except TimeoutError:
        raise BenchFailed(f"{' '.join(command)[:80]} took more than {within_s:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
