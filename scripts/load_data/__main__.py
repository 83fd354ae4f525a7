"""python -m scripts.load_data: fills an empty sandbox database with a history (docs/load-data.md).

It reads the same environment variables as the service.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import closing
from datetime import timedelta
from time import monotonic
from typing import Final

from handlers.http.keys import REFERENCE
from miniapp_server.app import RESOURCES
from miniapp_server.cli.application import application
from miniapp_server.settings import SettingsError, load
from miniapp_server.terminal import progress
from models.kernel.errors import ServiceUnavailable
from models.kernel.time_range import local_date
from models.storage.connectivity import MongoUnusable
from models.storage.installation import DatabaseRefused
from scripts.load_data.generate import LoadDataError, generate
from scripts.load_data.history_writer import HistoryWriteError, HistoryWriter

_EXPECTED_ERRORS: Final = (DatabaseRefused, HistoryWriteError, LoadDataError, SettingsError)


async def load_data(env: Mapping[str, str], count: int, days: int | None, seed: int) -> None:
    """Generate the history and print what was written.

    Raises: LoadDataError, also where the settings are those of a production; HistoryWriteError,
    SettingsError, DatabaseRefused, ServiceUnavailable.
    """
    settings = load(env)
    if not settings.sandbox:
        raise LoadDataError("an invented history belongs into a sandbox database (SANDBOX=1)")
    async with application(env) as app:
        with closing(HistoryWriter(settings.mongo_url, settings.database)) as writer:
            began, until = monotonic(), local_date(app[RESOURCES].clock.now())
            with progress("load data", "reservations") as report:
                written = await asyncio.to_thread(
                    generate,
                    *(writer, settings.sealer, app[REFERENCE].catalog, app[REFERENCE].policy),
                    until=until,
                    count=count,
                    first=until - timedelta(days=days) if days is not None else None,
                    seed=seed,
                    report=report,
                )
            seconds = monotonic() - began
    print(", ".join(f"{number:,} {name}" for name, number in written.items()), end="; ")
    print(f"{seconds:,.0f} s, {written['reservations'] / seconds:,.0f} reservations a second")


def main() -> int:
    """Run the command. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m scripts.load_data", description=__doc__)
    parser.add_argument("--count", type=int, required=True, help="about how many reservations")
    parser.add_argument(
        "--days", type=int, help="on how many days (default: as many as fill the library)"
    )
    parser.add_argument("--seed", type=int, default=1, help="another seed, another history")
    args = parser.parse_args()
    try:
        asyncio.run(load_data(os.environ, args.count, args.days, args.seed))
    except _EXPECTED_ERRORS as error:
        print(f"load_data: {error}", file=sys.stderr)
        return 1
    except ServiceUnavailable as error:
        line = error.line if isinstance(error, MongoUnusable) else "MongoDB does not answer"
        print(f"load_data: {line}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
