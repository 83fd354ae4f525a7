"""The CPU time of a page, measured apart from other load on the machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from playwright.async_api import CDPSession, Page

_YARDSTICK: Final = (
    "(() => { let s = 0; for (let i = 0; i < 3e7; i += 1) s += i % 7; return s; })()"
)
"""Work of the page's own thread that takes as long as the machine makes it."""


@dataclass(slots=True)
class Effort:
    """``yardsticks`` is the CPU time of the page's main thread (scripts, styles, layout and
    painting) as a multiple of a reference task's."""

    yardsticks: float = 0.0


@asynccontextmanager
async def effort_of(page: Page) -> AsyncIterator[Effort]:
    """Measures the effort of the page within the block."""
    devtools = await page.context.new_cdp_session(page)
    # CPU time of the thread: what others do on its core is not counted.
    await devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = await _busy_s(devtools)
    await page.evaluate(_YARDSTICK)
    began = await _busy_s(devtools)
    effort = Effort()
    yield effort
    effort.yardsticks = (await _busy_s(devtools) - began) / (began - before)
    await devtools.detach()


async def _busy_s(devtools: CDPSession) -> float:
    metrics = (await devtools.send("Performance.getMetrics"))["metrics"]
    return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))
