from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

REQUEST_ID: Final[ContextVar[str]] = ContextVar("request_id", default="")
"""The id of the current request or job run in log lines; empty outside of both. A task inherits it.
1 to 64 of ``0-9A-Za-z._-``."""


@contextmanager
def on_behalf_of(id: str) -> Iterator[None]:
    """Sets the request id for the block. An empty ``id`` changes nothing."""
    before = REQUEST_ID.set(id or REQUEST_ID.get())
    try:
        yield
    finally:
        REQUEST_ID.reset(before)
