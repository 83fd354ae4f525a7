from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from miniapp_server.cli.commands.options import EnvFile, File, group, run

commands: Final = group()
Identity = Annotated[
    Path | None,
    typer.Option(metavar="KEYFILE", help="private key of age, for an encrypted backup"),
]


@commands.command()
def init_db(env_file: EnvFile = None) -> None:
    """Create the indexes. Safe to repeat, and while the service runs."""
    from miniapp_server.cli.database import init_db

    run(init_db, env_file)


@commands.command()
def seed(env_file: EnvFile = None) -> None:
    """Write the demo library into a sandbox. Safe to repeat; prints the keys of new kiosks once."""
    from miniapp_server.cli.database import seed

    run(seed, env_file)


@commands.command()
def load_data(
    count: Annotated[int, typer.Option(help="approximate number of reservations")],
    days: Annotated[
        int | None,
        typer.Option(help="number of days before today (default: as many as a full library needs)"),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="seed of the random history; the same seed gives the same history")
    ] = 1,
    env_file: EnvFile = None,
) -> None:
    """Generate a history of reservations. The database must be an empty sandbox."""
    from miniapp_server.cli.history import load_data

    run(lambda env: load_data(env, count, days, seed), env_file)


@commands.command()
def rotate_keys(env_file: EnvFile = None) -> None:
    """Encrypt all personal data with the newest key. The newest key has the highest version in
    ENCRYPTION_KEYS; afterwards the old key can be removed."""
    from miniapp_server.cli.database import rotate_keys

    run(rotate_keys, env_file)


@commands.command()
def backup(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="default: a new file in BACKUP_TO")
    ] = None,
    env_file: EnvFile = None,
) -> None:
    """Write the whole database to a new file. The file is consistent, and the service keeps
    running. Without FILE it is encrypted to BACKUP_RECIPIENTS and goes to BACKUP_TO. Keep
    ENCRYPTION_KEYS elsewhere: the file does not contain them."""
    from miniapp_server.cli.backups import save

    run(lambda env: save(env, file), env_file)


@commands.command()
def restore(
    file: File,
    over: Annotated[
        bool,
        typer.Option(
            "--over",
            help="replace the remains of an interrupted restore; never a whole database",
        ),
    ] = False,
    identity: Identity = None,
    env_file: EnvFile = None,
) -> None:
    """Restore a backup into an empty database. MONGO_DATABASE names the database. Afterwards the
    command looks for double bookings."""
    from miniapp_server.cli.backups import fill

    run(lambda env: fill(env, file, over, identity), env_file)


@commands.command()
def rehearse_restore(identity: Identity = None, env_file: EnvFile = None) -> None:
    """Restore the newest backup on trial. It goes into a scratch database, which has the library's
    name and _rehearsal; the command looks for double bookings there and drops it. The library's
    own database only gets a record of the trial, for the console."""
    from miniapp_server.cli.backups import rehearse

    run(lambda env: rehearse(env, identity), env_file)


@commands.command()
def check_integrity(env_file: EnvFile = None) -> None:
    """Look for double bookings of seats, readers, rooms. Exits with status 1 if there are any."""
    from miniapp_server.cli.database import check_integrity

    run(check_integrity, env_file)


@commands.command()
def library(
    what: Annotated[Literal["export", "import"], typer.Argument()],
    file: File,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="replace the existing library; refused while live bookings would lose their seats",
        ),
    ] = False,
    env_file: EnvFile = None,
) -> None:
    """Export or import a library as a JSON file. The file has profile, venues, plans, rules,
    hours, kiosks, gates, notices, reader groups, pictures and canned answers, but no readers,
    bookings, staff or keys."""
    from miniapp_server.cli.library import carry

    run(lambda env: carry(env, what, file, replace), env_file)


@commands.command()
def rooms(file: File, env_file: EnvFile = None) -> None:
    """Add or replace study rooms from a CSV file."""
    from miniapp_server.cli.library import add_rooms

    run(lambda env: add_rooms(env, file), env_file)
