"""Statistics: counted each night, equal to a recount, exported in bounded memory."""

from __future__ import annotations

import csv
import io
import resource
import zipfile
from datetime import date, timedelta

import aiohttp
import pytest
from bson.objectid import ObjectId

from handlers.http.keys import service_key
from models.identity.roles import Role
from models.statistics.room_service import RoomStatistics
from models.statistics.service import StatisticsService
from models.storage.mongo import new_id
from tests.api.console import staff
from tests.api.counted_day import a_day
from tests.builders import ZONE
from tests.living import Living

ROWS = {False: 10_000, True: 100_000}
"""In the short form and in the long one."""
MOST_BYTES = {False: 20 * 2**20, True: 100 * 2**20}


async def test_a_finished_day_is_counted_once(service: Living) -> None:
    await a_day(service)
    inside, now = service.inside, service.clock.now()
    first = await inside.stored.daily_statistics.between(now.date() - timedelta(days=3), now.date())
    assert {d.day.isoformat() for d in first} == {"2026-09-07"}
    assert len(first) == len(inside.reference.catalog.areas)
    (hall,) = [d for d in first if d.area_id == "2f-hall"]
    assert (hall.booked, hall.checked_in, hall.cancelled, hall.no_show) == (3, 1, 1, 1)
    assert hall.used[9:11] == (60, 30) and sum(hall.used) == 90
    assert await inside.statistics.aggregate_next_day(now) == 0
    assert (
        await inside.stored.daily_statistics.between(now.date() - timedelta(days=3), now.date())
        == first
    )
    # A service that was away for days counts them one after the other.
    await service.move(timedelta(days=3))
    last = await inside.stored.daily_statistics.last()
    assert last is not None and last.isoformat() == "2026-09-10"


async def test_a_day_is_not_counted_before_its_last_deadlines_are_settled(service: Living) -> None:
    """A service that comes back in the morning counts yesterday once all its deadlines are
    settled."""
    reader = await service.reader()
    await reader.reserve("2f-hall-001", "20:00", "22:00")
    inside, now = service.inside, service.clock.now() + timedelta(days=1)
    assert await inside.statistics.aggregate_next_day(now) == 0
    assert await inside.stored.daily_statistics.last() is None
    assert await inside.statistics.aggregate_next_day(now + timedelta(days=3)) == 1, "not for ever"


async def test_counting_starts_with_the_earliest_booked_day(service: Living) -> None:
    readers = [await service.reader() for _ in range(2)]
    await readers[0].reserve("2f-hall-001", "09:00", "11:00", service.tomorrow)
    await readers[1].reserve("2f-hall-001", "09:00", "11:00")
    await service.move(timedelta(hours=40))
    first = date(2026, 9, 7)
    days = await service.inside.stored.daily_statistics.between(first, first)
    assert sum(d.booked for d in days) == 1


@pytest.mark.whole
async def test_an_expired_offer_is_not_counted_as_a_booking(service: Living) -> None:
    await a_day(service)
    reservations = service.db["reservations"]
    sample = await reservations.find_one({})
    assert sample is not None
    expired = {**sample, "_id": new_id(), "claims": [], "live": False, "state": "offer_expired"}
    await reservations.insert_one(expired)
    desk = await staff(service, Role.VIEWER)
    text = (await desk.get("/console/bookings.csv?from=2026-09-07&to=2026-09-07")).body
    assert text.count("\n") == 4


async def test_under_the_real_clock_a_days_bookings_are_found_by_object_id(service: Living) -> None:
    """An installation uses the real time, unlike the sandbox."""
    reader, inside = await service.reader(), service.inside
    await reader.reserve("2f-hall-001", "09:00", "11:00")
    reservations = service.db["reservations"]
    sample = await reservations.find_one({})
    assert sample is not None
    await reservations.delete_many({})
    day = ZONE.midnight(date(2026, 9, 7))
    made = {"eve": -1, "night": 0, "noon": 12, "long ago": -200, "much later": 24 * 9}
    for name, hours in made.items():
        id = str(ObjectId.from_datetime(day + timedelta(hours=hours)))
        await reservations.insert_one({**sample, "_id": id, "claims": [name], "seat": name})
    stored = inside.stored
    installed = StatisticsService(
        *(stored.daily_statistics, stored.reservations, stored.policies),
        *(inside.reference, stored.readers, service.app[service_key(RoomStatistics)]),
        wall_clock=True,
    )
    seat_ids = [b.seat_id async for b in installed.bookings_on(date(2026, 9, 7))]
    assert seat_ids == ["eve", "night", "noon"]
    everything = [b.seat_id async for b in inside.statistics.bookings_on(date(2026, 9, 7))]
    assert sorted(everything) == sorted(made)


