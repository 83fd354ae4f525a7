"""What can be typed after ``seats``: each command with its options and its help.

A command imports what it does when it runs, so that ``--help`` and the shell's completion, which
start this program anew each time, answer at once.
"""

from __future__ import annotations

from typing import Annotated, Final

import typer

from miniapp_server.cli.commands import database, devices, readers, service
from miniapp_server.cli.commands.options import group

seats: Final = group("Seat reservation for a library: web pages, a mini-program, kiosks and gates.")
for part in (service, database, readers, devices):
    seats.add_typer(part.commands)


def _print_version(wanted: bool) -> None:
    if wanted:
        from miniapp_server.version import VERSION

        print(VERSION)
        raise typer.Exit


@seats.callback(
    epilog="Settings come from the environment: check-config shows and judges them, and "
    "docs/operations.md of the source says what each means."
)
def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="the release")
    ] = False,
) -> None:
    pass
