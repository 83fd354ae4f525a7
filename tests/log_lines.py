"""The log of this process as an operator reads it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from miniapp_server.logging_config import JsonLines


@dataclass(slots=True)
class Lines:
    written: io.StringIO = field(default_factory=io.StringIO)

    def of(self, event: str) -> list[dict[str, Any]]:
        lines = map(json.loads, self.written.getvalue().splitlines())
        return [line for line in lines if line["event"] == event]


@contextmanager
def log_lines() -> Iterator[Lines]:
    """The lines written within the block, with one for each call to another system."""
    lines, root = Lines(), logging.getLogger()
    handler = logging.StreamHandler(lines.written)
    handler.setFormatter(JsonLines())
    calls = logging.getLogger("notify.outgoing_calls")
    root.addHandler(handler)
    calls.setLevel(logging.DEBUG)
    yield lines
    root.removeHandler(handler)
    calls.setLevel(logging.NOTSET)
