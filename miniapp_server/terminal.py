"""What a command shows and asks at a terminal."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from tqdm import tqdm

ReportProgress = Callable[[int, int], None]
"""Takes how many were just done, and of how many in all."""


@contextmanager
def progress(what: str, unit: str = "documents") -> Iterator[ReportProgress]:
    """Shows how far ``what`` is, on stderr, where that is a terminal; elsewhere nothing."""
    bar: tqdm[NoReturn] = tqdm(desc=what, unit=f" {unit}", disable=None, leave=False)
    with bar:

        def report(done: int, total: int) -> None:
            bar.leave = True  # what did something stays in view
            bar.total = max(total, bar.n + done)
            bar.update(done)

        yield report


def can_ask() -> bool:
    """Is there somebody who can answer?"""
    return sys.stdin.isatty()


def confirmed(question: str) -> bool:
    """Ask on the terminal; only ``y`` or ``yes`` is a yes. Ctrl-C ends the command."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    # The loop would only note a Ctrl-C, and look at it after the answer.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return input().strip().lower() in ("y", "yes")
    except EOFError:
        print(file=sys.stderr)
        return False
    finally:
        signal.signal(signal.SIGINT, before)
