"""The command line: serve, demo, and what an operator needs."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Final

import uvloop

from miniapp_server.cli import (
    check_config,
    database,
    feedback,
    gates,
    jobs,
    library,
    readers,
    serve,
    wechat,
)
from miniapp_server.cli.command import CommandError, Env
from miniapp_server.embedded_databases import EmbeddedError
from miniapp_server.seed import SeedError
from miniapp_server.server import ServingError
from miniapp_server.settings import SettingsError
from miniapp_server.settings.env_file import read_env_file
from miniapp_server.supervisor import WorkerFailed
from miniapp_server.walkthrough import WalkthroughFailed
from models.kernel.errors import DomainError, InvalidRequest, ServiceUnavailable
from models.storage.connectivity import MongoUnusable
from models.storage.installation import DatabaseRefused

_EXPECTED_ERRORS: Final = (
    *(SettingsError, EmbeddedError, CommandError, ServingError),
    *(SeedError, WalkthroughFailed, DatabaseRefused),
)
"""Errors whose text is what an operator reads: one line, or one for each fault."""

_RENAMED: Final = {
    "questions": "feedback list",
    "answer": "feedback reply",
    "grow": "python -m scripts.load_data",
    "sweep": "check-integrity",
    "tour": "demo-walkthrough",
}
"""Commands of before, and what they are called now."""


def main(argv: list[str] | None = None) -> int:
    """Run a command. Returns the exit status."""
    try:
        args = _parse(sys.argv[1:] if argv is None else argv)
        uvloop.run(args.run(_environment(args), args))
    except _EXPECTED_ERRORS as error:
        for line in str(error).splitlines():
            print(f"miniapp_server: {line}", file=sys.stderr)
        return 1
    except DomainError as error:
        print(f"miniapp_server: {_line_of(error)}", file=sys.stderr)
        return 1
    except WorkerFailed:
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _line_of(error: DomainError) -> str:
    """What an operator reads about an error of the service."""
    if isinstance(error, MongoUnusable):
        return error.line
    if isinstance(error, ServiceUnavailable):
        return "MongoDB does not answer"
    if isinstance(error, InvalidRequest):
        return "{field}: {reason}".format_map(error.details)
    return error.code


def _parse(argv: list[str]) -> argparse.Namespace:
    """The command and its options. Raises: CommandError for a command that has another name now."""
    if argv and argv[0] in _RENAMED:
        raise CommandError(f"{argv[0]} is called {_RENAMED[argv[0]]} now")
    return _parser().parse_args(argv)


def _environment(args: argparse.Namespace) -> Env:
    """This process's environment, below the file of ``--env-file``. Raises: CommandError."""
    if getattr(args, "env_file", None) is None:
        return os.environ
    try:
        return {**os.environ, **read_env_file(args.env_file)}
    except OSError as error:
        raise CommandError(f"--env-file {args.env_file}: {error.strerror}") from error
    except ValueError as error:
        raise CommandError(f"--env-file: {error}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m miniapp_server",
        description="Seat reservation for a library: web pages, a mini-program, kiosks and gates.",
        epilog="Settings come from the environment; docs/operations.md lists them.",
    )
    parser.add_argument("--version", action="version", version=serve.VERSION)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for part in (
        *(serve, check_config, database, library, jobs),
        *(readers, feedback, gates, wechat),
    ):
        part.add_commands(commands)
    return parser
