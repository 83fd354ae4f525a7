"""Bookings that lose their seat or time: each reader is notified, and only unsuitable bookings are
cancelled."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from handlers.http.keys import service_key
from models.affected_bookings.service import Resolution, ResolutionResult
from models.identity.roles import Role
from models.kernel.ids import Actor, ReaderId
from models.policy.staff import StaffPolicyAndPlans
from models.staff.audit import AuditQuery
from tests.api.affected_bookings import TEN, seat, state, without
from tests.api.calendar_page import ask as ask_calendar
from tests.api.changes import rules
from tests.api.console import post, staff
from tests.api.floor_plans import exported, seat_of, send
from tests.api.rules_page import SET, next_morning
from tests.api.rules_page import ask as ask_rules
from tests.living import Client, Living


async def titles(service: Living, reader: Client) -> list[str]:
    await service.settle()
    return [m["title"] for m in (await reader.ok("GET", "/messages"))["items"]]


async def test_a_reader_who_changed_seats_before_the_cancellation_keeps_the_booking(
    service: Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    made = await reader.reserve(TEN, "09:00", "11:00", service.tomorrow)
    many = service.inside.stored.readers.many

    async def first_they_move(ids: Any) -> Any:
        body = {"seat_id": "2f-hall-020"}
        await reader.ok("POST", f"/reservations/{made['id']}/change", body)
        monkeypatch.undo()
        return await many(ids)

    monkeypatch.setattr(service.inside.stored.readers, "many", first_they_move)
    assert (await without(service, head, "010", bookings="cancel")).status == 303
    assert await state(reader, made) == "reserved"
    ((entry,), _) = await service.inside.stored.audit_log.page_of(AuditQuery(action="plan"), 0, 1)
    assert entry.after is not None and entry.after["cancelled"] == 0


async def test_an_offer_of_a_removed_seat_is_withdrawn_with_a_message(service: Living) -> None:
    head, first, second = (
        await staff(service, Role.ADMINISTRATOR),
        await service.reader(),
        await service.reader(),
    )
    made = await first.reserve(TEN, "09:00", "11:00", service.tomorrow)
    line = {"area_id": "2f-hall", "seats": [TEN], "date": service.tomorrow}
    await second.ok("POST", "/waitlist", line | {"start": "09:00", "end": "11:00"})
    await first.ok("POST", f"/reservations/{made['id']}/cancel")
    await service.settle()
    (wait,) = (await second.ok("GET", "/waitlist"))["items"]
    plan = await exported(head)
    seat_of(plan, "010")["disabled"] = "漏水"
    preview = await send(service, head, plan)
    assert "<b>1</b> 个为候补读者保留的座位会收回" in preview.body
    assert (await send(service, head, plan, confirmed="yes")).status == 303
    accept = f"/reservations/{wait['offer']['id']}/accept"
    await second.refused("409 wrong_state", "POST", accept)
    assert "保留的座位已不能使用" in await titles(service, second)


async def test_an_offer_of_a_removed_seat_cannot_be_accepted(service: Living) -> None:
    """The worker that changed the plan has not yet withdrawn the offer."""
    first, second = await service.reader(), await service.reader()
    made = await first.reserve(TEN, "09:00", "11:00", service.tomorrow)
    line = {"area_id": "2f-hall", "seats": [TEN], "date": service.tomorrow}
    await second.ok("POST", "/waitlist", line | {"start": "09:00", "end": "11:00"})
    await first.ok("POST", f"/reservations/{made['id']}/cancel")
    await service.settle()
    (wait,) = (await second.ok("GET", "/waitlist"))["items"]
    inside = service.inside
    area = inside.reference.catalog.areas[seat(service).area_id]
    broken = tuple(replace(s, disabled="漏水") if s.id == TEN else s for s in area.seats)
    assert await inside.stored.catalogs.replace_area(replace(area, seats=broken, rev=area.rev + 1))
    await inside.reference.refresh()
    await second.refused("422 seat_disabled", "POST", f"/reservations/{wait['offer']['id']}/accept")


async def test_a_booking_made_after_the_preview_must_be_confirmed_too(service: Living) -> None:
    head, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    plan = await exported(head)
    plan["seats"] = [s for s in plan["seats"] if s["no"] != "010"]
    assert "没有预约受影响" in (await send(service, head, plan)).body
    made = await reader.reserve(TEN, "09:00", "11:00", service.tomorrow)
    again = await send(service, head, plan, confirmed="yes")
    assert again.status == 200 and "又有预约受影响" in again.body
    assert await state(reader, made) == "reserved"
    assert (await exported(head))["seats"] != plan["seats"], "nothing has changed"
    done = await send(service, head, plan, confirmed="yes", bookings="offer")
    assert done.status == 303 and await state(reader, made) == "cancelled"
    assert (await titles(service, reader))[0] == "预约已取消，为您保留了另一个座位"


async def test_suspended_readers_and_too_short_stays_get_no_replacement_offer(
    service: Living,
) -> None:
    """The reader is suspended by now; or the replacement would be as short as the cancelled
    stay."""
    head, reader, other = (
        await staff(service, Role.ADMINISTRATOR),
        await service.reader(),
        await service.reader(),
    )
    made = await reader.reserve(TEN, "09:00", "11:00", service.tomorrow)
    until = service.clock.now() + timedelta(days=3)
    assert await service.inside.stored.readers.set_suspended_until(reader.reader_id, None, until)
    assert (await without(service, head, "010", bookings="offer")).status == 303
    assert await state(reader, made) == "cancelled"
    assert (await reader.ok("GET", "/waitlist"))["items"] == []
    assert (await titles(service, reader))[0] == "预约已被图书馆取消"

    short = await other.reserve("2f-hall-020", "09:00", "10:00", service.tomorrow)
    form = {"min_minutes": "120", "confirmed": "yes", "bookings": "offer"}
    assert (await ask_rules(service, head, **form)).status == 303
    assert await state(other, short) == "cancelled"
    assert (await other.ok("GET", "/waitlist"))["items"] == []


@pytest.mark.whole
async def test_bookings_beyond_a_shortened_booking_window_stay_listed_as_affected(
    service: Living,
) -> None:
    head, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    await rules(service, booking_window_days=7)
    day = (service.clock.now() + timedelta(days=5)).date().isoformat()
    made = await reader.reserve(TEN, "09:00", "11:00", day)
    await rules(service, booking_window_days=1)
    preview = await ask_calendar(service, head, first=day)
    assert "<b>1</b> 个预约不再符合" in preview.body
    done = await ask_calendar(service, head, first=day, confirmed="yes", bookings="cancel")
    assert done.status == 303 and await state(reader, made) == "cancelled"


async def test_an_extension_past_the_new_closing_time_is_refused(service: Living) -> None:
    head, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    made = await reader.reserve(TEN, "09:00", "11:00")
    form = {"kind": "open", "opens": "07:00", "closes": "11:30", "first": service.today}
    assert (await ask_calendar(service, head, **form, confirmed="yes")).status == 303
    await service.move("09:00")
    qr = {"qr": await service.qr()}
    await reader.ok("POST", f"/reservations/{made['id']}/check-in", qr)
    await service.move("10:30")
    here = f"/reservations/{made['id']}/extend"
    await reader.refused("422 closed", "POST", here, {"end": "12:00"})
    assert (await reader.ok("POST", here, {"end": "11:30"}))["end"][11:16] == "11:30"


@pytest.mark.whole
async def test_a_renumbered_seat_sends_its_reader_a_message(service: Living) -> None:
    head, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    await reader.reserve(TEN, "09:00", "11:00", service.tomorrow)
    await reader.accept("MOVED")
    plan = await exported(head)
    seat_of(plan, "010")["no"] = "099"
    assert (await send(service, head, plan, confirmed="yes")).status == 303
    message = (await reader.ok("GET", "/messages"))["items"][0]
    assert message["title"] == "座位改号"
    assert "010号 现在是 图书馆2层二层中厅099号" in message["text"]
    await service.settle()
    (got,) = await reader.messages()
    values = [field["value"] for field in got["data"].values()]
    assert values == ["图书馆2层二层中厅099号", "2026年9月8日 09:00", "座位改号，位置没有变"]


async def test_three_concurrent_cancellations_give_each_reader_one_offer(service: Living) -> None:
    import asyncio

    readers = [await service.reader() for _ in range(6)]
    for n, reader in enumerate(readers):
        await reader.reserve(f"2f-hall-01{n}", "09:00", "11:00", service.tomorrow)
    await rules(service)
    inside = service.inside
    area = inside.reference.catalog.areas[seat(service).area_id]
    gone = {f"2f-hall-01{n}" for n in range(6)}
    fewer = tuple(s for s in area.seats if s.id not in gone)
    left = tuple(s for s in area.seats if s.id in gone)
    new = replace(area, seats=fewer, removed_seats=left, rev=area.rev + 1)
    assert await inside.stored.catalogs.replace_area(new)
    await inside.reference.refresh()
    now, actor = service.clock.now(), Actor("librarian", "x")
    rows = await inside.affected_bookings.find_unplaceable(now)
    resolving = service.app[service_key(StaffPolicyAndPlans)]._affected_bookings
    done = await asyncio.gather(
        *(resolving.resolve(rows, Resolution.OFFER, actor, now) for _ in range(3))
    )
    assert sum(done, ResolutionResult()) == ResolutionResult(cancelled=6, offered=6)
    for reader in readers:
        assert [w["offer"]["state"] for w in (await reader.ok("GET", "/waitlist"))["items"]] == [
            "offered"
        ]
    assert not await inside.stored.reservations.find_double_bookings()


@pytest.mark.whole
async def test_policy_overrides_that_contradict_each_other_on_a_day_are_refused(
    service: Living,
) -> None:
    """An override that relies on another one is also checked for the day after that one ends."""
    head = await staff(service, Role.ADMINISTRATOR)
    usual = SET | {"set.daily_booking_limit": "", "confirmed": "yes", "first": service.today}
    long = usual | {"last": service.today, "set.max_minutes": "480"}
    assert (await ask_rules(service, head, **long)).status == 303
    leaning = usual | {"last": service.tomorrow, "set.max_minutes": "", "set.min_minutes": "300"}
    answer = await ask_rules(service, head, **leaning)
    assert answer.status == 400 and "不能同时成立" in answer.body
    await next_morning(service)
    reader = await service.reader()
    assert (await reader.get("/areas")).status == 200


@pytest.mark.whole
async def test_a_policy_override_is_previewed_against_last_weeks_bookings(service: Living) -> None:
    reader = await service.reader()
    await reader.reserve(TEN, "09:00", "13:00")
    await next_morning(service)
    head = await staff(service, Role.ADMINISTRATOR)
    form = SET | {"first": service.today, "last": service.tomorrow, "set.max_minutes": "60"}
    preview = await ask_rules(service, head, **form)
    assert "时间太长 1" in preview.body
    assert (await ask_rules(service, head, **form, confirmed="yes")).status == 303
    gone = await ask_rules(service, head, operation="remove", number="0")
    assert gone.status == 200 and "时间太长" not in gone.body


@pytest.mark.whole
async def test_shortening_a_visit_affects_the_visitors_later_bookings(service: Living) -> None:
    desk, student = await staff(service), await service.web_reader()
    await service.inside.stored.cards.put("CARD1234", student.reader_id)
    form = {"name": "周访客", "first": service.today, "last": service.tomorrow}
    path = "/console/readers/visitors"
    taken = await post(service, desk, path, **form, card="CARD1234")
    assert taken.status == 409 and "已登记给其他读者" in taken.body
    assert await service.inside.stored.cards.reader_of("CARD1234") == student.reader_id
    made = await post(service, desk, path, **form, card="CARD9999")
    here = made.headers["Location"].partition("?")[0]
    seat = {"area": "2f-hall", "no": "010", "start": "14:00", "end": "15:00"}
    for day in (service.today, service.tomorrow):
        assert (await post(service, desk, f"{here}/book", **seat, date=day)).status == 303
    days = {"first": service.today, "last": service.today}
    days["was"] = f"{service.today}/{service.tomorrow}"
    assert (await post(service, desk, f"{here}/stay", **days)).status == 303
    live = await service.inside.stored.reservations.live_of(
        ReaderId(here.rsplit("/", 1)[1]),
        service.clock.now() - timedelta(days=1),
    )
    assert [r.date.isoformat() for r in live] == [service.today]
    await next_morning(service)
    desk = await staff(service)
    assert (await post(service, desk, f"{here}/code")).status == 404, "the stay is over"
    rows, _ = await service.inside.stored.audit_log.page_of(
        AuditQuery(target=f"reader:{here[-24:]}", kind="change"), 0, 20
    )
    assert [row.action for row in rows if row.outcome == "done"] == [
        "stay",
        "book",
        "book",
        "visitor",
    ]


@pytest.mark.whole
async def test_a_visitor_is_erased_some_time_after_the_visit(service: Living) -> None:
    desk = await staff(service)
    form = {"name": "周访客", "first": service.today, "last": service.today, "card": "CARD9999"}
    made = await post(service, desk, "/console/readers/visitors", **form)
    id = ReaderId(made.headers["Location"].partition("?")[0].rsplit("/", 1)[1])
    prune = service.scheduler.job("prune")
    assert prune is not None
    await prune.run(service.clock.now() + timedelta(days=90))
    assert await service.inside.stored.readers.get(id) is not None
    await prune.run(service.clock.now() + timedelta(days=92))
    assert await service.inside.stored.readers.get(id) is None
    assert await service.inside.stored.cards.reader_of("CARD9999") is None
