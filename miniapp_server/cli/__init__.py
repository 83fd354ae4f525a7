from __future__ import annotations

import sys
from typing import Final

from miniapp_server.cli.commands import seats

_RENAMED: Final = {
    "questions": "feedback list",
    "answer": "feedback reply",
    "grow": "load-data",
    "sweep": "check-integrity",
    "tour": "demo-walkthrough",
}
"""Former names of commands, each with its present name."""


def main() -> None:
    """Run the typed command, and exit with its status."""
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    if word in _RENAMED:
        print(f"seats: {word} was renamed: use {_RENAMED[word]}", file=sys.stderr)
        raise SystemExit(1)
    seats(prog_name="seats")
