"""The short form of the measurement of many schools: the test checks bookings and output."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from lab.schools.__main__ import CELL, PARTS
from lab.schools.report import table
from tests.waiting import patience

ROOT: Final = Path(__file__).resolve().parents[2]


def measured(*options: str) -> tuple[int, dict[str, Any], str]:
    """The status, the result and the errors of a measurement of three schools."""
    command = [sys.executable, "-m", "lab.schools", "--json", "--short", "--schools", "3"]
    done = subprocess.run(
        [*command, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=patience(230),
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.mark.timeout(240)
def test_no_acknowledged_booking_of_three_schools_is_lost_or_doubled() -> None:
    status, result, errors = measured()
    assert status == 0, errors
    rest, rush, neighbours = (result[part] for part in PARTS)
    assert rest["worker_rss_mb"] > rest["worker_pss_mb"] > 20 and rest["commands"] > 0
    assert rest["by_name"]["find"] > 0 and rest["by_collection"]
    assert rush["answers"]["201"] == rush["acknowledged"] > 0
    assert sum(rush["answers"].values()) >= rush["requests"] == 3 * 12 * 3
    for part in (rush, neighbours):
        assert (part["lost"], part["doubles"], part["errors"]) == (0, 0, 0)
    for name, felt in neighbours["conditions"].items():
        assert min(felt["times"].values()) > 0
        assert felt["rush"]["answers"]["503" if name == CELL else "409"] > 0
    rows = table(result).splitlines()
    assert any("| worker at rest, of a core |" in row for row in rows)
    assert sum(row.startswith("| in another process of the service |") for row in rows) == 1


@pytest.mark.timeout(240)
def test_a_lost_and_a_doubled_booking_fail_the_measurement() -> None:
    status, result, errors = measured("--only", "rush", "--plant")
    assert status == 1
    assert (result["rush"]["lost"], result["rush"]["doubles"]) == (1, 2), "the seat and its reader"
    assert "error: rush: 1 lost\nerror: rush: 2 doubles" in errors
