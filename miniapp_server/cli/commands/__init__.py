"""The commands of ``seats`` with their options and help texts.

A command imports its code when it runs. ``--help`` and shell completion start the program anew each
time, and without these imports they respond quickly.
"""

from __future__ import annotations

from typing import Annotated, Final

import typer

from miniapp_server.cli.commands import database, devices, readers, schools, service
from miniapp_server.cli.commands.options import group

seats: Final = group("Seat reservation for a library: web pages, a mini-program, kiosks and gates.")
for part in (service, schools, database, readers, devices):
    seats.add_typer(part.commands)


def _print_version(requested: bool) -> None:
    if requested:
        from miniapp_server.version import VERSION

        print(VERSION)
        raise typer.Exit


@seats.callback(
    epilog="Settings come from environment variables: check-config prints and checks them, and "
    "docs/operations.md explains each one."
)
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="print the version and exit"
        ),
    ] = False,
) -> None:
    pass
