from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from tqdm import tqdm

ReportProgress = Callable[[int, int], None]
"""Called after each piece of work: with the number of items just done, and that of all items."""


@contextmanager
def progress(what: str, unit: str = "documents") -> Iterator[ReportProgress]:
    """Shows the progress of ``what`` if stderr is a terminal. Yields the reporting function."""
    bar: tqdm[NoReturn] = tqdm(desc=what, unit=f" {unit}", disable=None, leave=False)
    with bar:

        def report(done: int, total: int) -> None:
            bar.leave = True  # the bar stays visible once there was progress
            bar.total = max(total, bar.n + done)
            bar.update(done)

        yield report


def can_ask() -> bool:
    return sys.stdin.isatty()


def confirmed(question: str) -> bool:
    """Asks on the terminal; only ``y`` or ``yes`` confirms. Ctrl-C ends the command."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    # The event loop would handle a Ctrl-C only after the answer.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return input().strip().lower() in ("y", "yes")
    except EOFError:
        print(file=sys.stderr)
        return False
    finally:
        signal.signal(signal.SIGINT, before)
