"""A test waits for what happens elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


async def until(condition: Callable[[], Awaitable[bool]], what: str, within_s: float = 20) -> None:
    """Poll until the condition holds. Fails with ``what`` was waited for."""
    deadline = time.monotonic() + within_s
    while not await condition():
        assert time.monotonic() < deadline, f"waited {within_s:.0f} s for: {what}"
        await asyncio.sleep(0.02)
