"""Closures and other hours: who may set them, what becomes of bookings, and two at once."""

from __future__ import annotations

import asyncio
import re
from datetime import date
from typing import Any

import pytest

from models.identity.roles import Role
from models.staff.audit import AuditQuery
from tests.api.test_pages import Browser
from tests.api.test_staff_console import log, post, staff
from tests.living import Client, Living

PATH = "/console/calendar"


async def base(who: Browser) -> str:
    found = re.search(r'name="base" value="(\d+)"', (await who.get(PATH)).body)
    assert found is not None
    return found[1]


async def ask(service: Living, who: Browser, **form: str) -> Any:
    """One form of the page, for the version that it shows."""
    usual = {"operation": "add", "kind": "closed", "first": service.tomorrow, "reason": "消防检修"}
    usual |= {"why": "馆长办公会", "bookings": "cancel"}
    return await post(service, who, PATH, **{"base": await base(who), **usual, **form})


async def booked(service: Living, count: int) -> list[tuple[Client, Any]]:
    """Readers with a booking for tomorrow in the hall."""
    readers = [await service.reader() for _ in range(count)]
    return [
        (r, await r.reserve(f"2f-hall-{n:03}", "09:00", "11:00", service.tomorrow))
        for n, r in enumerate(readers, start=1)
    ]


async def state(reader: Client, made: Any) -> str:
    return str((await reader.ok("GET", f"/reservations/{made['id']}"))["state"])


async def test_a_closure_is_shown_first_and_then_done(service: Living) -> None:
    head, people = await staff(service, Role.ADMINISTRATOR), await booked(service, 3)
    upstairs = await service.reader()
    kept = await upstairs.reserve("3f-north-001", "09:00", "11:00", service.tomorrow)
    before = await service.books()
    shown = await ask(service, head, place="a:2f-hall")
    assert shown.status == 200 and "<b>3</b> 个预约不再符合" in shown.body
    assert "二层中厅 闭馆（消防检修）" in shown.body
    assert await service.books() == before, "nothing changes before it is confirmed"

    done = await ask(service, head, place="a:2f-hall", confirmed="yes", bookings="cancel")
    assert done.status == 303
    await service.settle()
    for reader, made in people:
        assert await state(reader, made) == "cancelled"
        assert (await reader.ok("GET", "/messages"))["items"][0]["template"] == "MOVED"
    assert await state(upstairs, kept) == "reserved"
    wish = {"seat_id": "2f-hall-009", "date": service.tomorrow, "start": "09:00", "end": "10:00"}
    told = await people[0][0].refused("422 closed", "POST", "/reservations", wish)
    words = told.body["error"]["message"]
    assert words == "该时间不开放（消防检修），请选择开放时间内的座位"
    assert "消防检修" in (await head.get(PATH)).body
    (entry,), _ = await service.inside.stored.audit_log.page_of(AuditQuery(action="rules"), 0, 10)
    assert entry.after is not None and entry.after["cancelled"] == 3

    # Taken away, it is open again; nobody's booking comes back by itself.
    number = re.search(r'name="number" value="(\d+)"', (await head.get(PATH)).body)
    assert number is not None
    removed = await ask(service, head, operation="remove", number=number[1], confirmed="yes")
    assert removed.status == 303
    await people[0][0].reserve("2f-hall-009", "09:00", "10:00", service.tomorrow)
    assert "没有，按平时的时间开放" in (await head.get(PATH)).body


async def test_bookings_may_be_kept_and_who_sits_there_stays(service: Living) -> None:
    head, ((reader, made),) = await staff(service, Role.ADMINISTRATOR), await booked(service, 1)
    sitting = await service.reader()
    today = await sitting.reserve("2f-hall-020", "now", "12:00")
    qr = {"qr": await service.qr()}
    await sitting.ok("POST", f"/reservations/{today['id']}/check-in", qr)
    shown = await ask(service, head, first=service.today, last=service.tomorrow)
    assert "<b>1</b> 位读者正在使用" in shown.body and "<b>1</b> 个预约不再符合" in shown.body
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


async def test_other_hours_of_some_days(service: Living) -> None:
    head, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    form = {"kind": "open", "opens": "09:00", "closes": "17:00", "place": "v:library"}
    assert (await ask(service, head, **form, reason="", confirmed="yes")).status == 303
    (venue,) = (await reader.ok("GET", "/venues"))["items"]
    assert [d["open"] for d in venue["dates"]] == [
        {"from": "07:00", "to": "22:30"},
        {"from": "09:00", "to": "17:00"},
    ]


