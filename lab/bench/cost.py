"""Measures processes from /proc: CPU time, memory, and the share of the machine that others use."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final

QUIET_SHARE: Final = 0.1
"""Share of all cores; a machine of which others use more is not quiet."""
WAIT_S: Final = 30.0
"""Seconds that a round waits for a quiet machine, at most."""
_LOOK_S: Final = 1.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PROC: Final = Path("/proc")
_MB: Final = 2**20
# Fields of /proc/<pid>/stat after the name (man 5 proc): utime, stime, and those of ended children.
_PARENT, _OWN_TIME, _ALL_TIME = 1, slice(11, 13), slice(11, 15)


def _stat(pid: int) -> list[str]:
    """The fields after the process's name; empty if the process has ended."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()


def family(pid: int) -> list[int]:
    """The process and its living descendants."""
    children: dict[int, list[int]] = {}
    for name in os.listdir(_PROC):
        if name.isdigit() and (fields := _stat(int(name))):
            children.setdefault(int(fields[_PARENT]), []).append(int(name))
    pids = [pid]
    for one in pids:
        pids += children.get(one, ())
    return pids


def cpu_s(pids: Sequence[int]) -> float:
    """CPU seconds that the living processes among these have used."""
    ticks = (sum(map(int, _stat(pid)[_OWN_TIME])) for pid in pids)
    return sum(ticks) / _TICKS


def memory_mb(pid: int) -> float:
    """Resident memory of a living process."""
    pages = int((_PROC / str(pid) / "statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / _MB


def proportional_mb(pid: int) -> float:
    """Resident memory of a living process, in which a page of several processes counts in equal
    parts (PSS)."""
    lines = (_PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


@dataclass(frozen=True, slots=True)
class Processes:
    """The process ids of a run. ``application`` is the service's process, with its workers."""

    application: int
    mongod: int
    redis: int

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds used so far by each kind. ``client`` is this process with its ended
        children."""
        usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return {
            "application": cpu_s(family(self.application)),
            "mongod": cpu_s([self.mongod]),
            "redis": cpu_s([self.redis]),
            "client": sum(usage.ru_utime + usage.ru_stime for usage in usages),
        }

    def memory_mb(self) -> dict[str, float]:
        """Resident memory of the service's largest process and of MongoDB, in MB."""
        largest = max(memory_mb(pid) for pid in family(self.application))
        return {"worker_mb": round(largest, 1), "mongod_mb": round(memory_mb(self.mongod), 1)}


def per_thousand(
    before: Mapping[str, float], after: Mapping[str, float], requests: int
) -> dict[str, float]:
    """CPU seconds per 1,000 requests, by kind of process."""
    return {
        kind: round((after[kind] - before[kind]) * 1000 / max(1, requests), 3) for kind in before
    }


# --- is the machine quiet -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds up to a moment: of the machine, of the benchmark's own processes (``ours``), and
    the wall time of all cores."""

    busy_s: float
    ours_s: float
    available_s: float

    def others_share(self, before: Usage) -> float:
        """The share of all cores that other processes have used since ``before``, 0 to 1."""
        others = (self.busy_s - before.busy_s) - (self.ours_s - before.ours_s)
        available = self.available_s - before.available_s
        return min(1.0, max(0.0, others / available)) if available > 0 else 0.0


def usage() -> Usage:
    """The usage up to now. Time that a hypervisor gave to other machines ("steal") counts as
    busy."""
    line = (_PROC / "stat").read_text(encoding="ascii").splitlines()[0]
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, line.split()[1:9])
    busy = user + nice + system + irq + softirq + steal
    # With ended children: all processes of the measurement descend from this one.
    ours = sum(sum(map(int, _stat(pid)[_ALL_TIME])) for pid in family(os.getpid()))
    return Usage(busy / _TICKS, ours / _TICKS, monotonic() * (os.cpu_count() or 1))


@dataclass(slots=True)
class Machine:
    """Records how quiet the machine was, and waits for quiet."""

    load_before: float = field(default_factory=lambda: os.getloadavg()[0])
    waited_s: float = 0.0
    others: list[float] = field(default_factory=list)
    """The share of all cores that other processes used, by round."""
    read: Callable[[], Usage] = usage
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def wait_until_quiet(self) -> None:
        """Returns once other processes use little, or after ``WAIT_S``."""
        left = WAIT_S
        while left > 0:
            before = self.read()
            await self.sleep(_LOOK_S)
            if self.read().others_share(before) <= QUIET_SHARE:
                return
            self.waited_s += _LOOK_S
            left -= _LOOK_S

    async def watched(self, round_: Awaitable[None]) -> None:
        """Runs the round and records what other processes used meanwhile."""
        before = self.read()
        await round_
        self.others.append(round(self.read().others_share(before), 3))

    @property
    def quiet_rounds(self) -> list[int]:
        """The numbers of the rounds that count: the quiet ones, or all if none was quiet."""
        quiet = [n for n, share in enumerate(self.others) if share <= QUIET_SHARE]
        return quiet or list(range(len(self.others)))

    def report(self) -> dict[str, object]:
        return {
            "cores": os.cpu_count(),
            "load_before": round(self.load_before, 2),
            "waited_s": self.waited_s,
            "others": self.others,
            "quiet": all(share <= QUIET_SHARE for share in self.others),
            "counted_rounds": [n + 1 for n in self.quiet_rounds],
        }


def warning(machine: Mapping[str, object]) -> str:
    """A sentence about the machine for the head of the report; empty if it was quiet throughout."""
    others, counted = machine["others"], machine["counted_rounds"]
    assert isinstance(others, list) and isinstance(counted, list)
    waited = f"waited {machine['waited_s']:.0f} s for it" if machine["waited_s"] else ""
    if machine["quiet"]:
        return f"The machine was busy at first: the benchmark {waited}." if waited else ""
    shares = ", ".join(f"{share:.0%}" for share in others)
    if len(counted) < len(others):
        did = f"medians are of the quiet rounds alone ({', '.join(map(str, counted))})"
    else:
        did = "no round was quiet, so all count: trust CPU time, not rates"
    return (
        f"**The machine was not quiet.** Others used {shares} of its {machine['cores']} cores in "
        f"the rounds (load {machine['load_before']} before). The benchmark "
        f"{waited + '; ' if waited else ''}{did}."
    )
