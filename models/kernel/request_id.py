"""The id under which the present work stands in logs, from the request to the last call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

REQUEST_ID: Final[ContextVar[str]] = ContextVar("request_id", default="")
"""Of the request that is being answered, or of the run of a job; empty where there is neither. A
task has that of the task that started it. 1 to 64 of ``0-9A-Za-z._-``."""


@contextmanager
def on_behalf_of(id: str) -> Iterator[None]:
    """What is done in the block belongs to that request, and not to who does it. An empty id
    changes nothing."""
    before = REQUEST_ID.set(id or REQUEST_ID.get())
    try:
        yield
    finally:
        REQUEST_ID.reset(before)
