from __future__ import annotations

from typing import Annotated, Final, Literal

import typer

from miniapp_server.cli.commands.options import EnvFile, File, group, run

commands: Final = group()


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
def backup(file: File, env_file: EnvFile = None) -> None:
    """Write the whole database to a new file. The file is consistent, and the service keeps
    running. Keep ENCRYPTION_KEYS elsewhere: the file does not contain them."""
    from miniapp_server.cli.database import save

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
    env_file: EnvFile = None,
) -> None:
    """Restore a backup into an empty database. MONGO_DATABASE names the database. Afterwards the
    command looks for double bookings."""
    from miniapp_server.cli.database import fill

    run(lambda env: fill(env, file, over), env_file)


@commands.command()
def check_integrity(env_file: EnvFile = None) -> None:
    """Look for double bookings of seats and readers. Exits with status 1 if there are any."""
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
