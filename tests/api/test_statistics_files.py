"""Statistics as files: typed cells, and empty ones for unknown values."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import date

import pytest

from models.identity.roles import Role
from models.library.entities import AreaId
from tests.api.audit_log import looks
from tests.api.console import staff
from tests.api.counted_day import a_day
from tests.api.reader_groups import enter, group
from tests.api.spreadsheets import book_of, local
from tests.living import Living

ASKED = "from=2026-09-06&to=2026-09-07"


@pytest.mark.whole
async def test_spreadsheet_cells_hold_dates_and_numbers(service: Living) -> None:
    await a_day(service)
    desk = await staff(service, Role.VIEWER)
    sheet = (await book_of(service, desk, f"bookings.xlsx?{ASKED}"))["预约"]
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0] == (
        *("日期", "场馆", "楼层", "区域", "座位", "状态", "预约时间"),
        *("开始", "结束", "签到", "离开", "读者组", "读者代号"),
    )
    finished = next(row for row in rows if row[5] == "结束使用")
    assert finished[:5] == (local(7), "图书馆", "2", "二层中厅", "001")
    assert finished[7:11] == tuple(local(7, h, m) for h, m in ((9, 0), (11, 0), (9, 0), (10, 30)))
    assert next(row for row in rows if row[5] == "失约")[9] is None
    assert sheet.freeze_panes == "A2" and sheet.auto_filter.ref == "A1:M4"
    assert sheet["A2"].number_format == "yyyy-mm-dd" and sheet["A1"].font.bold
    assert sheet["G2"].is_date and sheet["G2"].number_format == "yyyy-mm-dd hh:mm"

    book = await book_of(service, desk, f"statistics.xlsx?{ASKED}")
    assert book.sheetnames == [
        *("每天", "各区域", "各时段", "每周各时段"),
        *("各研修间", "研修间每月"),
    ]
    _, unknown, monday = book["每天"].iter_rows(values_only=True)
    assert unknown[0] == local(6) and set(unknown[2:-1]) == {None}
    assert unknown[-1] == "无数据"
    assert monday[:2] == (local(7), "周一")
    assert monday[3:] == (0.5, 3, 1, 1, 1, 0, 1.5, None) and 0 < monday[2] < 0.01
    assert book["每天"]["C3"].number_format == "0.0%"

    seats = await book_of(service, desk, f"statistics/seats.xlsx?area=2f-hall&{ASKED}")
    by_no = {row[3]: row for row in seats["座位各时段"].iter_rows(values_only=True)}
    used = dict(zip(by_no["座位"], by_no["001"], strict=True))
    assert (used["09–10 时"], used["10–11 时"], used["11–12 时"]) == (1, 0.5, 0)
    assert (
        used["使用小时"] == 1.5
        and by_no["002"][5] == 0
        and by_no["002"][:3] == ("图书馆", "2", "二层中厅")
    )
    exports = [look for look in await looks(service) if look[0] == "export"]
    assert [target for _, target, _ in exports] == ["bookings", "statistics", "statistics"]


async def test_bookings_have_groups_of_the_day_and_pseudonyms_of_one_file(service: Living) -> None:
    admin, desk = await staff(service, Role.ADMINISTRATOR), await staff(service, Role.VIEWER)
    today, tomorrow = service.today, service.tomorrow
    graduate, other, gone = [await service.reader() for _ in range(3)]
    plain = {"area-2f-east": ""}
    await group(service, admin, name="本科生", default="1", **plain)
    for name, days in (("研究生", {"last": today}), ("读书会", {})):
        id = await group(service, admin, name=name, shown_name="内部", **plain)
        assert (await enter(service, admin, graduate, id, **days)).status == 303
    await graduate.reserve("2f-hall-001", "09:00", "10:00")
    await graduate.reserve("2f-hall-002", "14:00", "15:00")
    await graduate.reserve("2f-hall-001", "09:00", "10:00", tomorrow)
    await other.reserve("2f-hall-003", "09:00", "10:00")
    await gone.reserve("2f-hall-004", "09:00", "10:00")
    person = await service.inside.stored.readers.get(gone.reader_id)
    assert person is not None
    await service.inside.erasure.erase(person, service.clock.now())

    path = f"from={today}&to={tomorrow}"
    files, pseudonyms = [], []
    text = (await desk.get(f"/console/bookings.csv?{path}")).body.removeprefix("\ufeff")
    files.append([tuple(row) for row in csv.reader(io.StringIO(text))])
    sheet = (await book_of(service, desk, f"bookings.xlsx?{path}"))["预约"]
    files.append([tuple(v or "" for v in row) for row in sheet.iter_rows(values_only=True)])
    for rows in files:
        who = {(f"{row[0]}"[:10], row[4]): row[-2:] for row in rows[1:]}
        groups = {key: names for key, (names, _) in who.items()}
        assert groups == {
            (today, "001"): "研究生、读书会",
            (today, "002"): "研究生、读书会",
            (tomorrow, "001"): "读书会",
            (today, "003"): "本科生",
            (today, "004"): "",
        }
        assert who[today, "004"] == ("", ""), "an erased reader"
        of_graduate = [who[key][1] for key in ((today, "001"), (today, "002"), (tomorrow, "001"))]
        assert len(set(of_graduate)) == 1 and who[today, "003"][1] not in ("", of_graduate[0])
        pseudonyms += [of_graduate[0], who[today, "003"][1]]
        for reader in (graduate, other, gone):
            assert reader.reader_id not in str(rows) and reader.number not in str(rows)
    assert len(set(pseudonyms)) == 4, "nobody is the same in two files"


@pytest.mark.whole
async def test_csv_files_and_pages_show_the_same_values(service: Living) -> None:
    await a_day(service)
    desk, catalogs = await staff(service, Role.VIEWER), service.inside.stored.catalogs
    hall = service.inside.reference.catalog.areas[AreaId("2f-hall")]
    evil = '=HYPERLINK("//e")'
    assert await catalogs.replace_area(replace(hall, name=evil, rev=hall.rev + 1))
    await service.inside.reference.refresh()

    async def lines(path: str) -> list[list[str]]:
        body = (await desk.get(f"/console/{path}")).body
        return list(csv.reader(io.StringIO(body.removeprefix("\ufeff"))))

    days = await lines(f"statistics.csv?{ASKED}")
    assert days[1][:2] == ["2026-09-06", "周日"] and set(days[1][2:-1]) == {""}
    assert days[2][0] == date(2026, 9, 7).isoformat() and days[2][3] == "0.5"
    areas = await lines(f"statistics.csv?table=areas&{ASKED}")
    assert areas[1][:3] == ["图书馆", "2", f"'{evil}"], "the most used stands first"
    assert [row[0] for row in areas[-3:]] == ["图书馆", "Juridicum", "Juridicum"]
    page = (await desk.get(f"/console/statistics?{ASKED}")).body
    assert "无数据" in page and page.count('class="gap"') >= 2
    assert re.findall(r'<h3 class="venue">([^<]+)', page) == ["图书馆", "Juridicum"]
    assert '<title>09-06 无数据</title><rect class="gap"' in page
    assert '<title>09-07 3</title><rect class="bar"' in page
    heat = (await desk.get(f"/console/statistics/seats?area=2f-hall&{ASKED}")).body
    assert "座位 × 时段" in heat and 'heat-10">100<' in heat
    for wrong in ("statistics.csv?table=x", "statistics.csv?from=x", "statistics.xlsx?from=x"):
        assert (await desk.get(f"/console/{wrong}")).status in (400, 404), wrong
    longest = "statistics/seats?from=2026-08-01&to=2026-09-07"
    assert (await desk.get(f"/console/{longest}")).status == 400
