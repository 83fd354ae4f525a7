from __future__ import annotations

from collections.abc import Mapping

Env = Mapping[str, str]


class CommandError(Exception):
    """The command failed; the text is one line for the operator, and the exit status is 1."""
