"""Garbage is collected while the process has little to do, and not in a rush."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from itertools import count
from weakref import ref

import pytest

from miniapp_server import garbage


class Cycle:
    """An object that only the collector can free."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Undoes what the tests tell the collector of this process."""
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def some(number: int) -> ref[Cycle]:
    """Makes garbage; returns a reference to a part of it."""
    return ref([Cycle() for _ in range(number)][-1])


@pytest.mark.parametrize("busy", [False, True])
async def test_garbage_waits_until_the_process_is_calm(
    busy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds, looks = count(), asyncio.Semaphore(0)

    def pause_s(_: float) -> float:
        looks.release()
        return 0.0

    monkeypatch.setattr(garbage, "process_time", lambda: next(seconds) if busy else 0.0)
    monkeypatch.setattr(garbage, "pause_s", pause_s)
    with garbage.collected_at_rest():
        left = some(20_000)
        for _ in range(3):
            await looks.acquire()
        assert (left() is None) is not busy


@pytest.mark.parametrize(
    ("counts", "generations"),
    [
        ((9_999, 9, 99), []),
        ((10_000, 5, 99), [0]),
        ((10_000, 6, 20), [1]),
        ((10_000, 6, 21), [2]),
    ],
)
def test_the_older_generations_are_collected_in_their_turn(
    counts: tuple[int, int, int], generations: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    collected: list[int] = []
    monkeypatch.setattr(gc, "get_count", lambda: counts)
    monkeypatch.setattr(gc, "collect", collected.append)
    garbage.collect_young()
    assert collected == generations
