from __future__ import annotations

import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import uvloop

from miniapp_server.cli.command import CommandError, Env
from miniapp_server.embedded_databases import EmbeddedError
from miniapp_server.fault_lines import fault_line
from miniapp_server.listener import ServingError
from miniapp_server.seed import SeedError
from miniapp_server.settings import SettingsError
from miniapp_server.settings.env_file import read_env_file
from miniapp_server.settings.misspelt import SettingsFile
from miniapp_server.supervisor import WorkerFailed
from miniapp_server.walkthrough import WalkthroughFailed
from models.kernel.errors import DomainError
from models.storage.installation import DatabaseRefused

_EXPECTED_ERRORS: Final = (
    *(SettingsError, EmbeddedError, CommandError, ServingError),
    *(SeedError, WalkthroughFailed, DatabaseRefused),
)
"""Errors whose text is printed for the operator: one line, or one line for each fault."""

_OF_OPENSSL: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def run(command: Callable[[Env], Coroutine[Any, Any, None]], env_file: Path | None) -> int:
    """Run the command; print errors meant for the operator instead of a traceback. The variables
    in ``env_file`` override this process's. Returns the exit status."""
    try:
        uvloop.run(command(_environment(env_file)))
    except _EXPECTED_ERRORS as error:
        for line in str(error).splitlines():
            print(f"seats: {line}", file=sys.stderr)
        return 1
    except DomainError as error:
        print(f"seats: {fault_line(error)}", file=sys.stderr)
        return 1
    except WorkerFailed:
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _environment(file: Path | None) -> Env:
    """The command's environment: this process's variables, overridden by those in ``file``.
    Raises: CommandError."""
    if file is None:
        return os.environ
    try:
        env = read_env_file(file)
        of_openssl = {name: env[name] for name in _OF_OPENSSL if name in env}
        if any(os.environ.get(name) != value for name, value in of_openssl.items()):
            # OpenSSL reads these variables only when a process starts.
            os.environ.update(of_openssl)
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
        return SettingsFile(dict(env), os.environ)
    except OSError as error:
        raise CommandError(f"--env-file {file}: {error.strerror}") from error
    except ValueError as error:
        raise CommandError(f"--env-file: {error}") from error
