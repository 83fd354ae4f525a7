"""What every command is made of: its place in the parser, its environment, its error."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

Env = Mapping[str, str]
"""The environment that a command reads its settings from."""

Commands = argparse._SubParsersAction
"""Where commands are added; argparse has no public name for it."""


class CommandError(Exception):
    """The command cannot be done; its text is one line for the operator, and the status is 1."""


def add_command(
    commands: Commands[argparse.ArgumentParser],
    name: str,
    run: Callable[[Env, argparse.Namespace], Awaitable[None]],
    help: str,
) -> argparse.ArgumentParser:
    """Add a command that ``run`` does. Returns its parser, for more options."""
    command: argparse.ArgumentParser = commands.add_parser(name, help=help, description=help)
    command.set_defaults(run=run)
    command.add_argument(
        "--env-file",
        type=Path,
        metavar="FILE",
        help="more variables, from a file as systemd's EnvironmentFile= reads it",
    )
    return command
