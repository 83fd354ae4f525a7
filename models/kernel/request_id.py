from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

REQUEST_ID: Final[ContextVar[str]] = ContextVar("request_id", default="")
"""The id of the current request or job run, for log lines: 1 to 64 characters of
``0-9A-Za-z._-``; empty outside of both. A new task inherits the id of its creator."""


@contextmanager
def on_behalf_of(id: str) -> Iterator[None]:
    """Sets the request id within the block. An empty ``id`` leaves the request id unchanged."""
    before = REQUEST_ID.set(id or REQUEST_ID.get())
    try:
        yield
    finally:
        REQUEST_ID.reset(before)
