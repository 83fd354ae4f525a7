"""A bar for long commands, on a terminal only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from tqdm import tqdm


@contextmanager
def progress(what: str, unit: str = "documents") -> Iterator[Callable[[int, int], None]]:
    """Shows how far ``what`` is, on stderr, where that is a terminal; elsewhere nothing.

    Yields the function to call with how many ``unit`` were just done, and of how many in all.
    """
    bar: tqdm[NoReturn] = tqdm(desc=what, unit=f" {unit}", disable=None, leave=False)
    with bar:

        def told(done: int, total: int) -> None:
            bar.total = max(total, bar.n + done)
            bar.update(done)

        yield told
