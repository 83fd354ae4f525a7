"""The forecast on tiles, in the panel and on the hall display: with its error or not at all."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

import pytest

from handlers.http.keys import service_key
from models.forecast.service import FullnessForecast
from models.library.entities import AreaId
from tests.api.browsing import Browser
from tests.api.changes import with_rules
from tests.api.counted_days import remember
from tests.api.display_board import rows
from tests.living import Living

HALL: Final = AreaId("2f-hall")
_EXPECTED: Final = re.compile(r'<span class="expected"[^>]*>(.*?)</span></span>', re.DOTALL)


def expected(page: str) -> list[str]:
    """The forecast in the page's text for screen readers."""
    forecasts = _EXPECTED.findall(page)
    return [re.sub(r"\s+", " ", re.sub("<[^>]*>", "", words)).strip() for words in forecasts]


async def test_the_api_and_the_pages_show_the_same_forecast(service: Living) -> None:
    reader, unbound = await service.reader(), await service.wx_user()
    assert (await reader.ok("GET", "/forecast"))["items"] == []
    await remember(service, 42)
    await service.move("16:08")
    tiles = expected((await Browser(await service.web_reader()).get("/")).body)
    forecasts = (await reader.ok("GET", "/forecast?venue=library"))["items"]
    assert len(forecasts) == len(tiles) == 18
    for one, tile in zip(forecasts, tiles, strict=True):
        assert list(one) == ["area_id", "at", "free", "error"]
        assert tile.startswith(f"17:00 约剩 {one['free']} ±{one['error']}")
    assert (await unbound.ok("GET", "/forecast?venue=library"))["items"] == forecasts
    assert (await reader.ok("GET", "/forecast?venue=none"))["items"] == []
    # In the hour that is chosen; on another day in its fullest one.
    chosen = (await reader.ok("GET", "/forecast?start=20:00&end=21:00"))["items"]
    assert {one["at"] for one in chosen} == {f"{service.today}T20:00:00+08:00"}
    other = (await reader.ok("GET", f"/forecast?date={service.tomorrow}"))["items"]
    assert {one["at"][:10] for one in other} == {service.tomorrow}
    await reader.refused("400 malformed", "GET", "/forecast?start=20:00")
    await reader.refused("422 outside_horizon", "GET", "/forecast?date=2026-12-01")
    await reader.refused("422 in_the_past", "GET", "/forecast?date=2026-09-01")


@pytest.mark.whole
async def test_tiles_panel_and_hall_display_show_the_same_forecast_and_error(
    service: Living,
) -> None:
    await with_rules(service, hall_display=True)
    browser = Browser(await service.web_reader())
    await remember(service, 42)
    await service.move("16:08")
    tiles = expected((await browser.get("/")).body)
    assert len(tiles) == 18
    assert "17:00 约剩 34 ±1，误差正负 1 个" in tiles, "half of 68 seats"
    (plan,) = expected((await browser.get("/areas/2f-hall")).body)
    assert plan == "17:00 约剩 34 ±1，误差正负 1 个"
    # The hour that is chosen; another day's fullest one; none that is not open to its end.
    (chosen,) = expected((await browser.get("/areas/2f-hall?seat=2f-hall-065&begin=20:00")).body)
    assert chosen.startswith("20:00 约剩 34")
    assert expected((await browser.get("/areas/2f-hall?seat=2f-hall-065&begin=22:00")).body) == []
    for odd in ("9:00", "9x", "99:00", "%C2%B20", "never"):
        answer = await browser.get(f"/areas/2f-hall?begin={odd}")
        assert answer.status == 200, odd
    tomorrow = expected((await browser.get(f"/?date={service.tomorrow}")).body)
    assert len(tomorrow) == 18 and all(one.startswith("最满 07:00 约剩") for one in tomorrow)
    now, later = (await rows(service))["二层中厅"]
    assert later == "约 34 ±1" and int(now) > 34


@pytest.mark.whole
async def test_the_forecast_never_exceeds_the_unbooked_seats(service: Living) -> None:
    await with_rules(service, hall_display=True)
    await remember(service, 42, share=0.01)
    await service.move("16:08")
    browser = Browser(await service.web_reader())
    (before,) = expected((await browser.get("/areas/2f-hall")).body)
    free = int((await rows(service))["二层中厅"][0])
    assert before.startswith("17:00 约剩 67 ")
    for n in range(61, 66):
        reader = await service.reader()
        await reader.reserve(f"2f-hall-{n:03}", "17:00", "18:00")
    await service.move(timedelta(seconds=6))  # counted every five seconds
    (after,) = expected((await browser.get("/areas/2f-hall")).body)
    assert after.startswith(f"17:00 约剩 {free - 5} ")


@pytest.mark.whole
async def test_the_fullest_hour_is_the_one_with_the_fewest_seats_left(service: Living) -> None:
    """Bookings count too, since the forecast is based on past days only."""
    await remember(service, 42, share=0.05)
    browser = Browser(await service.web_reader())
    tomorrow = f"/areas/2f-hall?date={service.tomorrow}"
    (before,) = expected((await browser.get(tomorrow)).body)
    assert before.startswith("最满 07:00 约剩 65 ")
    readers = [await service.reader() for _ in range(8)]
    for n, reader in enumerate(readers, start=10):
        made = {"seat_id": f"2f-hall-{n:03}", "date": service.tomorrow}
        await reader.ok("POST", "/reservations", made | {"start": "14:00", "end": "15:00"})
    await service.move(timedelta(seconds=6))
    (after,) = expected((await browser.get(tomorrow)).body)
    assert after.startswith("最满 14:00 约剩 60 ")


async def test_no_forecast_is_shown_under_four_weeks_of_statistics(
    service: Living,
) -> None:
    await with_rules(service, hall_display=True)
    browser = Browser(await service.web_reader())
    await remember(service, 27)
    for path in ("/", "/areas/2f-hall"):
        page = (await browser.get(path)).body
        assert expected(page) == [] and "±" not in page
    assert "约" not in (await rows(service))["二层中厅"][1]
    await remember(service, 28)  # what is counted is looked at once a minute
    service.app[service_key(FullnessForecast)]._made_of = ()
    await service.app[service_key(FullnessForecast)].refresh(service.clock.now())
    assert len(expected((await browser.get("/")).body)) == 18
