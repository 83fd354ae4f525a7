from __future__ import annotations

from handlers.http.keys import REFERENCE
from miniapp_server import seed as seeding
from miniapp_server.cli.application import application, application_with
from miniapp_server.cli.command import CommandError, Env
from miniapp_server.cli.settings import load
from miniapp_server.keys import RESOURCES
from miniapp_server.resources import Resources
from miniapp_server.sandbox.library import seed_demo
from miniapp_server.settings import Settings
from miniapp_server.terminal import ReportProgress, progress
from models.storage.free_text import reencrypt_free_texts
from models.storage.installation import Mode, forget_old_keys


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


async def check_integrity(env: Env) -> None:
    """Look for double bookings of seats, readers and rooms. Raises: CommandError if there are
    any."""
    await check_integrity_of(load(env))


async def check_integrity_of(settings: Settings) -> None:
    """Open the service on the database of ``settings`` and look for double bookings. Raises:
    CommandError if there are any."""
    async with application_with(settings) as app:
        doubles = await app[RESOURCES].repositories.reservations.find_double_bookings()
    for double in doubles:
        print(f"{double.thing} is booked twice: by {double.first} and {double.second}")
    if doubles:
        raise CommandError(f"{len(doubles)} double bookings")
    print("no double bookings")
