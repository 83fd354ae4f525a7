from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path

from handlers.http.keys import REFERENCE
from miniapp_server import seed as seeding
from miniapp_server.cli.application import application, database
from miniapp_server.cli.command import CommandError, Env
from miniapp_server.cli.settings import load
from miniapp_server.clock import real_now
from miniapp_server.keys import RESOURCES
from miniapp_server.resources import Resources
from miniapp_server.sandbox.library import seed_demo
from miniapp_server.terminal import ReportProgress, progress
from models.backup.repository import BackupError, backup, record_backup, restore
from models.storage.free_text import reencrypt_free_texts
from models.storage.installation import Mode, forget_old_keys, look


async def init_db(env: Env) -> None:
    async with application(env):
        print("indexes created")


async def seed(env: Env) -> None:
    """Write the demo library and print the keys of new kiosks and gates. Raises: CommandError."""
    if load(env).mode is not Mode.SANDBOX:
        raise CommandError(
            "seed writes the demo library, only into a sandbox (SANDBOX=1). Create your own "
            "library in the console, or with library import; the console creates device keys"
        )
    data = seeding.read()
    async with application(env) as app:
        kiosks, gates = await seed_demo(app)
        seats = len(app[REFERENCE].catalog.seats)
    print(f"{data.venue.name}: {len(data.areas)} areas, {seats} seats, {len(data.kiosks)} kiosks")
    for kind, fresh in (("kiosk", kiosks), ("gate", gates)):
        for id, key in fresh.items():
            print(f"new {kind} {id}, its key (shown once): {key}")


async def rotate_keys(env: Env) -> None:
    async with application(env) as app:
        with progress("rotate-keys") as report:
            done = await _reencrypt_all(app[RESOURCES], report)
        await forget_old_keys(app[RESOURCES].db, app[RESOURCES].settings.sealer)
    print(", ".join(f"{name}: {count}" for name, count in done.items()))


async def _reencrypt_all(resources: Resources, report: ReportProgress) -> dict[str, int]:
    total = sum(
        [await resources.db[name].estimated_document_count() for name in ("readers", "bindings")]
    )
    stored = resources.repositories
    done = {"readers": 0, "bindings": 0, "kiosks": await stored.kiosks.reencrypt()}
    done["gates"] = await stored.gates.reencrypt()
    done["accommodations"] = await stored.accommodations.reencrypt()
    done["webhooks"] = await stored.webhooks.reencrypt()
    done["texts"] = await reencrypt_free_texts(resources.db, resources.settings.sealer)
    for name, reencrypt in (
        ("readers", stored.readers.reencrypt),
        ("bindings", stored.bindings.reencrypt),
    ):
        while count := await reencrypt(500):
            done[name] += count
            report(count, total)
    return done


async def save(env: Env, file: Path) -> None:
    """Write the whole database to a new file. Raises: CommandError."""
    settings, now = load(env), real_now()
    async with database(settings) as db:
        about = await look(db)
        about.refuse_half()
        about.refuse_before_release()
        about.refuse_other_mode(settings.mode)
        with progress("backup") as report:
            counts = await _as_command_error(file, backup(db, file, now, report))
        await record_backup(db, now)
    size = (await asyncio.to_thread(file.stat)).st_size
    print(f"{file}: {counts.total()} documents, {size} bytes")


async def fill(env: Env, file: Path, over: bool) -> None:
    """Fill the empty database from a backup, then look for double bookings. ``over``: replace
    the remains of an interrupted restore. Raises: CommandError."""
    settings = load(env)
    async with database(settings) as db:
        with progress("restore") as report:
            work = restore(
                db,
                file,
                real_now(),
                mode=settings.mode,
                sealer=settings.sealer,
                over=over,
                report_progress=report,
            )
            counts = await _as_command_error(file, work)
    print(f"{counts.total()} documents, {counts['reservations']} of them reservations")
    await check_integrity(env)


async def _as_command_error(file: Path, work: Awaitable[Counter[str]]) -> Counter[str]:
    """Awaits the backup or restore ``work`` and returns its number of documents by collection.
    Raises: CommandError in place of errors of the backup and the file."""
    try:
        return await work
    except BackupError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from error


async def check_integrity(env: Env) -> None:
    """Look for double bookings of seats and readers. Raises: CommandError if there are any."""
    async with application(env) as app:
        doubles = await app[RESOURCES].repositories.reservations.find_double_bookings()
    for double in doubles:
        print(f"{double.thing} is booked twice: by {double.first} and {double.second}")
    if doubles:
        raise CommandError(f"{len(doubles)} double bookings")
    print("no double bookings")
