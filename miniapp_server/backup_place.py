"""Where backups go: a folder of another machine that is mounted here, or a program that takes them
further. The program is called as ``PROGRAM put NAME`` with the file on its standard input, and as
``PROGRAM get NAME`` to write it to its standard output."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import DEVNULL, PIPE, run
from tempfile import TemporaryDirectory
from typing import IO, Final

from models.backup.errors import BackupError

_WRITTEN: Final = "%Y%m%dT%H%M%SZ"
_ENDING: Final = ".backup.age"
_INHERITED: Final = ("PATH", "HOME", "LANG", "TMPDIR")
"""The program's environment. The rest of the service's has its secrets."""


def name_of(database: str, at: datetime) -> str:
    """The name of the database's backup of this instant."""
    return f"{database}-{at.astimezone(UTC).strftime(_WRITTEN)}{_ENDING}"


@contextmanager
def outgoing(place: Path, name: str) -> Iterator[Path]:
    """The path at which the block writes the backup ``name``; after the block the program has it,
    if ``place`` is one. Raises: BackupError, OSError."""
    if place.is_dir():
        yield place / name
        return
    _refuse_absent(place)
    with TemporaryDirectory(prefix="seats-") as folder:
        yield Path(folder, name)
        with Path(folder, name).open("rb") as file:
            _call(place, "put", name, stdin=file)


@contextmanager
def incoming(place: Path, name: str) -> Iterator[Path]:
    """The backup ``name`` from its place, while the block runs. Raises: BackupError, OSError."""
    if place.is_dir():
        yield place / name
        return
    _refuse_absent(place)
    with TemporaryDirectory(prefix="seats-") as folder:
        with Path(folder, name).open("xb") as file:
            _call(place, "get", name, stdout=file)
        yield Path(folder, name)


def delete_old(place: Path, database: str, now: datetime, keep: timedelta) -> None:
    """Deletes the database's backups from a folder that are older than ``keep``. What a program
    has taken it, or the machine where it went, deletes. Raises: OSError."""
    if not place.is_dir():
        return
    named = re.compile(rf"{re.escape(database)}-(\d{{8}}T\d{{6}}Z){re.escape(_ENDING)}")
    for file in place.iterdir():
        if match := named.fullmatch(file.name):
            at = datetime.strptime(match[1], _WRITTEN).replace(tzinfo=UTC)
            if now - at > keep:
                file.unlink()


def _refuse_absent(place: Path) -> None:
    if not place.exists():
        raise BackupError(f"BACKUP_TO {place} is not there: is it mounted?")
    if not os.access(place, os.X_OK):
        raise BackupError(f"BACKUP_TO {place} is neither a folder nor a program that may be run")


def _call(
    program: Path,
    verb: str,
    name: str,
    *,
    stdin: IO[bytes] | int = DEVNULL,
    stdout: IO[bytes] | None = None,
) -> None:
    """Runs the program to its end. Raises: BackupError with its last line of errors."""
    env = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    done = run([program, verb, name], stdin=stdin, stdout=stdout, stderr=PIPE, env=env, check=False)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise BackupError(f"{program} {verb} ended with {done.returncode}: {lines[-1]}")
