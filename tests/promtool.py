"""Prometheus's own tool judges files and answers."""

from __future__ import annotations

import subprocess


def promtool(*args: str, stdin: bytes = b"") -> str:
    """The tool says what is wrong, and nothing where nothing is."""
    done = subprocess.run(["promtool", *args], input=stdin, capture_output=True, check=False)
    said = (done.stdout + done.stderr).decode()
    return said if done.returncode else ""
