"""What a grown database costs beside an empty one: the same steps in both, by turns, in medians.

Both lie on the MongoDB of MONGO_URL, are seeded, and differ by ``miniapp_server grow`` only;
docs/growth.md explains the method. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import time, timedelta
from statistics import median
from time import perf_counter
from typing import Final

import aiohttp
import uvloop

from miniapp_server.app import Parts, open_parts
from miniapp_server.clock import Clock, real_now
from miniapp_server.settings import load
from models.kernel.ids import Actor, ReaderId
from models.kernel.time_range import local_date, local_instant
from models.readers.context import RequestContext
from models.readers.entities import PersonalData, Reader
from models.reservations import service as reservations_service
from models.reservations.rules import TimeSelection
from models.storage.mongo import new_id

RESERVES: Final = 500
REPEATS: Final = 200
STARTS: Final = 5
OWN: Final = 20
"""Past reservations of the reader whose list is read: a full page."""
JOBS: Final = ("record_heartbeat", "no_show", "time_out", "complete", "carry_over", "remind", "relay",
               "deliver", "prune", "refresh")  # fmt: skip

Step = Callable[[Parts, int], Awaitable[object]]


async def by_turns(both: list[Parts], step: Step, times: int) -> tuple[float, float]:
    """Medians in milliseconds, of the empty and the grown one."""
    took: list[list[float]] = [[], []]
    for number in range(times):
        for parts, found in zip(both, took, strict=True):
            began = perf_counter()
            await step(parts, number)
            found.append((perf_counter() - began) * 1000)
    return median(took[0]), median(took[1])


async def measured(both: list[Parts], env: dict[str, str], names: list[str]) -> None:
    fresh, grown = both
    tomorrow = local_date(real_now()) + timedelta(days=1)
    noon = local_instant(local_date(real_now()), time(12))
    seats = [s.id for s in fresh.desk.library.seats.values() if s.disabled is None]
    random.Random(3).shuffle(seats)
    listed = {id(parts): await _reader_with_a_page(parts, grown) for parts in both}
    long = await _longest(grown)
    readers = {id(parts): await _some_readers(parts) for parts in both}

    async def book(parts: Parts, number: int) -> None:
        reader = _reader(readers[id(parts)][number])
        ask = RequestContext(reader, Actor("reader", "mini"), noon)
        await reservations_service.create(
            parts.desk, ask, seats[number], TimeSelection(tomorrow, time(8), time(10))
        )

    async def page(parts: Parts, _: int) -> None:
        await parts.desk.reservations.page_of(listed[id(parts)], (), 0, OWN)

    async def long_page(parts: Parts, _: int) -> None:
        reader = long[0] if parts is grown else listed[id(parts)]
        await parts.desk.reservations.page_of(reader, (), 0, OWN)

    async def messages(parts: Parts, _: int) -> None:
        await parts.messages.page_of(listed[id(parts)], True, 0, OWN)

    async def long_messages(parts: Parts, _: int) -> None:
        reader = long[0] if parts is grown else listed[id(parts)]
        await parts.messages.page_of(reader, True, 0, OWN)

    async def board(parts: Parts, _: int) -> None:
        await parts.desk.reservations.board_rows(tomorrow)

    def job(name: str) -> Step:
        async def run(parts: Parts, _: int) -> None:
            found = parts.runner.job(name)
            assert found is not None
            await found.run(real_now())

        return run

    steps: list[tuple[str, Step, int]] = [
        ("reserve", book, RESERVES),
        (f"list of a reader with {OWN}", page, REPEATS),
        (f"list of the reader with most ({long[1]:,})", long_page, REPEATS),
        (f"unread messages of a reader with {OWN}", messages, REPEATS),
        ("unread messages of the other", long_messages, REPEATS),
        (f"board of a day with {RESERVES}", board, REPEATS),
        *((f"job {name}, nothing due", job(name), REPEATS) for name in JOBS),
    ]
    print("| step | empty ms | grown ms | ratio |\n|---|---:|---:|---:|")
    for name, step, times in steps:
        if name.startswith("job"):  # what is due is done first
            for parts in both:
                while (found := parts.runner.job(name.split()[1].rstrip(","))) is not None:
                    if not await found.run(real_now()):
                        break
        usual, much = await by_turns(both, step, times)
        print(f"| {name} | {usual:.2f} | {much:.2f} | {much / usual:.2f} |", flush=True)
    starts: list[list[float]] = [[], []]
    for _ in range(STARTS):
        for name, found_starts in zip(names, starts, strict=True):
            found_starts.append(await _start({**env, "MONGO_DATABASE": name}))
    usual, much = median(starts[0]), median(starts[1])
    print(f"| serve until /readyz | {usual:.0f} | {much:.0f} | {much / usual:.2f} |", flush=True)


def _reader(id: ReaderId) -> Reader:
    return Reader(id, "student", None, lambda: PersonalData("", ""))


async def _some_readers(parts: Parts) -> list[ReaderId]:
    """Those of the database, where it has some."""
    rows = await parts.db["readers"].find({}, {"_id": 1}).limit(RESERVES).to_list(None)
    found = [ReaderId(row["_id"]) for row in rows]
    return found + [ReaderId(new_id()) for _ in range(RESERVES - len(found))]


async def _reader_with_a_page(parts: Parts, grown: Parts) -> ReaderId:
    """A new reader with the same past and the same messages in both databases."""
    reader = ReaderId(new_id())
    rows = await grown.db["reservations"].find({"live": False}).limit(OWN).to_list(None)
    own = [
        # Cancelled at once, so the sweep does not find this reader in two places.
        {**row, "_id": new_id(), "reader": reader, "claims": [], "ended_at": row["created_at"]}
        for row in rows
    ]
    await parts.db["reservations"].insert_many(own)
    rows = await grown.db["messages"].find({"open": False}).limit(OWN).to_list(None)
    told = [{**row, "_id": f"{new_id()}:1", "reader": reader, "read": False} for row in rows]
    await parts.db["messages"].insert_many(told)
    return reader


async def _longest(grown: Parts) -> tuple[ReaderId, int]:
    """Of some thousand readers the one with the longest list."""
    rows = await grown.db["readers"].find({}, {"_id": 1}).limit(3000).to_list(None)
    counts = [
        (await grown.db["reservations"].count_documents({"reader": row["_id"]}), row["_id"])
        for row in rows
    ]
    most, reader = max(counts)
    return ReaderId(reader), most


async def _start(env: dict[str, str]) -> float:
    """Milliseconds from the start of ``serve`` until /readyz says ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    began = perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "miniapp_server", "serve"),
        env={**env, "PORT": str(port), "LOG_LEVEL": "ERROR"},
    )
    try:
        async with aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                        if answer.status == 200 and (await answer.json())["status"] == "ready":
                            return (perf_counter() - began) * 1000
                except aiohttp.ClientConnectionError:
                    pass
                if process.returncode is not None:
                    raise RuntimeError("serve ended")
                await asyncio.sleep(0.01)
    finally:
        process.terminate()
        await process.wait()


async def main(fresh: str, grown: str) -> None:
    env = {**os.environ, "SANDBOX": "1"}
    async with AsyncExitStack() as stack:
        both = [
            await stack.enter_async_context(
                open_parts(load({**env, "MONGO_DATABASE": name}), Clock())
            )
            for name in (fresh, grown)
        ]
        await measured(both, env, [fresh, grown])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m scripts.measure_growth", description=__doc__)
    parser.add_argument("--fresh", required=True, metavar="DATABASE", help="seeded only")
    parser.add_argument("--grown", required=True, metavar="DATABASE", help="seeded and grown")
    arguments = parser.parse_args()
    uvloop.run(main(arguments.fresh, arguments.grown))
