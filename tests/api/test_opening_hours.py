"""Closures and other opening hours, and the affected bookings."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from handlers.staff.layout import reader_label
from models.identity.roles import Role
from models.kernel.ids import ReaderId
from models.staff.audit import AuditQuery
from tests.api.browsing import Browser
from tests.api.calendar_page import PATH, ask, base
from tests.api.console import post, staff
from tests.living import Client, Living
from tests.second_venue import JURIDICUM


async def booked(service: Living, count: int) -> list[tuple[Client, Any]]:
    """Readers with a booking for tomorrow in the hall."""
    readers = [await service.reader() for _ in range(count)]
    return [
        (r, await r.reserve(f"2f-hall-{n:03}", "09:00", "11:00", service.tomorrow))
        for n, r in enumerate(readers, start=1)
    ]


async def state(reader: Client, made: Any) -> str:
    return str((await reader.ok("GET", f"/reservations/{made['id']}"))["state"])


async def test_a_closure_is_previewed_and_then_applied(service: Living) -> None:
    head, people = await staff(service, Role.ADMINISTRATOR), await booked(service, 3)
    upstairs = await service.reader()
    booking = await upstairs.reserve("3f-north-001", "09:00", "11:00", service.tomorrow)
    before = await service.books()
    preview = await ask(service, head, place="a:2f-hall")
    assert preview.status == 200 and "<b>3</b> 个预约不再符合" in preview.body
    assert "二层中厅 闭馆（消防检修）" in preview.body
    for reader, _ in people:
        stored_reader = await service.inside.stored.readers.get(ReaderId(reader.reader_id))
        assert (
            stored_reader is not None
            and f"<span>{reader_label(stored_reader)}</span>" in preview.body
        )
    assert await service.books() == before, "nothing changes before it is confirmed"

    done = await ask(service, head, place="a:2f-hall", confirmed="yes", bookings="cancel")
    assert done.status == 303
    await service.settle()
    for reader, made in people:
        assert await state(reader, made) == "cancelled"
        assert (await reader.ok("GET", "/messages"))["items"][0]["template"] == "MOVED"
    assert await state(upstairs, booking) == "reserved"
    wish = {"seat_id": "2f-hall-009", "date": service.tomorrow, "start": "09:00", "end": "10:00"}
    refusal = await people[0][0].refused("422 closed", "POST", "/reservations", wish)
    words = refusal.body["error"]["message"]
    assert words == "该时间不开放（消防检修），请选择开放时间内的座位"
    assert "消防检修" in (await head.get(PATH)).body
    (entry,), _ = await service.inside.stored.audit_log.page_of(AuditQuery(action="rules"), 0, 10)
    assert entry.after is not None and entry.after["cancelled"] == 3
    assert entry.reason == "馆长办公会"

    # Taken away, it is open again; nobody's booking comes back by itself.
    number = re.search(r'name="number" value="(\d+)"', (await head.get(PATH)).body)
    assert number is not None
    removed = await ask(service, head, operation="remove", number=number[1], confirmed="yes")
    assert removed.status == 303
    await people[0][0].reserve("2f-hall-009", "09:00", "10:00", service.tomorrow)
    assert "没有，按平时的时间开放" in (await head.get(PATH)).body


async def test_a_closure_can_keep_bookings_and_leaves_current_stays(service: Living) -> None:
    head, ((reader, made),) = await staff(service, Role.ADMINISTRATOR), await booked(service, 1)
    sitting = await service.reader()
    today = await sitting.reserve("2f-hall-020", "now", "12:00")
    qr = {"qr": await service.qr()}
    await sitting.ok("POST", f"/reservations/{today['id']}/check-in", qr)
    preview = await ask(service, head, first=service.today, last=service.tomorrow)
    assert "<b>1</b> 位读者正在使用" in preview.body and "<b>1</b> 个预约不再符合" in preview.body
    form = {"first": service.today, "last": service.tomorrow, "confirmed": "yes"}
    assert (await ask(service, head, **form, bookings="keep")).status == 303
    assert await state(reader, made) == "reserved"
    assert await state(sitting, today) == "in_use"
    # They are not forgotten, and may go later.
    assert "受影响的预约 2" in (await head.get("/console")).body
    assert "二层中厅001号" in (await head.get("/console/affected-bookings")).body
    assert (await post(service, head, "/console/affected-bookings", reason="")).status == 400
    assert await state(reader, made) == "reserved"
    assert (
        await post(service, head, "/console/affected-bookings", bookings="cancel")
    ).status == 303
    assert await state(reader, made) == "cancelled"
    assert await state(sitting, today) == "in_use"
    assert "受影响的预约 1" in (await head.get("/console")).body


async def test_invalid_hours_are_refused_and_kept_in_the_form(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    before = await service.books()
    answer = await ask(service, head, first="2026-02-30", confirmed="yes")
    assert answer.status == 400 and 'role="alert"' in answer.body
    assert 'value="2026-02-30"' in answer.body
    for why in ("", "x" * 201):
        assert (await ask(service, head, confirmed="yes", why=why)).status == 400
    gone = {"operation": "remove", "number": "0", "confirmed": "yes"}
    assert (await ask(service, head, **gone)).status == 404, "usual hours cannot be taken away"
    assert await service.books() == before


async def test_a_closure_withdraws_offers_and_creates_none(service: Living) -> None:
    """Neither the seats freed by the closure nor offers held before it."""
    head, ((reader, made), (other, theirs)) = (
        await staff(service, Role.ADMINISTRATOR),
        await booked(service, 2),
    )
    first, second = await service.reader(), await service.reader()
    for waiting, seat in ((first, "2f-hall-001"), (second, "2f-hall-002")):
        line = {"area_id": "2f-hall", "seats": [seat], "date": service.tomorrow}
        await waiting.ok("POST", "/waitlist", line | {"start": "09:00", "end": "11:00"})
    await reader.ok("POST", f"/reservations/{made['id']}/cancel")
    await service.settle()
    (held,) = [w["offer"] for w in (await first.ok("GET", "/waitlist"))["items"]]
    assert held is not None
    assert (await ask(service, head, confirmed="yes")).status == 303
    await service.move("08:05")
    assert await state(other, theirs) == "cancelled"
    for waiting in (first, second):
        assert [w["offer"] for w in (await waiting.ok("GET", "/waitlist"))["items"]] == [None]
    await first.refused("409 wrong_state", "POST", f"/reservations/{held['id']}/accept")
    day = await service.inside.occupancy.get_day(date.fromisoformat(service.tomorrow))
    assert list(day.rows) == []


@pytest.mark.whole
async def test_setting_the_librarys_hours_does_not_reopen_a_closed_area(service: Living) -> None:
    """Regression: a later, wider rule once reopened the area silently."""
    head, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    closed = {"place": "a:2f-hall", "reason": "地面维修"}
    assert (await ask(service, head, **closed, confirmed="yes")).status == 303
    wide = {"kind": "open", "opens": "06:30", "closes": "23:30", "reason": "考试周"}
    preview = await ask(service, head, **wide)
    assert "9月8日图书馆 二层中厅已闭馆（地面维修），新的时间在那里不起作用" in preview.body
    assert (await ask(service, head, **wide, confirmed="yes")).status == 303
    page = (await head.get(PATH)).body
    assert re.findall(r'<h3 class="venue">([^<]+)', page) == ["全馆", "图书馆"]
    before = await service.books()
    wish = {"seat_id": "2f-hall-050", "date": service.tomorrow, "start": "09:00", "end": "10:00"}
    refusal = await reader.refused("422 closed", "POST", "/reservations", wish)
    assert refusal.body["error"]["message"] == "该时间不开放（地面维修），请选择开放时间内的座位"
    assert await service.books() == before
    await reader.ok("POST", "/reservations", wish | {"seat_id": "3f-north-001"})
    # The calendar, the plan and the list of areas say the same.
    web = Browser(await service.web_reader())
    plan = await web.get(f"/areas/2f-hall?date={service.tomorrow}")
    seat = await web.get(f"/areas/2f-hall?date={service.tomorrow}&seat=2f-hall-065")
    assert plan.body.count(why_closed := "明天 9月8日 闭馆（地面维修），请选择其他日期。") == 1
    assert seat.body.count(why_closed) == 2, "beside the seat as well"
    assert "闭馆（地面维修）" in (await web.get(f"/?date={service.tomorrow}")).body
    for day, reason in ((service.tomorrow, "地面维修"), (service.today, None)):
        listed = (await reader.ok("GET", f"/areas?date={day}"))["items"]
        why = {area["id"]: area.get("closed") for area in listed}
        assert (why["2f-hall"], why["3f-north"]) == (reason, None)
    assert day_shown(await head.get(f"{PATH}?at=a:2f-hall"), 8) == ["闭馆", "地面维修"]
    whole = day_shown(await head.get(PATH), 8)
    assert whole == ["06:30–23:30", "例外", "考试周"]
    assert day_shown(await head.get(f"{PATH}?at=v:library"), 8)[1] == "例外 · 全馆"
    assert day_shown(await head.get(PATH), 9) == ["07:00–22:30", "每周时间"]


def day_shown(page: Any, day: int) -> list[str]:
    """A day of the page's calendar: hours, source and reason."""
    match = re.search(rf'<span class="number">{day}</span>(.*?)</li>', page.body)
    assert match is not None
    return re.findall(r'<span class="(?:when|from)">([^<]*)</span>', match[1])


