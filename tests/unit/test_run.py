"""The command that runs the tests: it ends hanging phases, leaves no process, and names missing
programs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests import tools
from tests.run import named
from tests.tools import ToolMissing, install
from tests.waiting import patience

_RUN: str = """
import sys
from tests.run import Phase, Run
hangs = "sleep 987 & setsid sleep 987 & echo $! ; exec sleep 987"
with Run(1.0) as run:
    passed = [run.run(Phase(*phase)) for phase in (
        ("hangs", ("sh", "-c", hangs), 0.02),
        ("leaves one", ("sh", "-c", "(setsid sleep 987 &); exit 0"), 1),
        ("fails", ("sh", "-c", "exit 3"), 1),
    )]
    print(passed, run.summary())
"""


def test_a_hanging_phase_is_ended_with_its_child_processes() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _RUN],
        cwd=tools.ROOT,
        capture_output=True,
        text=True,
        timeout=patience(60),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "== hangs begins" in done.stdout and "== hangs had not ended" in done.stdout
    assert "== leaves one passed" in done.stdout and "== fails failed (status 3)" in done.stdout
    assert "[False, True, False] == failed: hangs, fails in" in done.stdout, done.stdout
    left = [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", "987"]]
    assert left == []


def test_a_test_name_selects_files_and_folders_that_contain_the_word() -> None:
    assert {"tests/api/test_gates.py", "tests/race/test_gates.py"} <= {*named("gates")}
    assert "tests/unit/test_gates_replay.py" in named("gates") and "tests/unit" in named("unit")
    with pytest.raises(LookupError, match=r"no tests have the name nothing\. There are:\n.*gates"):
        named("nothing")


def test_a_missing_program_is_reported_with_its_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(tools.INSTALLS, raising=False)
    missing = {"wrk": (str(tmp_path / "wrk"), "wrk"), "npm": ("no-such-npm", "npm")}
    monkeypatch.setattr(tools, "PROGRAMS", {**tools.PROGRAMS, **missing})
    with pytest.raises(ToolMissing, match=r"Debian: apt-get install wrk npm"):
        install(["wrk", "npm", "node"])
