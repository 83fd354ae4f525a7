"""What every command is made of: its environment and its error."""

from __future__ import annotations

from collections.abc import Mapping

Env = Mapping[str, str]
"""The environment that a command reads its settings from."""


class CommandError(Exception):
    """The command cannot be done; its text is one line for the operator, and the status is 1."""
