from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from typing import Final

REQUEST_ID: Final[ContextVar[str]] = ContextVar("request_id", default="")
"""The id of the current request or job run, for log lines: 1 to 64 characters of
``0-9A-Za-z._-``; empty outside of both. A new task inherits the id of its creator."""


DATABASE: Final[ContextVar[str]] = ContextVar("database", default="")
"""The database of the application that the current task works for, for log lines: a process may
have several. A new task inherits it."""


def without_request() -> Context:
    """A copy of the current context for work that several requests share, without their ids."""
    context = copy_context()
    context.run(REQUEST_ID.set, "")
    return context


@contextmanager
def on_behalf_of(id: str) -> Iterator[None]:
    """Sets the request id within the block. An empty ``id`` leaves the request id unchanged."""
    before = REQUEST_ID.set(id or REQUEST_ID.get())
    try:
        yield
    finally:
        REQUEST_ID.reset(before)