async def test_the_second_of_two_is_told_and_overwrites_nothing(service: Living) -> None:
    heads = [await staff(service, Role.ADMINISTRATOR) for _ in range(8)]
    version = await base(heads[0])
    answers = await asyncio.gather(
        *(
            ask(service, head, base=version, reason=f"检修{n}", confirmed="yes")
            for n, head in enumerate(heads)
        )
    )
    assert sorted(a.status for a in answers) == [303] + [409] * 7
    late = next(a for a in answers if a.status == 409)
    assert "规则刚刚被其他人修改过" in late.body and 'value="检修' in late.body
    page = (await heads[0].get(PATH)).body
    assert len(re.findall("检修\\d", page)) == 1
    assert await base(heads[0]) == str(int(version) + 1)
    assert sorted({outcome for _, _, outcome in await log(service)}) in (
        ["done"],
        ["done", "rules_changed"],
    )


@pytest.mark.parametrize("role", [None, Role.VIEWER, Role.LIBRARIAN])
async def test_only_administrators_change_the_rules(service: Living, role: Role | None) -> None:
    who = await staff(service, role)
    before = await service.books()
    form = {"base": "1", "operation": "add", "kind": "closed", "first": service.tomorrow}
    answer = await post(service, who, PATH, **form, confirmed="yes")
    assert answer.status == 403 and await service.books() == before
    if role != "student":
        assert 'method="post"' not in (await who.get(PATH)).body


@pytest.mark.parametrize(
    "form",
    [
        {"first": ""},
        {"first": "2026-02-30"},
        {"first": "2026-09-06"},
        {"first": "2026-09-10", "last": "2026-09-09"},
        {"first": "2026-09-10", "last": "2036-09-10"},
        {"kind": "party"},
        {"kind": "open", "opens": "09:00", "closes": ""},
        {"kind": "open", "opens": "17:00", "closes": "09:00"},
        {"kind": "open", "opens": "09:10", "closes": "17:00"},
        {"reason": ""},
        {"reason": "x" * 51},
        {"place": "a:nowhere"},
        {"place": "2f-hall"},
        {"place": "v:"},
        {"kind": "open", "opens": "08:00:00.5", "closes": "17:00"},
    ],
    ids=str,
)
async def test_what_makes_no_sense_stands_in_the_form_again(
    service: Living, form: dict[str, str]
) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    before = await service.books()
    answer = await ask(service, head, **form, confirmed="yes")
    assert answer.status == 400 and 'role="alert"' in answer.body
    assert f'value="{form.get("first", service.tomorrow)}"' in answer.body
    assert await service.books() == before


async def test_nobody_is_offered_a_seat_of_a_closed_day(service: Living) -> None:
    """Neither what the closure sets free, nor what was held before it."""
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


async def test_an_offer_is_not_accepted_on_a_closed_day(service: Living) -> None:
    """The closure keeps what is booked; an offer is not booked yet."""
    head, ((reader, made),) = await staff(service, Role.ADMINISTRATOR), await booked(service, 1)
    waiting = await service.reader()
    line = {"area_id": "2f-hall", "seats": ["2f-hall-001"], "date": service.tomorrow}
    await waiting.ok("POST", "/waitlist", line | {"start": "09:00", "end": "11:00"})
    await reader.ok("POST", f"/reservations/{made['id']}/cancel")
    await service.settle()
    (wait,) = (await waiting.ok("GET", "/waitlist"))["items"]
    assert (await ask(service, head, confirmed="yes", bookings="keep")).status == 303
    await service.settle()
    await waiting.refused("409 wrong_state", "POST", f"/reservations/{wait['offer']['id']}/accept")
    assert "保留的座位已不能使用" in [
        m["title"] for m in (await waiting.ok("GET", "/messages"))["items"]
    ]


async def test_a_change_of_the_rules_says_why(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    before = await service.books()
    for why in ("", "x" * 201, "a\x00b"):
        assert (await ask(service, head, confirmed="yes", why=why)).status == 400
        assert await service.books() == before
    assert (await ask(service, head, confirmed="yes")).status == 303
    ((entry,), _) = await service.inside.stored.audit_log.page_of(AuditQuery(action="rules"), 0, 1)
    assert entry.reason == "馆长办公会"


async def test_usual_hours_cannot_be_taken_away(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    for number in ("0", "7", "x", "-1", ""):
        form = {"operation": "remove", "number": number, "confirmed": "yes"}
        assert (await ask(service, head, **form)).status == 404, number
