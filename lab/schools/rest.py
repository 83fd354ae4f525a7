"""Measures schools at rest: memory, CPU time, and what their jobs ask MongoDB."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from time import monotonic
from typing import Any, Final

from lab.bench.cost import cpu_s, memory_mb, proportional_mb
from lab.schools.service import SchoolsService
from miniapp_server.embedded_databases import EmbeddedDatabases
from models.storage.mongo import Database

_MOST_FREQUENT: Final = 6


def memory(service: SchoolsService) -> dict[str, float]:
    """Memory in MB of the worker and its supervisor: RSS, and PSS."""
    facts = {}
    for kind, pid in (("worker", service.worker(service.port)), ("supervisor", service.pid)):
        facts[f"{kind}_rss_mb"] = round(memory_mb(pid), 1)
        facts[f"{kind}_pss_mb"] = round(proportional_mb(pid), 1)
    return facts


async def rest(
    service: SchoolsService, databases: EmbeddedDatabases, settle_s: float, seconds: float
) -> dict[str, Any]:
    """The memory, and what the idle processes use in ``seconds``: CPU in percent of a core, and for
    each school in a second MongoDB's commands by name and its operations by collection."""
    assert databases.mongod_pid is not None and databases.redis_pid is not None
    await service.wait_for_dispatch()
    await asyncio.sleep(settle_s)
    pids = {
        "worker": service.worker(service.port),
        "supervisor": service.pid,
        "mongod": databases.mongod_pid,
        "redis": databases.redis_pid,
    }
    db = service.schools[0].house.db
    commands, operations, began = await _commands(db), await _operations(db), monotonic()
    used = {kind: cpu_s([pid]) for kind, pid in pids.items()}
    await asyncio.sleep(seconds)
    took = monotonic() - began
    percent = {
        kind: round((cpu_s([pid]) - used[kind]) / took * 100, 2) for kind, pid in pids.items()
    }
    share = took * len(service.schools)
    sent = (await _commands(db)) - commands
    return {
        **memory(service),
        "percent_of_a_core": percent,
        "commands": round(sent.total() / share, 2),
        "by_name": _frequent(sent, share),
        "by_collection": _frequent((await _operations(db)) - operations, share),
    }


async def _commands(db: Database) -> Counter[str]:
    """The commands that the server has run so far, by name."""
    status = await db.client.admin.command("serverStatus")
    names: Mapping[str, Any] = status["metrics"]["commands"]
    return Counter(
        {
            name: int(n["total"])
            for name, n in names.items()
            if isinstance(n, Mapping) and "total" in n
        }
    )


async def _operations(db: Database) -> Counter[str]:
    """Reads and writes of the server so far, by collection, those of all databases together."""
    totals: Mapping[str, Any] = (await db.client.admin.command("top"))["totals"]
    counts: Counter[str] = Counter()
    for namespace, lines in totals.items():
        if isinstance(lines, Mapping) and (name := namespace.partition(".")[2]):
            counts[name] += int(lines["total"]["count"])
    return counts


def _frequent(counts: Counter[str], share: float) -> dict[str, float]:
    return {name: round(n / share, 2) for name, n in counts.most_common(_MOST_FREQUENT)}
