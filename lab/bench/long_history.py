"""Measures the cost of a long history: the same steps in an empty database and in one with a
history.

Each step runs in both in turns, on one embedded MongoDB. Prints a Markdown table of medians
(docs/load-data.md).
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from datetime import time
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final

import uvloop

from handlers.http.keys import service_key
from lab.bench.service import MORNING, TOMORROW, House, house, members, seats_of, serving
from miniapp_server.embedded_databases import embedded_databases
from miniapp_server.keys import SCHEDULER
from models.booking.service import ReservationService
from models.kernel.ids import Actor, ReaderId
from models.readers.context import RequestContext
from models.readers.entities import PersonalData, Reader
from models.reservations.rules import TimeSelection
from models.storage.mongo import new_id

BOOKINGS: Final = 500
REPEATS: Final = 200
STARTS: Final = 5
PAGE: Final = 20

Step = Callable[[House, int], Awaitable[object]]


async def steps(both: Sequence[House]) -> list[tuple[str, Step, int]]:
    """(name, step, repetitions); a step takes its number."""
    seats = seats_of(both[0])
    random.Random(3).shuffle(seats)
    readers = {id(home): await members(home, BOOKINGS) for home in both}
    usual = ReaderId(new_id())
    for one in both:
        await _give_a_page(usual, one, both[1])
    most, number = await _longest(both[1])
    longest = {id(both[0]): usual, id(both[1]): most}

    async def book(home: House, number: int) -> None:
        reader = Reader(readers[id(home)][number].id, "student", None, lambda: PersonalData("", ""))
        ctx = RequestContext(reader, Actor("reader", "mini"), MORNING)
        await home.app[service_key(ReservationService)].create(
            ctx, seats[number], TimeSelection(TOMORROW, time(8), time(10))
        )

    def job(name: str) -> Step:
        async def run(home: House, _: int) -> object:
            scheduled = home.app[SCHEDULER].job(name)
            assert scheduled is not None
            return await scheduled.run(MORNING)

        return run

    for one in both:  # due work is done before the measurement
        await one.app[SCHEDULER].run_until_idle(MORNING)

    def page(reader: Callable[[House], ReaderId]) -> Step:
        return lambda home, _: home.stored.reservations.page_of(reader(home), (), 0, PAGE)

    reads: dict[str, Step] = {
        f"list of a reader with {PAGE}": page(lambda _: usual),
        f"list of the reader with most ({number:,})": page(lambda home: longest[id(home)]),
        f"unread messages of a reader with {PAGE}": (
            lambda home, _: home.stored.messages.page_of(usual, True, 0, PAGE)
        ),
        f"rows of a day with {BOOKINGS}": lambda home, _: home.stored.reservations.occupancy_rows(
            TOMORROW
        ),
        **{f"job {name}, nothing due": job(name) for name in both[0].app[SCHEDULER].job_names},
    }
    return [("reserve", book, BOOKINGS), *((name, step, REPEATS) for name, step in reads.items())]


async def _give_a_page(reader: ReaderId, home: House, loaded: House) -> None:
    """Gives the reader the same past and messages in both databases."""
    rows = await loaded.db["reservations"].find({"live": False}).limit(PAGE).to_list(None)
    own = [{**row, "_id": new_id(), "reader": reader, "claims": []} for row in rows]
    await home.db["reservations"].insert_many(own)
    rows = await loaded.db["messages"].find().limit(PAGE).to_list(None)
    messages = [{**row, "_id": f"{new_id()}:1", "reader": reader, "read": False} for row in rows]
    await home.db["messages"].insert_many(messages)


async def _longest(home: House) -> tuple[ReaderId, int]:
    """The reader with the longest list, and its length."""
    by_reader: list[dict[str, Any]] = [
        {"$group": {"_id": "$reader", "number": {"$sum": 1}}},
        {"$sort": {"number": -1}},
        {"$limit": 1},
    ]
    (row,) = await (await home.db["reservations"].aggregate(by_reader)).to_list(None)
    return ReaderId(row["_id"]), row["number"]


def _print(name: str, took: Sequence[list[float]]) -> None:
    empty, loaded = (median(one) * 1000 for one in took)
    print(f"| {name} | {empty:.2f} | {loaded:.2f} | {loaded / empty:.2f} |", flush=True)


async def measure(count: int, folder: Path) -> None:
    """Loads a history of ``count`` reservations and prints the table."""
    async with (
        embedded_databases(folder) as databases,
        house(folder, databases) as empty,
        house(folder, databases, count) as loaded,
    ):
        both = empty, loaded
        print("| step | empty ms | history ms | ratio |\n|---|---:|---:|---:|")
        for name, step, times in await steps(both):
            took: tuple[list[float], list[float]] = ([], [])
            for number in range(times):
                for one, durations in zip(both, took, strict=True):
                    began = perf_counter()
                    await step(one, number)
                    durations.append(perf_counter() - began)
            _print(name, took)
        starts: tuple[list[float], list[float]] = ([], [])
        for _ in range(STARTS):
            for one, durations in zip(both, starts, strict=True):
                await one.rewind()
                began = perf_counter()
                async with serving(one):
                    durations.append(perf_counter() - began)
        _print("serve until /readyz", starts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m lab.bench.long_history", description=__doc__)
    parser.add_argument("--count", type=int, default=300_000, help="reservations of the history")
    with tempfile.TemporaryDirectory(prefix="history-") as folder:
        uvloop.run(measure(parser.parse_args().count, Path(folder)))
