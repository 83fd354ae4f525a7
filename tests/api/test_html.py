"""The readers' pages in each of their states under html-validate."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Final

from tests.api.browsing import Browser
from tests.api.known_reader import apply_for_season
from tests.living import Living
from tests.tools import npm_folder

LINTERS: Final = Path(__file__).parents[1] / "linters"


async def test_readers_pages_are_valid_html(service: Living, tmp_path: Path) -> None:
    reader = await service.web_reader()
    booked = await reader.reserve(start="09:00", end="11:00")
    season = await apply_for_season(service, reader)
    signed_in, stranger = Browser(reader), service.stranger()
    paths = [
        "/", "/?start=18:00&end=20:00", "/?start=09:00&end=22:00", f"/?date={service.tomorrow}",
        "/areas/2f-hall", "/areas/2f-hall?seat=2f-hall-010", "/areas/2f-hall?seat=2f-hall-065",
        "/reservations", "/reservations/violations", "/reservations/gates",
        f"/reservations/{booked['id']}", f"/reservations/{booked['id']}/cancel",
        f"/reservations/{booked['id']}/report", "/activation", "/check-in", "/me", "/me/devices",
        "/me/data", "/me/erase", "/me/calendar",
        "/notices", "/rules", "/contact", "/privacy", "/logout", "/about/proof",
        "/seats/2f-hall-010/fault", "/areas/nowhere", "/draws", "/seasons", f"/seasons/{season.id}",
    ]  # fmt: skip
    pages, report = tmp_path / "pages", tmp_path / "report.json"
    pages.mkdir()
    for n, path in enumerate(paths):
        (pages / f"{n:02}.html").write_text((await signed_in.get(path)).body)
    for n, path in enumerate(("//", "//sandbox/cas/login?service=x", "//privacy")):
        (pages / f"out-{n}.html").write_text((await stranger.get(path)).body)
    linter = await asyncio.create_subprocess_exec(
        npm_folder("tests/linters") / "node_modules/.bin/html-validate",
        *("--config", LINTERS / "htmlvalidate.json", "--formatter", f"json={report}", pages),
    )
    await linter.wait()
    problems = {
        f"{paths[int(stem)] if (stem := Path(file['filePath']).stem).isdigit() else stem}: "
        f"{said['ruleId']}: {said['message']} {said.get('selector')}"
        for file in json.loads(report.read_text())
        for said in file["messages"]
    }
    assert problems == set()
