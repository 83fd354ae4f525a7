from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from miniapp_server.backup_place import delete_old, incoming, name_of, outgoing
from miniapp_server.cli.application import database
from miniapp_server.cli.command import CommandError, Env
from miniapp_server.cli.database import check_integrity, check_integrity_of
from miniapp_server.cli.settings import load
from miniapp_server.clock import real_now
from miniapp_server.settings import Settings
from miniapp_server.terminal import progress
from models.backup.encryption import read_identity
from models.backup.entities import Backup
from models.backup.errors import BackupError
from models.backup.repository import backup, restore
from models.backup.scratch_repository import empty_scratch, mark_scratch
from models.backup.standing_repository import BackupStandingRepository
from models.kernel.errors import Unavailable
from models.storage.connectivity import MongoUnusable
from models.storage.installation import look
from models.storage.mongo import Database


async def save(env: Env, file: Path | None) -> None:
    """Write the whole database to a new file, or without ``file`` to BACKUP_TO, and record the
    backup or its failure. Where BACKUP_TO is set, a further ``file`` is not recorded. Raises:
    CommandError."""
    settings, now = load(env), real_now()
    place, database_name = settings.backups.place, settings.database
    if file is None and place is None:
        raise CommandError("name a FILE, or set BACKUP_TO (docs/operations.md, Data)")
    async with database(settings) as db:
        about = await look(db)
        about.refuse_half()
        about.refuse_before_release()
        about.refuse_other_mode(settings.mode)
        records = BackupStandingRepository(db)
        if file is not None:
            newest, words = await _written(db, file, now)
            if place is None:
                await records.backed_up(newest)
            print(f"{file}: {words}")
            return
        assert place is not None
        name = name_of(database_name, now)
        try:
            with _as_command_errors(place), outgoing(place, name) as path:
                newest, words = await _written(db, path, now, settings.backups.recipients)
        except CommandError:
            with suppress(Unavailable):
                await records.backup_failed(now)
            raise
        await records.backed_up(replace(newest, place=str(place)))
        print(f"{name} to {place}: {words}")
    with _as_command_errors(place):
        delete_old(place, database_name, now, settings.backups.keep)


async def _written(
    db: Database, file: Path, now: datetime, recipients: tuple[str, ...] = ()
) -> tuple[Backup, str]:
    """Writes the backup; returns it, and its size in words. Raises: CommandError."""
    with _as_command_errors(file):
        with progress("backup") as report:
            counts = await backup(db, file, now, report, recipients)
        newest = await asyncio.to_thread(_facts, file, now)
    return newest, f"{counts.total()} documents, {newest.size} bytes"


def _facts(file: Path, at: datetime) -> Backup:
    path = file.resolve()
    return Backup(at, path.name, str(path.parent), path.stat().st_size, _hash(path))


async def fill(env: Env, file: Path, over: bool, identity: Path | None) -> None:
    """Fill the empty database from a backup, then look for double bookings. ``over``: replace
    the remains of an interrupted restore. ``identity``: the private key of an encrypted backup.
    Raises: CommandError."""
    settings = load(env)
    with _as_command_errors(identity or file):
        keys = read_identity(identity) if identity else None
    async with database(settings) as db:
        counts = await _restored(db, file, settings, keys, over=over)
    print(f"{counts.total()} documents, {counts['reservations']} of them reservations")
    await check_integrity(env)


async def _restored(
    db: Database, file: Path, settings: Settings, keys: bytes | None, *, over: bool = False
) -> Counter[str]:
    with _as_command_errors(file), progress("restore") as report:
        return await restore(
            db,
            file,
            real_now(),
            mode=settings.mode,
            sealer=settings.sealer,
            over=over,
            identity=keys,
            report_progress=report,
        )


async def rehearse(env: Env, identity: Path | None) -> None:
    """Restore the newest backup, from where it went, into a scratch database, look for double
    bookings, drop the database, and record the rehearsal or its failure. Raises: CommandError."""
    settings = load(env)
    with _as_command_errors(identity or Path()):
        keys = read_identity(identity) if identity else None
    async with database(settings) as db:
        records = BackupStandingRepository(db)
        newest = (await records.standing()).newest
        if newest is None or not newest.name:
            raise CommandError("no backup is recorded: make one with backup")
        try:
            await _rehearse(settings, newest, keys)
        except Exception:
            with suppress(Unavailable):
                await records.rehearsal_failed(real_now())
            raise
        await records.rehearsed(newest, real_now())
    print(f"{newest.name} can be restored")


async def _rehearse(settings: Settings, newest: Backup, keys: bytes | None) -> None:
    place, scratch = settings.backups.place, _scratch_of(settings)
    where = place or Path(newest.place)
    copy = incoming(place, newest.name) if place else nullcontext(where / newest.name)
    with _as_command_errors(where / newest.name), copy as file:
        if await asyncio.to_thread(_hash, file) != newest.sha256:
            raise BackupError(f"{where / newest.name} is damaged: it is not as it was written")
        async with _emptied(scratch) as db:
            counts = await _restored(db, file, settings, keys)
            await mark_scratch(db)
            print(f"{counts.total()} documents, {counts['reservations']} of them reservations")
            await check_integrity_of(scratch)


def _scratch_of(settings: Settings) -> Settings:
    return replace(
        settings,
        mongo_url=settings.backups.scratch_url or settings.mongo_url,
        database=f"{settings.database}_rehearsal",
    )


@asynccontextmanager
async def _emptied(scratch: Settings) -> AsyncIterator[Database]:
    """The scratch database, empty; the block's contents are dropped after it."""
    try:
        async with database(scratch) as db:
            await empty_scratch(db)
            try:
                yield db
            finally:
                await empty_scratch(db)
    except MongoUnusable as error:
        raise CommandError(f"the scratch database {scratch.database}: {error.line}") from error


def _hash(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@contextmanager
def _as_command_errors(file: Path) -> Iterator[None]:
    """Raises: CommandError in place of errors of the backup and of files."""
    try:
        yield
    except BackupError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"{error.filename or file}: {error.strerror}") from error