def week(**changed: str) -> dict[str, str]:
    """The weekly form: 07:00–22:30 every day, with these changes."""
    form = {"operation": "week", "first": "", "reason": ""}
    for n in range(7):
        form |= {f"day{n}": "open", f"opens{n}": "07:00", f"closes{n}": "22:30"}
    return form | changed


async def test_weekly_hours_are_set_for_the_library_and_for_one_area(service: Living) -> None:
    head, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    made = await reader.reserve("2f-hall-001", "09:00", "11:00", service.tomorrow)
    tuesday = week(day1="closed", day5="whole", closes6="02:00")
    preview = await ask(service, head, **tuesday)
    words = "周一、周三、周四、周五 07:00–22:30；周二 闭馆；周六 全天；周日 07:00–次日02:00"
    assert f"全馆的每周时间：{words}" in preview.body and "<b>1</b> 个预约不再符合" in preview.body
    assert day_shown(preview, 8) == ["闭馆", "每周时间"], "the calendar of what it would be"
    assert (await ask(service, head, **tuesday, confirmed="yes", bookings="cancel")).status == 303
    assert await state(reader, made) == "cancelled"
    (venue, *_) = (await reader.ok("GET", "/venues"))["items"]
    assert [d["open"] is None for d in venue["dates"]] == [False, True]
    page = (await Browser(await service.web_reader()).get("/rules")).body
    assert "周六 全天 开放" in page and "周二 闭馆" in page

    # An area's own hours are cut to the library's, unless it stands alone.
    late = {f"day{n}": "open" for n in range(7)} | {f"opens{n}": "12:00" for n in range(7)}
    late |= {f"closes{n}": "01:00" for n in range(7)} | {"at": "a:2f-hall"}
    preview = await ask(service, head, **week(**late))
    assert "9月7日图书馆 二层中厅只开放 12:00–22:30" in preview.body
    assert "9月8日图书馆 二层中厅所在的场馆不开放" in preview.body
    assert (await ask(service, head, **week(**late), confirmed="yes")).status == 303
    calendar = await head.get(f"{PATH}?at=a:2f-hall")
    assert day_shown(calendar, 9) == ["12:00–22:30", "每周时间 · 随场馆"]
    assert day_shown(calendar, 12) == ["12:00–24:00", "每周时间 · 随场馆"]
    assert day_shown(calendar, 13) == ["12:00–次日01:00", "每周时间"]
    alone = week(**late, independent="on")
    assert (await ask(service, head, **alone, confirmed="yes")).status == 303
    assert day_shown(await head.get(f"{PATH}?at=a:2f-hall"), 8) == [
        "12:00–次日01:00",
        "每周时间 · 独立开放",
    ]
    await reader.reserve("2f-hall-001", "14:00", "15:00", service.tomorrow)
    gone = {"operation": "remove_week", "at": "a:2f-hall", "confirmed": "yes", "bookings": "keep"}
    assert (await ask(service, head, **gone)).status == 303
    assert day_shown(await head.get(f"{PATH}?at=a:2f-hall"), 8) == ["闭馆", "每周时间 · 全馆"]
    assert (await ask(service, head, **gone)).status == 404
    assert (await ask(service, head, **gone | {"at": ""})).status == 404


