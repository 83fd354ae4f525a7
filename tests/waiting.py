"""How long tests wait: one factor for slow machines, and a wait for a condition."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import Final

PATIENCE: Final = "TEST_PATIENCE"
"""The variable that has the factor. ``scripts/test`` measures it once at the start of a run
(``tests.machine_speed``); plain pytest takes 1."""
FACTOR: Final = float(os.environ.get(PATIENCE, "1"))
"""How many times slower this machine is than two quiet cores."""


def patience(seconds: float) -> float:
    """The seconds to wait here for something that takes two quiet cores at most ``seconds``."""
    return seconds * FACTOR


class Progress:
    """Wakes those who wait for a state, each time that something has been done towards it."""

    def __init__(self) -> None:
        self._condition = asyncio.Condition()

    async def made(self) -> None:
        async with self._condition:
            self._condition.notify_all()

    async def until(self, holds: Callable[[], bool], within_s: float) -> None:
        """Returns once it holds. Raises: TimeoutError after ``patience(within_s)``."""
        async with asyncio.timeout(patience(within_s)), self._condition:
            await self._condition.wait_for(holds)


async def until(condition: Callable[[], Awaitable[bool]], what: str, within_s: float = 20) -> None:
    """Returns once the condition holds; it is checked 50 times a second.

    Raises: AssertionError naming ``what`` was awaited, after ``patience(within_s)``.
    """
    deadline = time.monotonic() + patience(within_s)
    while not await condition():
        assert time.monotonic() < deadline, f"waited {patience(within_s):.0f} s for: {what}"
        await asyncio.sleep(0.02)
