"""The reference agent of a gate: follows the file that the gate writes and reports to the service.

    GATE_KEY=… seats gate-agent --url https://seats.example --gate main --file passages.csv

Each line is ``id,student_no,in|out,card|face,RFC 3339 time with offset``; a header line is skipped.
Events go into a spool (SQLite) in the same transaction as the position in the file. They stay there
until the service has accepted them, so none is lost in an outage or a kill. The service recognises
repeated events by their ids. This file also runs alone, with any Python from 3.11 on and no other
package: ``python3 gate_agent.py --url …``.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

BATCH: Final = 400
BATCH_BYTES: Final = 60_000
"""Most bytes of events in a request. The service accepts at most 64 KB and 500 events."""
LONGEST: Final = 128
"""Most characters of a field that are read; the service itself refuses ids of more than 64."""
POLL_S: Final = 0.5
BEAT_S: Final = 20.0
"""Seconds without events after which an empty request is sent: the service waits for a gate's
report before it applies deadlines."""
_PATIENCE_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
_TIMEOUT_S: Final = 10.0
_FIELDS: Final = ("id", "student_no", "direction", "method", "at")

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS spool (n INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS place (id INTEGER PRIMARY KEY, inode INTEGER, at INTEGER);
INSERT OR IGNORE INTO place VALUES (1, 0, 0);
"""


class Spool:
    """Events that the service has not accepted yet, and the position in the gate's file."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    def take_in(self, file: Path) -> None:
        """Spools new complete lines of the gate's file; a replaced file is read from its start."""
        try:
            source = file.open("rb")
        except FileNotFoundError:
            return
        with source:
            status = os.fstat(source.fileno())
            inode, at = self._db.execute("SELECT inode, at FROM place").fetchone()
            if inode != status.st_ino or status.st_size < at:
                at = 0
            source.seek(at)
            new = source.read()
        whole = new[: new.rfind(b"\n") + 1]
        if not whole and inode == status.st_ino:
            return
        events = [json.dumps(event) for event in _events(whole.decode(errors="replace"))]
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany("INSERT INTO spool (event) VALUES (?)", [(e,) for e in events])
        self._db.execute("UPDATE place SET inode = ?, at = ?", (status.st_ino, at + len(whole)))
        self._db.execute("COMMIT")

    def first(self) -> tuple[list[tuple[int, dict[str, str]]], bool]:
        """Returns the oldest waiting events, as many as fit into one request, each with its
        number in the spool; and whether these are all the waiting events."""
        rows = self._db.execute(
            "SELECT n, event FROM spool ORDER BY n LIMIT ?", (BATCH + 1,)
        ).fetchall()
        fit, size = [], 0
        for n, event in rows[:BATCH]:
            size += len(event) + 2
            if size > BATCH_BYTES:
                break
            fit.append((n, json.loads(event)))
        return fit, len(fit) == len(rows)

    def taken(self, last: int) -> None:
        self._db.execute("DELETE FROM spool WHERE n <= ?", (last,))


def _events(text: str) -> list[dict[str, str]]:
    events = []
    for line in text.splitlines():
        # Line by line: a stray quotation mark must not swallow the following lines.
        row = next(csv.reader([line]), [])
        if row[:1] == ["id"] or not row:
            continue
        if any(len(cell) > LONGEST for cell in row):
            _say(f"skipped a line with a field of more than {LONGEST} characters")
            continue
        if len(row) != len(_FIELDS):
            _say(f"skipped a line of {len(row)} fields: {row[:1]}")
            continue
        events.append(dict(zip(_FIELDS, (cell.strip() for cell in row), strict=True)))
    return events


class Refused(Exception):
    """The service did not accept the request."""


class Service:
    def __init__(self, url: str, gate: str, key: str, now: Callable[[], datetime]) -> None:
        self.now = now
        self._url = f"{url.rstrip('/')}/api/v1/gate/events"
        self._gate, self._key = gate, key.encode()

    def report(self, events: list[dict[str, str]], complete_until: str | None) -> dict[str, Any]:
        """Sends events to the service and returns its answer. ``complete_until``: a time up to
        which all events of the gate have been sent. Raises: Refused."""
        body: dict[str, Any] = {"events": events}
        if complete_until is not None:
            body["complete_until"] = complete_until
        raw, stamp = json.dumps(body).encode(), str(int(self.now().timestamp()))
        signature = hmac.new(self._key, stamp.encode() + b"." + raw, hashlib.sha256).hexdigest()
        request = urllib.request.Request(
            self._url,
            raw,
            {
                "Content-Type": "application/json",
                "X-Gate-Id": self._gate,
                "X-Gate-Timestamp": stamp,
                "X-Gate-Signature": signature,
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            raise Refused(f"{error.code} {error.read(300).decode(errors='replace')}") from error
        except (OSError, ValueError) as error:
            raise Refused(str(error)) from error


def follow(spool: Spool, service: Service, file: Path, once: bool) -> None:
    """Reports new events of the gate's file for ever; with ``once``, up to the file's end."""
    reported_at, failures = float("-inf"), 0
    while True:
        # Before reading: the file may get more events afterwards.
        read_at = service.now().isoformat()
        spool.take_in(file)
        batch, whole = spool.first()
        if batch or time.monotonic() - reported_at > BEAT_S:
            try:
                answer = service.report([event for _, event in batch], read_at if whole else None)
            except Refused as refused:
                _say(f"not delivered, will be repeated: {refused}")
                time.sleep(_PATIENCE_S[min(failures, len(_PATIENCE_S) - 1)])
                failures += 1
                continue
            reported_at, failures = time.monotonic(), 0
            for rejected in answer["rejected"]:
                _say(f"rejected {rejected['id']}: {rejected['code']}")
            if batch:
                spool.taken(batch[-1][0])
        if not whole:
            continue
        if once:
            return
        time.sleep(POLL_S)


def _say(text: str) -> None:
    print(f"gate-agent: {text}", file=sys.stderr, flush=True)


def _by_this_machine() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 (no part of the service: the gate's own clock)


def main(words: Sequence[str], now: Callable[[], datetime] = _by_this_machine) -> int:
    """Runs the agent with the command-line options ``words``. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="gate-agent", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--url", required=True, help="URL of the service")
    parser.add_argument(
        "--gate", required=True, help="id of the gate; its key is read from GATE_KEY"
    )
    parser.add_argument("--file", required=True, type=Path, help="CSV file that the gate writes")
    parser.add_argument(
        "--spool", type=Path, help="file for events not delivered yet (default: FILE.spool)"
    )
    parser.add_argument("--once", action="store_true", help="stop when the whole file is reported")
    args = parser.parse_args(words)
    key = os.environ.get("GATE_KEY", "")
    if not key:
        _say("GATE_KEY is required")
        return 1
    spool = Spool(args.spool or args.file.with_suffix(args.file.suffix + ".spool"))
    with closing(spool), suppress(KeyboardInterrupt):
        follow(spool, Service(args.url, args.gate, key, now), args.file, args.once)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
