from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from miniapp_server.cli.command import Env

EnvFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="file with further variables, in the format of systemd's EnvironmentFile=",
    ),
]
SchoolsOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="folder with a file of settings for each of many libraries"),
]
File = Annotated[Path, typer.Argument(metavar="FILE")]


def run(command: Callable[[Env], Coroutine[Any, Any, None]], env_file: Path | None = None) -> None:
    """Run the command and exit with its status."""
    from miniapp_server.cli.running import run

    raise typer.Exit(run(command, env_file))


def group(help: str | None = None) -> typer.Typer:
    """A group of commands with plain help texts."""
    return typer.Typer(
        help=help,
        rich_markup_mode=None,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
