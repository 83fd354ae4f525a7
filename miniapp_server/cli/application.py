"""Code that commands share: opening the service or its database alone, and reading CSV files."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from miniapp_server.app import open_application
from miniapp_server.cli.command import CommandError, Env
from miniapp_server.cli.settings import load
from miniapp_server.clock import Clock
from miniapp_server.logging_config import configure_logs
from miniapp_server.settings import Settings
from models.storage.connectivity import require_mongo
from models.storage.mongo import Database, open_database


@contextlib.asynccontextmanager
async def application(env: Env) -> AsyncIterator[web.Application]:
    """Opens the service without HTTP and jobs, with the settings in ``env``. Raises:
    SettingsError, DatabaseRefused, MongoUnusable."""
    async with application_with(load(env)) as app:
        yield app


@contextlib.asynccontextmanager
async def application_with(settings: Settings) -> AsyncIterator[web.Application]:
    """Opens the service without HTTP and jobs. Raises: DatabaseRefused, MongoUnusable."""
    configure_logs(settings.log_level)
    async with open_application(settings, Clock()) as app:
        yield app


@contextlib.asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Database]:
    """Opens the database alone, even if another installation owns it. Raises: MongoUnusable."""
    configure_logs(settings.log_level)
    async with open_database(settings.mongo_url, settings.database) as db:
        await require_mongo(db, settings.mongo_url)
        yield db


def csv_rows(file: Path, columns: set[str]) -> list[dict[str, str]]:
    """The rows of a CSV file, each by column name. Raises: CommandError if the file is
    unreadable or lacks one of the ``columns``."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as source:
            reader = csv.DictReader(source)
            rows = [dict(row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"cannot read {file}: {error}") from error
    if missing := columns - set(reader.fieldnames or ()):
        raise CommandError(f"{file} has no column {', '.join(sorted(missing))}")
    return rows
