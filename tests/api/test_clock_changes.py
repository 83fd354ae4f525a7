"""A library in Berlin on both of its odd days; a host whose rules of the time zone are not those of
the others."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final

import pytest

from miniapp_server.keys import ZONE_CHECK
from models.profile.zone_rules_repository import ZoneRulesRepository
from models.profile.zones import zone_of
from models.storage.installation import ABOUT
from tests.api.berlin import in_berlin
from tests.api.browsing import Browser
from tests.living import SEAT, Client, Living

OTHER: Final = "2f-hall-066"


async def goes_on(service: Living, to: str) -> None:
    """Moves the clock to the local time, by minutes, with all due jobs."""
    instant = datetime.fromisoformat(to)
    while (now := service.clock.now()) < instant:
        await service.leap(min(instant, now + timedelta(minutes=20)))
        await service.settle()


async def checks_in(service: Living, reader: Client, id: str) -> Any:
    return await reader.ok("POST", f"/reservations/{id}/check-in", {"qr": await service.qr()})


def wish(date: str, start: str, end: str, seat: str = SEAT) -> dict[str, str]:
    return {"seat_id": seat, "date": date, "start": start, "end": end}


async def unpunished(service: Living, *readers: Client) -> None:
    for reader in readers:
        assert (await reader.ok("GET", "/violations"))["items"] == []
    assert await service.inside.stored.reservations.find_double_bookings() == []


@pytest.mark.whole
async def test_a_stay_over_the_left_out_hour(mongo_url: str, redis_url: str) -> None:
    day = "2026-03-29"
    async with in_berlin(mongo_url, redis_url, "2026-03-28T20:00+01:00") as service:
        reader, other = await service.reader(), await service.reader()
        left_out = await reader.refused(
            "422 off_grid", "POST", "/reservations", wish(day, "02:30", "04:00")
        )
        assert left_out.details["left_out"] == "02:30"
        assert "02:30" in left_out.body["error"]["message"]
        times = f"/seats/{SEAT}/times?date={day}"
        starts = [one["value"] for one in (await reader.ok("GET", times))["starts"]]
        assert starts[:5] == ["00:00", "00:30", "01:00", "01:30", "03:00"]
        ends = (await reader.ok("GET", f"{times}&start=01:00"))["ends"]
        assert [end["value"] for end in ends][:3] == ["01:30", "03:00", "03:30"]
        made = await reader.reserve(SEAT, "01:00", "04:00", day)
        assert (made["date"], made["start"][11:], made["end"][11:]) == (
            day,
            "01:00:00+01:00",
            "04:00:00+02:00",
        )
        await other.refused("409 seat_taken", "POST", "/reservations", wish(day, "03:00", "05:00"))
        later = await other.reserve(SEAT, "04:00", "05:00", day)
        await goes_on(service, "2026-03-29T00:50+01:00")
        await checks_in(service, reader, made["id"])
        await goes_on(service, "2026-03-29T01:45+01:00")
        left = await reader.ok("POST", f"/reservations/{made['id']}/leave")
        assert left["return_by"][11:16] == "03:15", "half an hour later"
        page = await Browser(await service.web_reader(reader)).get("/reservations")
        assert page.status == 200 and "01:00" in page.body and "04:00" in page.body
        await goes_on(service, "2026-03-29T03:10+02:00")
        code = {"qr": await service.qr()}
        await reader.ok("POST", f"/reservations/{made['id']}/return", code)
        await goes_on(service, "2026-03-29T04:10+02:00")
        await checks_in(service, other, later["id"])
        assert (await reader.ok("GET", f"/reservations/{made['id']}"))["state"] == "completed"
        await unpunished(service, reader, other)
        await goes_on(service, "2026-03-30T00:30+02:00")
        (counted,) = [
            one
            for one in await service.inside.stored.daily_statistics.between(
                date(2026, 3, 29), date(2026, 3, 29)
            )
            if one.area_id == "2f-hall"
        ]
        assert counted.open_minutes == counted.seats * 23 * 60 and counted.used[2] == 0
        assert sum(counted.used[:4]) >= 110


@pytest.mark.whole
async def test_a_stay_over_the_doubled_hour(mongo_url: str, redis_url: str) -> None:
    day = "2026-10-25"
    async with in_berlin(mongo_url, redis_url, "2026-10-24T20:00+02:00") as service:
        reader, other, third = [await service.reader() for _ in range(3)]
        made = await reader.reserve(SEAT, "01:00", "03:00", day)
        assert (made["start"][11:], made["end"][11:]) == ("01:00:00+02:00", "03:00:00+01:00")
        for start, end in (("02:00", "02:30"), ("02:30", "03:30")):
            wanted = wish(day, start, end)
            await other.refused("409 seat_taken", "POST", "/reservations", wanted)
        first = await other.reserve(OTHER, "02:00", "02:30", day)
        assert (first["start"][11:], first["end"][11:]) == ("02:00:00+02:00", "02:30:00+02:00")
        await goes_on(service, "2026-10-25T00:55+02:00")
        await checks_in(service, reader, made["id"])
        await goes_on(service, "2026-10-25T02:05+02:00")
        await checks_in(service, other, first["id"])
        await goes_on(service, "2026-10-25T02:10+01:00")
        assert (await other.ok("GET", f"/reservations/{first['id']}"))["state"] == "completed"
        # In the second pass: now begins there, a chosen 02:30 was an hour ago.
        await third.refused(
            "422 in_the_past", "POST", "/reservations", wish(day, "02:30", "04:00", OTHER)
        )
        now = await third.reserve(OTHER, "now", "03:00", day)
        assert (now["start"][11:], now["end"][11:]) == ("02:10:00+01:00", "03:00:00+01:00")
        await checks_in(service, third, now["id"])
        assert (await reader.ok("GET", f"/reservations/{made['id']}"))["state"] == "in_use"
        await goes_on(service, "2026-10-25T03:05+01:00")
        for who, r in ((reader, made), (third, now)):
            assert (await who.ok("GET", f"/reservations/{r['id']}"))["state"] == "completed"
        await unpunished(service, reader, other, third)
        page = await Browser(await service.web_reader(third)).get("/reservations")
        assert page.status == 200 and "02:10" in page.body


async def test_a_host_with_other_rules_of_the_zone_refuses_changes(
    mongo_url: str, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with in_berlin(mongo_url, redis_url, "2026-10-24T20:00+02:00") as service:
        reader, check = await service.reader(), service.app[ZONE_CHECK]
        made = await reader.reserve(SEAT, "21:00", "22:00", "2026-10-24")
        # The Union has done away with summer time, and another host has heard of it.
        summer = zone_of("Europe/Berlin", 60)
        kept = [change for change in summer.changes if change < service.clock.now()]
        newer = replace(summer, changes=tuple(kept), offsets=summer.offsets[: len(kept) + 1])
        rules = ZoneRulesRepository(service.db)
        assert await rules.newest(newer, "2099.1") == ("2099.1", newer)
        with caplog.at_level(logging.ERROR):
            for _ in range(2):
                await check.measure()
        lines = [r for r in caplog.records if r.message == "zone_rules_differ"]
        assert len(lines) == 1 and "2099.1" in lines[0].__dict__["cure"]
        await reader.refused("503 clock_wrong", "POST", f"/reservations/{made['id']}/cancel")
        assert (await reader.ok("GET", f"/reservations/{made['id']}"))["state"] == "reserved"
        ready = (await service.anonymous.get("//readyz")).body
        assert "Europe/Berlin" in ready["troubles"]["clock"]
        # Rules that differ in years to come harm nobody now.
        far = replace(summer, changes=summer.changes[:-4], offsets=summer.offsets[:-4])
        await service.db[ABOUT].delete_one({"_id": "zone_rules"})
        await rules.newest(far, "2099.1")
        await check.measure()
        await reader.ok("POST", f"/reservations/{made['id']}/cancel")


async def test_the_newest_rules_win_whoever_comes_first(service: Living) -> None:
    zone, rules = service.inside.reference.zone, ZoneRulesRepository(service.db)
    await service.db[ABOUT].delete_one({"_id": "zone_rules"})
    assert await rules.newest(zone, "2026.10") == ("2026.10", zone)
    assert await rules.newest(zone, "2026.9") == ("2026.10", zone), "ten is more than nine"
    assert await rules.newest(zone, "2027.1") == ("2027.1", zone)
    kolkata = zone_of("Asia/Kolkata", 330)
    assert await rules.newest(kolkata, "2026.1") == ("2026.1", kolkata), "a new zone's"