@pytest.mark.whole
async def test_hours_of_the_library_are_shown_only_where_they_hold(service: Living) -> None:
    """Each of two venues gets a weekly table, one after the other."""
    head, web = await staff(service, Role.ADMINISTRATOR), Browser(await service.web_reader())
    english = {"Accept-Language": "en"}
    unused = "每个场馆都另有每周时间，全馆的每周时间不起作用。"
    for venue in ("library", JURIDICUM):
        assert day_shown(await head.get(PATH), 9) == ["07:00–22:30", "每周时间"]
        assert unused not in (await head.get(PATH)).body
        assert "每天 07:00–22:30 开放" in (await web.get("/rules")).body
        assert "every day 07:00–22:30" in (await web.get("/rules", **english)).body
        hours = week(**{f"closes{n}": "20:00" for n in range(7)}, at=f"v:{venue}")
        assert (await ask(service, head, **hours, confirmed="yes")).status == 303
    page = (await head.get(PATH)).body
    assert unused in page and "<b>07:00–22:30</b>" not in page
    assert all(f'<a href="/console/calendar?at=v%3A{v}">' in page for v in ("library", JURIDICUM))
    lines: list[tuple[dict[str, str], str]] = [
        ({}, "每天 {} 07:00–20:00 开放"),
        (english, "every day, {}: 07:00–20:00"),
    ]
    for headers, words in lines:
        body = (await web.get("/rules", **headers)).body
        assert all(words.format(name) in body for name in ("图书馆", "Juridicum")), words
        assert "22:30" not in body, words
    # A closure of the whole library still holds everywhere, and its calendar shows it.
    assert (await ask(service, head, place="", confirmed="yes")).status == 303
    page = await head.get(PATH)
    assert [day_shown(page, day) for day in (8, 9)] == [["闭馆", "消防检修"], ["按场馆"]]


