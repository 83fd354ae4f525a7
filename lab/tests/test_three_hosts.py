"""docs/deployment.md's recipe of three hosts survives the loss of each, and of a link.

``scripts/three-hosts --short``, a process of its own, because it needs namespaces of its own.
"""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil
import pytest

from lab.three_hosts.play import NAMES
from tests.tools import ROOT, program
from tests.waiting import patience, until

PLAY: Final = (sys.executable, "-m", "lab.three_hosts", "--short")
LIMIT_S: Final = 30


@pytest.fixture(autouse=True)
def programs() -> None:
    for name in ("age", "keepalived", "nginx", "openssl", "valkey"):
        program(name)


def play(folder: Path, *options: str) -> tuple[int, str, dict[str, list[str]]]:
    """The status and the output of a play, and the table's numbers by fault."""
    done = subprocess.run(
        [*PLAY, "--keep", str(folder), *options],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    table = done.stdout.partition("\nfault ")[2].splitlines()[1:]
    rows = [re.split(r" {2,}", line) for line in table]
    return done.returncode, done.stdout, {row[0]: row[1:] for row in rows}


@pytest.mark.timeout(900)
def test_no_acknowledged_booking_is_lost_with_a_host(tmp_path: Path) -> None:
    limit = str(patience(LIMIT_S))
    status, output, rows = play(tmp_path / "hosts", "--limit", limit)
    assert status == 0, output
    for name in NAMES:
        _, bookings, lost, doubles, other, refused_s, _ = rows[name]
        assert (lost, doubles, other) == ("0", "0", "0") and int(bookings) > 0, output
        assert 0 < float(refused_s) <= float(limit)
    # Both were lost with a host, and moved to another one.
    assert "primary" in output and "address" in output
    assert "can be restored" in output and "no double bookings" in output


@pytest.mark.timeout(600)
def test_a_lost_or_doubled_booking_and_a_long_refusal_fail(tmp_path: Path) -> None:
    options = ("--fault", "link", "--plant", "--limit", "0.01")
    status, output, rows = play(tmp_path / "hosts", *options)
    assert status == 1, output
    assert int(rows["all"][1]) >= 1 and int(rows["all"][2]) >= 1, output
    assert "the limit is 0.01 s" in output


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
async def test_nothing_is_left_of_an_interrupted_play(tmp_path: Path, how: signal.Signals) -> None:
    folder = tmp_path / "hosts"
    process = await asyncio.create_subprocess_exec(*PLAY, "--keep", str(folder), cwd=ROOT)
    family: list[psutil.Process] = []

    async def third_booted() -> bool:
        names = Counter[str]()
        family[:] = psutil.Process(process.pid).children(recursive=True)
        for one in family:
            with suppress(psutil.NoSuchProcess):
                names[one.name()] += 1
        return min(names["mongod"], names["nginx"], names["keepalived"]) >= 3

    try:
        await until(third_booted, "three hosts", 60)
    finally:
        process.send_signal(how)
        await process.wait()

    async def gone() -> bool:
        return not any(one.is_running() for one in family)

    await until(gone, "the end of all processes", 20)
