"""``load-data``: fill an empty sandbox database with an invented history (docs/load-data.md)."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import timedelta
from time import monotonic

from handlers.http.keys import REFERENCE
from miniapp_server.cli.application import application
from miniapp_server.cli.command import CommandError, Env
from miniapp_server.cli.settings import load
from miniapp_server.keys import RESOURCES
from miniapp_server.load_data.generate import HistoryGenerator, LoadDataError
from miniapp_server.load_data.history_repository import HistoryWriteError, HistoryWriter
from miniapp_server.settings import Settings
from miniapp_server.terminal import progress
from models.storage.installation import Mode


async def load_data(env: Env, count: int, days: int | None, seed: int) -> None:
    """Generate an invented history and print its number of documents. Raises: CommandError, also
    outside a sandbox."""
    settings = load(env)
    if settings.mode is not Mode.SANDBOX:
        raise CommandError(
            "a generated history may only be written to a sandbox database (SANDBOX=1)"
        )
    try:
        await _generate(env, settings, count, days, seed)
    except (HistoryWriteError, LoadDataError) as error:
        raise CommandError(str(error)) from error


async def _generate(env: Env, settings: Settings, count: int, days: int | None, seed: int) -> None:
    async with application(env) as app:
        with closing(HistoryWriter(settings.mongo_url, settings.database)) as writer:
            began, until = monotonic(), app[REFERENCE].zone.day(app[RESOURCES].clock.now())
            catalog, policy = app[REFERENCE].catalog, app[REFERENCE].policy
            history = HistoryGenerator(
                writer, settings.sealer, app[REFERENCE].zone, catalog, policy
            )
            with progress("load data", "reservations") as report:
                written = await asyncio.to_thread(
                    history.generate,
                    until=until,
                    count=count,
                    first=until - timedelta(days=days) if days is not None else None,
                    seed=seed,
                    report=report,
                )
            seconds = monotonic() - began
    print(", ".join(f"{number:,} {name}" for name, number in written.items()), end="; ")
    print(f"{seconds:,.0f} s, {written['reservations'] / seconds:,.0f} reservations a second")
