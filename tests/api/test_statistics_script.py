"""The statistics script of examples/, with and without a token."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from models.identity.api_tokens import Scope
from tests.api.api_tokens import program
from tests.living import Living

SCRIPT: Final = Path(__file__).parents[2] / "examples" / "statistics" / "report.py"


async def run(service: Living, token: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", str(SCRIPT)),
        env={"SEATS_URL": service.base, "SEATS_TOKEN": token},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, wrong = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode(), wrong.decode()


@pytest.mark.whole
async def test_the_script_prints_how_full_each_area_was(service: Living) -> None:
    analyst, reader = await program(service, Scope.STATISTICS_READ), await service.reader()
    made = await reader.reserve("2f-hall-001", "09:00", "11:00")
    await service.move("09:00")
    scanned = {"qr": await service.qr()}
    await reader.ok("POST", f"/reservations/{made['id']}/check-in", scanned)
    await service.move(timedelta(hours=16))
    code, said, wrong = await run(service, analyst.token)
    first, head, *areas = said.splitlines()
    assert (code, wrong) == (0, "") and first == "2026-08-09 – 2026-09-07", wrong
    assert head.split("\t") == ["venue", "area", "full", "busiest", "booked"]
    assert areas[0].split("\t")[1::2] == ["二层中厅", "09:00"] and areas[0].endswith("\t1")
    venues = ["图书馆"] * 18 + ["Juridicum"] * 2
    assert [line.partition("\t")[0] for line in areas] == venues
    assert len(areas) == len(service.inside.reference.catalog.areas)
    # What goes wrong is said in one line.
    other = await program(service, Scope.CATALOG_READ)
    for token, words in ((other.token, "403"), ("seats_x", "401"), ("", "set SEATS_URL")):
        code, said, wrong = await run(service, token)
        assert code != 0 and said == "" and words in wrong and len(wrong.splitlines()) == 1
