"""``grow``: an invented past, for measurements."""

from __future__ import annotations

import argparse

from miniapp_server.cli.application import application
from miniapp_server.cli.command import CommandError, Commands, Env, add_command
from miniapp_server.growth.grow import GrowthRefused, grown
from miniapp_server.settings import load
from miniapp_server.terminal import progress
from models.store.past import PastRefused


def add_commands(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add ``grow``."""
    growth = add_command(
        commands,
        "grow",
        _grow,
        "Fill an empty sandbox database with years of past reservations, for measurements.",
    )
    growth.add_argument(
        "--scale", type=_positive, required=True, metavar="N", help="about how many reservations"
    )
    growth.add_argument("--seed", type=int, default=1, help="another seed, another past")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


async def _grow(env: Env, args: argparse.Namespace) -> None:
    if not load(env).sandbox:
        raise CommandError(
            "grow writes an invented past: into a sandbox's database only (SANDBOX=1)"
        )
    async with application(env) as parts:
        try:
            with progress("grow", "reservations") as report:
                await grown(parts, args.scale, args.seed, print, report)
        except (GrowthRefused, PastRefused) as error:
            raise CommandError(f"the database is not filled: {error}") from error