@pytest.mark.whole
async def test_an_interrupted_export_closes_the_connection(service: Living) -> None:
    """An error occurs after the first rows; no error page is mixed into the file."""
    await a_day(service)
    reservations = service.db["reservations"]
    sample = await reservations.find_one({})
    assert sample is not None
    past = {**sample, "claims": [], "live": False, "state": "completed"}
    await reservations.insert_many([{**past, "_id": new_id()} for _ in range(3000)])
    await reservations.insert_one({**past, "_id": new_id(), "state": "no such state"})
    desk = await staff(service, Role.VIEWER)
    url = f"{service.base}/console/bookings.csv?from=2026-09-07&to=2026-09-07"
    async with desk.client.session.get(url, headers=desk.cookie) as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_the_statistics_page_and_its_files_show_the_counts(service: Living) -> None:
    await a_day(service)
    desk = await staff(service, Role.VIEWER)
    page = (await desk.get("/console/statistics?from=2026-09-07&to=2026-09-07")).body
    assert "<dt>预约</dt><dd>3</dd>" in page and "<dt>失约率</dt><dd>50.0%</dd>" in page
    nothing = (await desk.get("/console/statistics?from=2026-01-01&to=2026-01-02")).body
    assert "还没有统计" in nothing
    interval = "?from=2026-09-07&to=2026-09-07"
    answer = await desk.get(f"/console/bookings.csv{interval}")
    assert answer.headers["Content-Disposition"].endswith('"bookings-2026-09-07-2026-09-07.csv"')
    header, *rows = csv.reader(io.StringIO(answer.body.removeprefix("\ufeff")))
    assert header[0] == "日期" and sorted(row[5] for row in rows) == ["失约", "已取消", "结束使用"]
    assert next(row for row in rows if row[5] == "结束使用")[1:-1] == [
        "图书馆",
        "2",
        "二层中厅",
        "001",
        "结束使用",
        "2026-09-07 08:00",
        "2026-09-07 09:00",
        "2026-09-07 11:00",
        "2026-09-07 09:00",
        "2026-09-07 10:30",
        "",
    ]
    for name in ("statistics", "bookings.csv", "bookings.xlsx"):
        for wrong in ("from=x", "from=2026-09-08&to=2026-09-07", "from=2020-01-01&to=2026-09-07"):
            assert (await desk.get(f"/console/{name}?{wrong}")).status == 400, (name, wrong)


@pytest.mark.whole
async def test_an_export_of_many_rows_uses_bounded_memory(service: Living, long: bool) -> None:
    reader, desk = await service.reader(), await staff(service, Role.VIEWER)
    await reader.reserve("2f-hall-001", "09:00", "11:00")
    reservations = service.db["reservations"]
    sample = await reservations.find_one({})
    assert sample is not None
    past = {**sample, "claims": [], "live": False, "state": "completed", "day": "2026-09-01"}
    for _ in range(ROWS[long] // 1000):
        await reservations.insert_many([{**past, "_id": new_id()} for _ in range(1000)])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    session, base = desk.client.session, service.base
    sizes = {}
    looks = {"ns": f"{service.db.name}.readers", "command.filter._id.$in": reader.reader_id}
    await service.db.command("profile", 2, filter={"ns": looks["ns"]})
    for name in ("csv", "xlsx"):
        url = f"{base}/console/bookings.{name}?from=2026-09-01&to=2026-09-01"
        async with session.get(url, headers=desk.cookie) as response:
            assert response.status == 200
            parts = [part async for part in response.content.iter_chunked(1 << 16)]
        sizes[name] = b"".join(parts)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    await service.db.command("profile", 0)
    batches = 2 * ROWS[long] // 1000
    assert await service.db["system.profile"].count_documents(looks) == batches
    pseudonyms = {line.rpartition(b",")[2] for line in sizes["csv"].splitlines()[1:]}
    assert len(pseudonyms) == 1, "one reader in all batches"
    assert sizes["csv"].count(b"\n") == ROWS[long] + 1
    with zipfile.ZipFile(io.BytesIO(sizes["xlsx"])) as book:
        assert book.read("xl/worksheets/sheet1.xml").count(b"<row ") == ROWS[long] + 1
    assert grown < MOST_BYTES[long], f"{grown / 2**20:.0f} MB"
