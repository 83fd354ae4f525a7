from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from miniapp_server.cli.commands.options import EnvFile, File, SchoolsOption, group, run

_MOST_WORKERS: Final = 64
JOBS: Final = (
    *("heartbeat", "outages", "score_kiosk_scans", "beat", "gates", "no_show", "expire_offers"),
    *("end_parties", "rooms", "fail_presence_checks", "expire_leaves", "complete"),
    *("carry_over", "offer_free_seats", "send_reminders", "season_news"),
    *("season_days", "season_use"),
    *("dispatch_outbox", "deliver_wechat", "deliver_email", "deliver_wecom", "deliver_webhooks"),
    *("expire_unused", "staff_alerts", "check_texts", "prune", "commit_draws"),
    "aggregate_statistics",
    *("forecast", "migrate", "refresh", "note_load", "measure_queues"),
)
"""Names of all jobs, for help and completion, which must not load the service's code. The
settings decide which of these jobs exist."""

Workers = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=1,
        max=_MOST_WORKERS,
        help="worker processes on the port, restarted by a supervisor (1: no supervisor)",
    ),
]
commands: Final = group()


@commands.command()
def demo(
    lan: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            show_default=False,
            help="private address of this machine to listen on instead of 127.0.0.1, so that "
            "others on its network can try the demo; every page says that it is a sandbox",
        ),
    ] = "",
    workers: Workers = 1,
    env_file: EnvFile = None,
) -> None:
    """Serve the demo library in a sandbox, to try it. The demo listens on PORT (default: 8080).

    Private databases keep their data in DATA_DIR (default: var/ in the present folder). To use your
    own servers instead, set both MONGO_URL (a replica set) and REDIS_URL. DEMO=empty leaves out the
    invented readers and their six weeks of bookings."""
    from miniapp_server.cli.serving import demo

    run(lambda env: demo(env, workers, lan), env_file)


@commands.command()
def serve(workers: Workers = 1, schools: SchoolsOption = None, env_file: EnvFile = None) -> None:
    """Serve a library until SIGTERM. MONGO_URL names a replica set, REDIS_URL a Redis or Valkey.

    With --schools each worker serves many libraries, by the host of their PUBLIC_BASE_URL; a SIGHUP
    reads the folder again."""
    from miniapp_server.cli.serving import serve, serve_schools

    if schools is None:
        run(lambda env: serve(env, workers), env_file)
    else:
        run(lambda env: serve_schools(env, workers, schools), env_file)


@commands.command(hidden=True)
def worker(
    owner: Annotated[str, typer.Option()],
    lan: str = "",
    schools: SchoolsOption = None,
    port: int = 0,
) -> None:
    """Run one of several workers on a port; the supervisor of serve --workers N starts it."""
    from miniapp_server.cli.serving import school_worker, worker

    if schools is None:
        run(lambda env: worker(env, owner, lan))
    else:
        run(lambda env: school_worker(env, owner, schools, port))


@commands.command()
def demo_walkthrough(
    url: Annotated[
        str,
        typer.Option(
            help="URL of a running demo (default: start a private one)", show_default=False
        ),
    ] = "",
) -> None:
    """Book and use a seat in a demo, step by step. Each step and each message is printed."""
    from miniapp_server.cli.serving import walkthrough

    run(lambda _: walkthrough(url), None)


@commands.command()
def check_config(
    connect: Annotated[
        bool,
        typer.Option(
            "--connect",
            help="also connect to MongoDB, Redis, the sign-ons, WeChat and the mail server, with "
            "their credentials",
        ),
    ] = False,
    env_file: EnvFile = None,
) -> None:
    """Check the settings and print them without secrets. Exits with status 1 if any is wrong."""
    from miniapp_server.cli.check_config import check_config

    run(lambda env: check_config(env, connect), env_file)


@commands.command()
def job(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            autocompletion=lambda: list(JOBS),
            help=f"{', '.join(JOBS[:-1])} or {JOBS[-1]}",
        ),
    ],
    env_file: EnvFile = None,
) -> None:
    """Run a background job once."""
    from miniapp_server.cli.jobs import job

    run(lambda env: job(env, name), env_file)


@commands.command()
def verify_draw(file: File) -> None:
    """Verify the draw of an opening or of a season.

    The file is one of the page /draws; docs/draw.md says how it is calculated. No database is
    needed. Exits with status 1 if the draw has faults."""
    from miniapp_server.cli.command import CommandError
    from miniapp_server.cli.draws import verify_draw

    try:
        print(verify_draw(file))
    except CommandError as error:
        print(f"seats: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
