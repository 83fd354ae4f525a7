"""When Python's garbage collector runs: while the process has little to do. A collection stops
everything for as long as it looks at objects, and in a rush most of these are in use."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, process_time
from typing import Final

from models.storage.rounds import pause_s

_MOST_YOUNG: Final = 200_000
"""From this many young objects on, they are collected also in a rush, which then stands still for a
tenth of a second or two."""
_WORTH_IT: Final = 10_000
"""Young objects from which on a collection at rest is worth its ten milliseconds."""
_OLDER: Final = (5, 20)
"""The second generation is collected after this many collections of the first, the third after as
many of the second."""
_LOOK_S: Final = 1.0
_REST: Final = 0.3
"""The share of a core below which the process has little to do."""


@contextmanager
def collected_at_rest() -> Iterator[None]:
    """Exempts the present objects from garbage collection, since objects from the start stay for
    good, and in the block collects the others while the process has little to do.

    Requests leave few cycles: 9,252 bookings left none. With a threshold of 50,000 young objects,
    each collection in a rush took 35 to 80 ms, every four seconds.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_MOST_YOUNG, *_OLDER)
    looking = asyncio.create_task(_collect_at_rest())
    try:
        yield
    finally:
        looking.cancel()


async def _collect_at_rest() -> None:
    while True:
        began, used = monotonic(), process_time()
        await asyncio.sleep(pause_s(_LOOK_S))
        if process_time() - used < _REST * (monotonic() - began):
            collect_young()


def collect_young() -> None:
    """Collects the young objects, if there are many, and the older ones in their turn."""
    young, second, third = gc.get_count()
    if young < _WORTH_IT:
        return
    generation = 0
    if second > _OLDER[0]:
        generation = 2 if third > _OLDER[1] else 1
    gc.collect(generation)