@pytest.mark.whole
async def test_invalid_weekly_hours_are_refused_and_kept_in_the_form(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    before = await service.books()
    answer = await ask(service, head, **week(opens6="07:10"), confirmed="yes")
    assert answer.status == 400 and "周日：时间以半小时为单位" in answer.body
    assert 'name="opens6" value="07:10"' in answer.body
    assert await service.books() == before
    # The second of two administrators finds what was typed.
    version = await base(head)
    assert (await ask(service, head, confirmed="yes")).status == 303
    late = await ask(service, head, base=version, **week(opens3="05:30"), confirmed="yes")
    assert late.status == 409 and "规则刚刚被其他人修改过" in late.body
    assert 'name="opens3" value="05:30"' in late.body


@pytest.mark.whole
async def test_opening_hours_of_a_day_may_end_on_the_next_day(service: Living) -> None:
    head, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    night = {"kind": "open", "opens": "07:00", "closes": "02:00", "reason": ""}
    preview = await ask(service, head, **night)
    assert f"{service.tomorrow} 全馆 07:00–次日02:00" in preview.body
    assert (await ask(service, head, **night, confirmed="yes")).status == 303
    (venue, *_) = (await reader.ok("GET", "/venues"))["items"]
    assert [day["open"]["to"] for day in venue["dates"]] == ["22:30", "02:00"]
    after = date.fromordinal(date.fromisoformat(service.tomorrow).toordinal() + 1).isoformat()
    closure = await ask(service, head, first=after)
    assert "闭馆从 00:00 开始，前一晚只开放到 24:00" in closure.body
    assert (await ask(service, head, first=after, confirmed="yes")).status == 303
    assert day_shown(await head.get(PATH), 8)[:2] == ["07:00–24:00", "例外 · 闭馆"]
    whole = {
        "kind": "open",
        "whole": "on",
        "reason": "",
        "first": service.today,
        "confirmed": "yes",
    }
    assert (await ask(service, head, **whole)).status == 303
    assert day_shown(await head.get(PATH), 7)[0] == "全天"
