from __future__ import annotations

from collections.abc import Mapping

Env = Mapping[str, str]
"""The environment from which a command reads its settings."""


class CommandError(Exception):
    """The command failed; the text is one line for the operator, and the exit status is 1."""
