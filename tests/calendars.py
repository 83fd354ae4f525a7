"""Calendars read by a foreign parser: ical.js, which Thunderbird uses."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.tools import npm_folder, program


class CalendarReader:
    """The parser in a process of its own, which reads one calendar after another."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def read(self, text: str | bytes) -> dict[str, Any]:
        """The parsed calendar. Fails if it violates the rules common to all calendars."""
        raw = text if isinstance(text, bytes) else text.encode()
        lines = raw.split(b"\r\n")
        assert lines[-1] == b"" and b"\n" not in raw.replace(b"\r\n", b""), "ends of lines"
        assert all(len(line) <= 75 for line in lines), "folded at 75 octets"
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(raw.decode()) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the parser has gone"
        said: dict[str, Any] = json.loads(line)
        assert "refused" not in said, said
        return said


@contextmanager
def calendar_reader() -> Iterator[CalendarReader]:
    """Starts the parser for the length of the block."""
    parser = npm_folder("tests/linters") / "calendar.mjs"
    with subprocess.Popen(
        [program("node"), str(parser)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield CalendarReader(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
