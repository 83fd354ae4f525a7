"""What an operator does with the database: indexes, library, keys, backups, its integrity."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path

from handlers.http.keys import REFERENCE
from miniapp_server import seed as seeding
from miniapp_server.app import RESOURCES
from miniapp_server.cli.application import application, database
from miniapp_server.cli.command import CommandError, Commands, Env, add_command
from miniapp_server.clock import real_now
from miniapp_server.resources import Resources
from miniapp_server.sandbox.library import seed_demo
from miniapp_server.settings import load
from miniapp_server.terminal import ReportProgress, progress
from models.backup.repository import BackupError, backup, record_backup, restore
from models.storage.free_text import reencrypt_free_texts
from models.storage.installation import forget_old_keys, look


def add_commands(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add ``init-db``, ``seed``, ``rotate-keys``, ``backup``, ``restore``, ``check-integrity``."""
    add_command(
        commands,
        "init-db",
        _init_db,
        "Make the indexes. Safe to repeat, and while the service runs.",
    )
    add_command(
        commands,
        "seed",
        _seed,
        "Write the library of scripts/data. Safe to repeat; prints the keys of new kiosks once.",
    )
    add_command(
        commands,
        "rotate-keys",
        _rotate_keys,
        "Encrypt all personal data with the newest key of ENCRYPTION_KEYS. Afterwards the old key "
        "may go.",
    )
    saving = add_command(
        commands,
        "backup",
        _backup,
        "Write the whole database, as it is at one moment, to a new file. The service goes on. "
        "ENCRYPTION_KEYS are not in it: keep them elsewhere.",
    )
    saving.add_argument("file", metavar="FILE", type=Path)
    loading = add_command(
        commands,
        "restore",
        _restore,
        "Fill the empty database MONGO_DATABASE from such a file and look for double bookings.",
    )
    loading.add_argument("file", metavar="FILE", type=Path)
    loading.add_argument(
        "--over",
        action="store_true",
        help="replace what a restore that was broken off has left; never a whole database",
    )
    add_command(
        commands,
        "check-integrity",
        _check_integrity,
        "Look for doubly booked seats and readers; status 1 if there is one.",
    )


async def _init_db(env: Env, _: argparse.Namespace) -> None:
    async with application(env):
        print("indexes are in place")


async def _seed(env: Env, _: argparse.Namespace) -> None:
    data = seeding.read()
    async with application(env) as app:
        resources, reference = app[RESOURCES], app[REFERENCE]
        if resources.settings.sandbox:
            kiosks, gates = await seed_demo(app)
        else:
            kiosks, gates = await seeding.seed(resources.repositories, reference, data, real_now())
        seats = len(reference.catalog.seats)
    print(f"{data.venue.name}: {len(data.areas)} areas, {seats} seats, {len(data.kiosks)} kiosks")
    for kind, fresh in (("kiosk", kiosks), ("gate", gates)):
        for id, key in fresh.items():
            print(f"new {kind} {id}, its key (shown once): {key}")


async def _rotate_keys(env: Env, _: argparse.Namespace) -> None:
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
    done["texts"] = await reencrypt_free_texts(resources.db, resources.settings.sealer)
    for name, reencrypt in (
        ("readers", stored.readers.reencrypt),
        ("bindings", stored.bindings.reencrypt),
    ):
        while count := await reencrypt(500):
            done[name] += count
            report(count, total)
    return done


async def _backup(env: Env, args: argparse.Namespace) -> None:
    settings, now = load(env), real_now()
    async with database(settings) as db:
        about = await look(db)
        about.refuse_half()
        about.refuse_other_mode(settings.sandbox)
        with progress("backup") as report:
            counts = await _as_command_error(args.file, backup(db, args.file, now, report))
        await record_backup(db, now)
    print(f"{args.file}: {counts.total()} documents, {args.file.stat().st_size} bytes")


async def _restore(env: Env, args: argparse.Namespace) -> None:
    settings = load(env)
    async with database(settings) as db:
        with progress("restore") as report:
            work = restore(
                *(db, args.file, real_now()),
                sandbox=settings.sandbox,
                sealer=settings.sealer,
                over=args.over,
                told=report,
            )
            counts = await _as_command_error(args.file, work)
    print(f"{counts.total()} documents, {counts['reservations']} of them reservations")
    await _check_integrity(env, args)


async def _as_command_error(file: Path, work: Awaitable[Counter[str]]) -> Counter[str]:
    """The count of documents per collection that ``work`` returns. Raises: CommandError."""
    try:
        return await work
    except BackupError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from error


async def _check_integrity(env: Env, _: argparse.Namespace) -> None:
    async with application(env) as app:
        doubles = await app[RESOURCES].repositories.reservations.find_double_bookings()
    for double in doubles:
        print(f"{double.thing} held twice: {double.first} and {double.second}")
    if doubles:
        raise CommandError(f"{len(doubles)} doubles")
    print("no doubles")
