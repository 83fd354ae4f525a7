"""``seats school move``: a school's database goes to another replica set, and its file follows."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Final

from miniapp_server.cli.command import CommandError, Env
from miniapp_server.cli.school import named_school, written_beside
from miniapp_server.clock import real_now
from miniapp_server.settings import Settings, SettingsError
from miniapp_server.settings.env_file import read_env_file
from miniapp_server.terminal import confirmed, progress
from models.backup.errors import BackupError
from models.school_move.errors import MoveError
from models.school_move.repository import SourceDatabase
from models.school_move.service import move
from models.storage.installation import DatabaseRefused
from models.storage.mongo import open_database

_ADMIN: Final = "MONGO_ADMIN_URL"
_NEW: Final = "NEW_MONGO_URL"
_URL: Final = "MONGO_URL"
_A_SECOND: Final = 1000
"""Documents that are copied, compared and searched in a second, cautiously (docs/deployment.md)."""
_LINE: Final = re.compile(rf"\s*{_URL}\s*=")


async def school_move(env: Env, folder: Path, name: str, *, ask: bool) -> None:
    """Move the school's database, and write the new address into its file. Raises: CommandError,
    SettingsError."""
    file, settings = _settings(env, folder, name)
    new = _required(env, _NEW)
    if settings.mongo_url == new:
        raise CommandError(f"{file} has this address already")
    _refuse_unwritable(file)
    async with _source(env, settings) as source, open_database(new, settings.database) as target:
        count = await source.documents()
        print(f"{count} documents: {name} is closed for some {count // _A_SECOND + 5} seconds")
        if ask and not confirmed("Move it?"):
            return
        began = monotonic()
        with progress("move") as report:
            content = await move(source, target, real_now(), settings.mode, report)
        _write(env, folder, name, new)
        copied = sum(one.documents for one in content.values())
        print(
            f"{copied} documents moved in {monotonic() - began:.1f} s, compared, no double "
            f"bookings. {name} stays closed until the service is reloaded: systemctl reload seats"
        )


async def abort_move(env: Env, folder: Path, name: str) -> None:
    """Open the school again whose move was interrupted. Raises: CommandError, SettingsError."""
    _, settings = _settings(env, folder, name)
    async with _source(env, settings) as source:
        to = await source.moved_to()
        await source.reopen()
    print(f"the move to {to} is aborted: {name} is open" if to else f"{name} has not moved")


def _settings(env: Env, folder: Path, name: str) -> tuple[Path, Settings]:
    school = named_school(env, folder, name)
    if school.settings is None:
        raise CommandError(f"{school.file}: {school.fault}")
    return school.file, school.settings


def _refuse_unwritable(file: Path) -> None:
    """Raises: CommandError if the file cannot be replaced with one of its size."""
    try:
        with _beside(file, file.read_text("utf-8")):
            pass
    except OSError as error:
        raise CommandError(f"cannot write {file}: {error.strerror}") from error


def _required(env: Env, name: str) -> str:
    if not env.get(name):
        raise CommandError(f"set {name} in the environment (docs/deployment.md, Many schools)")
    return env[name]


@asynccontextmanager
async def _source(env: Env, settings: Settings) -> AsyncIterator[SourceDatabase]:
    """The school's database as an administrator opens it. Raises: CommandError in place of the
    errors of a move."""
    try:
        async with open_database(_required(env, _ADMIN), settings.database) as admin:
            yield SourceDatabase(admin, settings.mongo_url)
    except (MoveError, BackupError, DatabaseRefused) as error:
        raise CommandError(str(error)) from error


def _write(env: Env, folder: Path, name: str, url: str) -> None:
    """Puts the address into the school's file, which may have been suspended meanwhile, for a
    service that reads it before or after, but never half. Raises: CommandError."""
    by_hand = f"the move is done: write {_URL} of {_NEW} into the file of {name} by hand"
    try:
        file = named_school(env, folder, name).file
        lines = [line for line in file.read_text("utf-8").splitlines() if not _LINE.match(line)]
        with _beside(file, "\n".join([*lines, f"{_URL}={url}", ""])) as part:
            if read_env_file(part) != {**read_env_file(file), _URL: url}:
                raise CommandError(f"{file} is not read as expected")
            part.rename(file)
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}; {by_hand}") from error
    except (CommandError, SettingsError, ValueError) as error:
        raise CommandError(f"{error}; {by_hand}") from error


def _beside(file: Path, content: str) -> AbstractContextManager[Path]:
    about = file.stat()
    return written_beside(file, content.encode(), about.st_uid, about.st_gid)
