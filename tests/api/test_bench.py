"""The benchmark's short form: it judges what was booked, never the time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_short_form_finds_no_errors_and_no_doubles() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.benchmark", "--json", "--seconds", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown.keys() == {"runs", "doubles"} and shown["doubles"] == 0
    assert list(shown["runs"]) == ["hello", "reserve", "contended", "areas", "plan"]
    for name, run in shown["runs"].items():
        assert run.keys() == {"rps", "ratio", "p50_ms", "p99_ms", "errors"}, name
        assert run["errors"] == 0 and run["rps"] > 0, name
    assert shown["runs"]["hello"]["ratio"] == 1
