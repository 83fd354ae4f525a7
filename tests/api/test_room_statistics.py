"""Study rooms in the statistics and the exports."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest

from models.identity.api_tokens import Scope
from models.identity.roles import Role
from models.library.rooms import RoomId
from tests.api.api_tokens import program
from tests.api.audit_log import looks
from tests.api.browsing import Browser
from tests.api.console import WHEREFORE, librarian, staff
from tests.api.reader_groups import enter, group
from tests.api.room_blocks import BLOCKS, make
from tests.api.room_bookings import (
    ANNEX,
    GROUP,
    HALL,
    PURPOSE,
    SEMINAR,
    SMALL,
    book,
    confirm,
    of_annex,
    with_annex,
)
from tests.api.spreadsheets import book_of, local
from tests.living import Client, Living

DAY = "from=2026-09-07&to=2026-09-07"


async def a_day(service: Living) -> list[Client]:
    """On Monday three people use a room, one misses it, and bookings are released, cancelled and
    declined. The library blocks a room for two hours, of which it needs half of one, and takes
    another block back. The clock then shows Tuesday."""
    desk = await librarian(service)
    (block,) = await make(service, desk, "a", start="10:00", end="12:00")
    (unused,) = await make(service, desk, "b", start="14:00", end="16:00")
    await desk.ok("POST", f"{BLOCKS}/{unused['block']}/end", {})
    readers = [await service.reader() for _ in range(6)]
    stay = await book(service, readers[0], start="09:00", end="11:00")
    await confirm(stay, readers[1], readers[2])
    cancelled = await book(service, readers[3], start="11:00", end="12:00")
    await readers[3].ok("POST", f"/room-bookings/{cancelled['id']}/cancel")
    await book(service, readers[3], start="13:00", end="14:00")
    await book(service, readers[4], GROUP)
    asked = await book(service, readers[5], HALL)
    declined = f"/staff/room-requests/{asked['id']}/decline"
    await desk.ok("POST", declined, {"reason": WHEREFORE})
    await service.move("08:50")
    here = f"/room-bookings/{stay['id']}"
    await readers[1].ok("POST", f"{here}/check-in", {"qr": await service.qr()})
    await service.move("10:30")
    await readers[0].ok("POST", f"{here}/finish")
    await desk.ok("POST", f"{BLOCKS}/{block['block']}/end", {})
    await service.move(timedelta(hours=14))
    return readers


async def rows(desk: Browser, path: str) -> list[dict[str, Any]]:
    text = (await desk.get(f"/console/{path}")).body.removeprefix("\ufeff")
    return list(csv.DictReader(io.StringIO(text)))


async def test_rooms_are_counted_with_their_day(service: Living) -> None:
    await with_annex(service)
    await a_day(service)
    monday = date(2026, 9, 7)
    stored = await service.inside.stored.daily_room_statistics.between(monday, monday)
    days = {d.room_id: d for d in stored}
    assert len(stored) == 9 and days[ANNEX.id].booked == 0
    small, hall = days[RoomId(SMALL)], days[RoomId(HALL)]
    assert (small.booked, small.checked_in, small.cancelled, small.no_show) == (3, 1, 1, 1)
    assert (small.people, small.booked_minutes, small.used_minutes) == (3, 180, 90)
    assert (small.open_minutes, hall.open_minutes) == (15 * 60 + 30, 12 * 60)
    assert days[RoomId(SEMINAR)].open_minutes == 12 * 60 - 30
    assert (hall.declined, days[RoomId(GROUP)].released) == (1, 1)
    assert await service.inside.statistics.aggregate_next_day(service.clock.now()) == 0

    desk = await staff(service, Role.VIEWER)
    page = (await desk.get(f"/console/statistics?{DAY}")).body
    assert "研修间：预约占开放时间" in page and "图书馆 研修间201" in page
    by_room = {row["研修间"]: row for row in await rows(desk, f"statistics.csv?table=rooms&{DAY}")}
    first, *_, last = by_room
    assert (first, last) == ("研修间201", ANNEX.name)
    facts = ("场馆", "楼层", "预约", "签到", "取消", "谢绝", "释放", "失约")
    assert [by_room["研修间201"][name] for name in facts] == [
        *("图书馆", "2", "3", "1", "1", "0", "0", "1")
    ]
    assert [by_room["研修间201"][name] for name in ("预约小时", "使用小时", "平均人数")] == [
        *("3.0", "1.5", "3.0")
    ]
    assert by_room["研修间201"]["失约率"] == "0.5" and by_room[ANNEX.name]["平均人数"] == ""
    (month,) = await rows(desk, f"statistics.csv?table=room_months&{DAY}")
    assert (month["月份"], month["预约"], month["释放"]) == ("2026-09", "5", "1")
    reading = await program(service, Scope.STATISTICS_READ)
    answer = await reading.ok("GET", f"/staff/statistics?{DAY}")
    (out,) = [d for d in answer["room_days"] if d["room_id"] == SMALL]
    assert (out["room"], out["venue"], out["people"]) == ("研修间201", "图书馆", 3)
    assert (out["booked_minutes"], out["used_minutes"]) == (180, 90)
    elsewhere = await of_annex(service)
    assert "研修间201" not in (await elsewhere.get(f"/console/statistics?{DAY}")).body


@pytest.mark.whole
async def test_exported_bookings_of_rooms_name_nobody(service: Living) -> None:
    readers = await a_day(service)
    admin, desk = await staff(service, Role.ADMINISTRATOR), await staff(service, Role.VIEWER)
    await readers[0].reserve("2f-hall-001", "09:00", "10:00", service.today)
    id = await group(service, admin, name="研究生", **{"area-2f-east": ""})
    assert (await enter(service, admin, readers[0], id)).status == 303
    span = f"from=2026-09-07&to={service.today}"
    first = await rows(desk, f"room-bookings.csv?{span}")
    assert list(first[0]) == [
        *("日期", "场馆", "楼层", "研修间", "状态", "预约时间", "开始", "结束"),
        *("签到", "离开", "确认人数", "读者组", "读者代号"),
    ]
    stay = first[0]
    assert [stay[name] for name in ("楼层", "研修间", "状态", "确认人数", "读者组")] == [
        *("2", "研修间201", "结束使用", "3", "研究生")
    ]
    assert [stay[name][-5:] for name in ("开始", "结束", "签到", "离开")] == [
        *("09:00", "11:00"),
        *("08:50", "10:30"),
    ]
    states = [row["状态"] for row in first]
    assert len(states) == 5 and len(set(states)) == 5, states
    names = {row["开始"]: row["读者代号"] for row in first if row["研修间"] == "研修间201"}
    assert len(set(names.values())) == 2, "one reader has cancelled one and missed one"
    file = await book_of(service, desk, f"bookings.xlsx?{span}")
    sheets = [list(file[name].iter_rows(values_only=True)) for name in ("预约", "研修间")]
    assert sheets[0][1][-1] == sheets[1][1][-1] != stay["读者代号"], "the same in one file"
    assert sheets[1][1][6] == local(7, 9) and sheets[1][1][10] == 3
    for reader in readers:
        for text in (str(first), str(sheets)):
            assert reader.reader_id not in text and reader.number not in text
    assert PURPOSE not in str(first) + str(sheets)
    exports = [target for action, target, _ in await looks(service) if action == "export"]
    assert exports == ["room-bookings", "bookings"]
    person = await service.inside.stored.readers.get(readers[3].reader_id)
    assert person is not None
    await service.inside.erasure.erase(person, service.clock.now())
    erased = [row for row in await rows(desk, f"room-bookings.csv?{span}") if not row["读者代号"]]
    assert len(erased) == 2 and {row["读者组"] for row in erased} == {""}
