"""How often a page asks the database, by the profiler of MongoDB."""

from __future__ import annotations

import pytest

from tests.api.browsing import Browser
from tests.living import Living


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/", ["reservations"]),
        ("/areas/2f-hall", []),
        ("/areas/2f-hall?seat=2f-hall-020", ["reservations"]),
    ],
)
async def test_a_page_asks_for_all_of_its_reader_at_once(
    service: Living, path: str, asked: list[str]
) -> None:
    reader = await service.web_reader()
    await service.move("13:55")
    stay = await reader.reserve("2f-hall-065")
    await reader.ok("POST", f"/reservations/{stay['id']}/check-in", {"qr": await service.qr()})
    await reader.ok("POST", f"/reservations/{stay['id']}/finish")
    await reader.ok("POST", "/favourites", {"seat_id": "2f-hall-020"})
    browser = Browser(reader)
    await browser.get(path)
    await service.db.command("profile", 2)
    page = await browser.get(path)
    await service.db.command("profile", 0)
    seen = {"ns": {"$regex": r"\.(reservations|favourites|waitlist|violations)$"}}
    reads = await service.db["system.profile"].find(seen).to_list(None)
    own = [read["ns"] for read in reads if str(reader.reader_id) in str(read["command"])]
    assert [name.partition(".")[2] for name in own] == asked
    if path == "/":
        assert "065" in page.body and "020" in page.body
