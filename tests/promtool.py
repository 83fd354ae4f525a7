"""Prometheus's own tool judges files and answers."""

from __future__ import annotations

import subprocess

from tests.tools import program


def promtool(*args: str, stdin: bytes = b"") -> str:
    """The tool says what is wrong, and nothing where nothing is."""
    done = subprocess.run(
        [program("promtool"), *args], input=stdin, capture_output=True, check=False
    )
    said = (done.stdout + done.stderr).decode()
    return said if done.returncode else ""
