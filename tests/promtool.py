"""Prometheus's promtool, which checks files and metrics."""

from __future__ import annotations

import subprocess

from tests.tools import program


def promtool(*args: str, stdin: bytes = b"") -> str:
    """The complaints of promtool; empty if there are none."""
    done = subprocess.run(
        [program("promtool"), *args], input=stdin, capture_output=True, check=False
    )
    said = (done.stdout + done.stderr).decode()
    return said if done.returncode else ""
