"""Aligns a process's periodic tasks to common instants: waking up costs more than most tasks."""

from __future__ import annotations

import random
from collections.abc import Callable
from time import monotonic
from typing import Final

SPREAD: Final = 0.1
"""Fraction of the interval by which a pause may be shorter or longer."""
OF_PROCESS_S: Final = random.random()
"""A random shift of the instants, so that processes do not wake together."""


def pause_s(
    every_s: float, shift_s: float = OF_PROCESS_S, clock: Callable[[], float] = monotonic
) -> float:
    """The pause in seconds: ``every_s``, changed by up to ``SPREAD`` to end at an instant that is
    common to the pauses with this shift."""
    now = clock() - shift_s
    until_multiple = round((now + every_s) / every_s) * every_s - now
    return min(max(until_multiple, (1 - SPREAD) * every_s), (1 + SPREAD) * every_s)
