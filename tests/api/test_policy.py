"""Policy values in the console: preview, rights, and overrides for some days."""

from __future__ import annotations

import asyncio
import re

from models.identity.roles import Role
from models.policy.entities import DATE_OVERRIDABLE
from models.staff.audit import AuditQuery
from tests.api.browsing import Browser
from tests.api.console import log, post, staff
from tests.api.rules_page import PATH, SET, ask, form_of, next_morning
from tests.living import Living


async def test_a_preview_judges_last_weeks_bookings_by_the_new_policy(service: Living) -> None:
    for hours in (2, 4):  # one is there at once, one comes late, one never
        early, late, never = [await service.reader() for _ in range(3)]
        day, end = service.today, f"{9 + hours:02}:00"
        for seat, reader in zip(("011", "012", "013"), (early, late, never), strict=True):
            await reader.reserve(f"2f-hall-{seat}", "09:00", end, day)
        await service.move("09:00")
        for clock, reader in (("09:01", early), ("09:29", late)):
            await service.move(clock)
            (mine,) = (await reader.ok("GET", "/me"))["active"]
            body = {"qr": await service.qr()}
            await reader.ok("POST", f"/reservations/{mine['id']}/check-in", body)
        await service.move("10:05")
        (mine,) = (await early.ok("GET", "/me"))["active"]
        await early.ok("POST", f"/reservations/{mine['id']}/leave")
        await service.move("10:30")
        await early.ok("POST", f"/reservations/{mine['id']}/check-in", {"qr": await service.qr()})
        await next_morning(service)
    head = await staff(service, Role.ADMINISTRATOR)
    preview = await ask(
        service, head, max_minutes="180", check_in_after_minutes="20", leave_minutes="20"
    )
    assert preview.status == 200
    cells = re.findall(r'<td class="n">(?:<b>)?(\d+)(?:</b>)?</td>', preview.body)
    today, then = list(map(int, cells[::2])), list(map(int, cells[1::2]))
    # Six bookings: three of four hours would have been refused; of the others the late one and
    # the absent one are missed, and the early one was away for 25 minutes.
    assert today == [6, 0, 2, 0, 0] and then == [6, 3, 2, 1, 0]
    assert "时间太长 3" in preview.body
    for words in ("单次最长时长：240 分钟 → 180 分钟", "暂离：30 分钟 → 20 分钟"):
        assert words in preview.body
    assert service.inside.reference.policy.version == 1, "nothing changes before it is confirmed"


async def test_new_policy_values_apply_to_later_bookings_only(service: Living) -> None:
    head, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    long = await reader.reserve("2f-hall-010", "09:00", "13:00", service.tomorrow)
    preview = await ask(service, head, max_minutes="120")
    assert "<b>1</b> 个预约不再符合新规则" in preview.body
    form = {"max_minutes": "120", "confirmed": "yes", "bookings": "keep"}
    form |= {
        "away_timeout_is_violation": "on",
        "meal_times": "11:30-13:00",
        "booking_opens_at": "07:00",
    }
    form |= {"leave_minutes@2f-hall": "15"}
    assert (await ask(service, head, **form)).status == 303
    policy = service.inside.reference.policy
    assert (policy.version, policy.max_minutes, len(policy.meal_times)) == (2, 120, 1)
    assert policy.away_timeout_is_violation and policy.booking_opens_at is not None
    assert policy.areas[next(a for a in policy.areas if a == "2f-hall")] == {"leave_minutes": 15}
    assert (await reader.ok("GET", f"/reservations/{long['id']}"))["state"] == "reserved"
    wish = {"seat_id": "2f-hall-011", "date": service.today, "start": "14:00", "end": "17:00"}
    await reader.refused("422 too_long", "POST", "/reservations", wish)
    assert "受影响的预约" not in (await head.get("/console")).body, "it keeps its own numbers"
    ((entry,), _) = await service.inside.stored.audit_log.page_of(AuditQuery(action="rules"), 0, 1)
    assert entry.after is not None and "单次最长时长：240 分钟 → 120 分钟" in str(
        entry.after["change"]
    )
    assert entry.reason == "馆长办公会"
    # Another time those that are too long are to go.
    form = {"max_minutes": "60", "confirmed": "yes", "bookings": "cancel"}
    other = await reader.reserve("2f-hall-012", "14:00", "16:00", service.tomorrow)
    assert (await ask(service, head, **form)).status == 303
    assert (await reader.ok("GET", f"/reservations/{other['id']}"))["state"] == "cancelled"


async def test_an_invalid_policy_is_refused_and_kept_in_the_form(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    before = await service.books()
    for said, form in (
        ("没有需要保存的更改", {}),
        ("单次最长时长应为", {"max_minutes@2f-hall": "99999"}),
        ("单次最短时长不能超过", {"min_minutes": "300"}),
        ("请写明原因", {"max_minutes": "120", "why": ""}),
        ("请填写日期", SET | {"first": "x"}),
    ):
        answer = await ask(service, head, confirmed="yes", **form)
        assert answer.status == 400 and said in answer.body, (form, answer.body[:2000])
        for name, value in form.items():
            assert name == "operation" or not value or f'value="{value}"' in answer.body, form
    for wrong in ({"operation": "else"}, {"operation": "remove", "number": "0"}):
        assert (await ask(service, head, **wrong)).status == 404
    assert await log(service) == [] and await service.books() == before


async def test_a_policy_override_applies_on_its_days_only(service: Living) -> None:
    head, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    days = {"first": service.tomorrow, "last": service.tomorrow}
    preview = await ask(service, head, **SET, **days)
    assert "新增“考试周”" in preview.body and "单次最长时长 120 分钟" in preview.body
    assert (await ask(service, head, **SET, **days, confirmed="yes")).status == 303
    wish = {"seat_id": "2f-hall-010", "start": "09:00", "end": "12:00"}
    await reader.ok("POST", "/reservations", wish | {"date": service.today})
    longer = wish | {"date": service.tomorrow}
    await reader.refused("422 too_long", "POST", "/reservations", longer)
    await reader.ok("POST", "/reservations", longer | {"end": "11:00"})
    again = longer | {"start": "14:00", "end": "15:00", "seat_id": "2f-hall-020"}
    await reader.refused("422 daily_limit", "POST", "/reservations", again)
    assert "考试周" in (await Browser(await service.web_reader()).get("/rules")).body
    # The ends that the pages offer are those of the day.
    free = await service.reader()
    ends = await free.ok("GET", f"/seats/2f-hall-030/times?date={service.tomorrow}&start=09:00")
    assert [e["value"] for e in ends["ends"]] == ["10:00", "11:00"]
    # Also above an area's own number; the day after, the usual ones again.
    upstairs = {"seat_id": "3f-hall-001", "start": "15:00", "end": "19:00"}
    other = await service.reader()
    await other.refused(
        "422 too_long", "POST", "/reservations", upstairs | {"date": service.tomorrow}
    )
    await next_morning(service)
    await other.ok("POST", "/reservations", upstairs | {"date": service.tomorrow})


async def test_every_policy_value_can_be_changed_from_a_date_on(service: Living) -> None:
    """Until that day nothing changes; from then on it is the usual value."""
    head, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    term = {"operation": "add", "name": "新学期", "first": service.tomorrow, "last": ""}
    values = {
        "set.violations_limit": "1",
        "set.suspension_days": "3",
        "set.booking_window_days": "3",
        "set.max_minutes": "120",
        "set.filter_by_power": "yes",
        "set.accessible_only": "no",
        "set.meal_times": "11:30-13:00，23:30-00:30",
        "none.booking_opens_at": "on",
    }
    form = (await head.get("/console/rules")).body
    offered = set(re.findall(r'name="(?:set|none)\.(\w+)"', form))
    assert offered >= DATE_OVERRIDABLE, DATE_OVERRIDABLE - offered
    preview = await ask(service, head, **term, **values)
    words = f"{service.tomorrow} 起 全馆：单次最长时长 120 分钟，可提前预约 3 天，"
    assert words in preview.body and "放号时间 不限" in preview.body
    assert "读者可按电源筛选：是" in preview.body and "用餐时间 11:30-13:00" in preview.body
    assert (await ask(service, head, **term, **values, confirmed="yes")).status == 303
    assert (
        f"{service.tomorrow} 起（新学期）"
        in (await Browser(await service.web_reader()).get("/rules")).body
    )

    async def filtered(day: str) -> int:
        return int((await reader.get(f"/areas?date={day}&power=true")).status)

    assert (await filtered(service.today), await filtered(service.tomorrow)) == (422, 200)
    (venue, *_) = (await reader.ok("GET", "/venues"))["items"]
    assert len(venue["dates"]) == 4, "each day by its own window"
    wish = {"seat_id": "2f-hall-010", "start": "09:00", "end": "12:00"}
    await reader.ok("POST", "/reservations", wish | {"date": service.today})
    later = wish | {"date": service.tomorrow}
    await reader.refused("422 too_long", "POST", "/reservations", later)
    # Above, areas have 360 of their own, as they would with a change of the usual number.
    await reader.ok("POST", "/reservations", later | {"seat_id": "3f-north-001"})
    # It counts by the day on which it happens: the first violation is enough then.
    await service.move("09:45")
    await service.settle()
    me = await reader.ok("GET", "/me")
    assert (me["suspension"], me["violations_count"]) == (None, 1)
    await next_morning(service)
    await service.move("09:45")
    await service.settle()
    me = await reader.ok("GET", "/me")
    assert me["suspension"] is not None
    head = await staff(service, Role.ADMINISTRATOR)
    assert "没有，一直按常规规则" in (await head.get(PATH)).body
    assert (await form_of(head))["violations_limit"] == "1"
    assert (await ask(service, head, max_minutes="90", confirmed="yes")).status == 303
    policy = service.inside.reference.policy
    assert (policy.rule_sets, policy.max_minutes, policy.violations_limit) == ((), 90, 1)


async def test_of_four_concurrent_policy_changes_one_is_saved(service: Living) -> None:
    heads = [await staff(service, Role.ADMINISTRATOR) for _ in range(4)]
    form = await form_of(heads[0]) | {"confirmed": "yes", "why": "x"}
    answers = await asyncio.gather(
        *(
            post(service, head, PATH, **form | {"max_minutes": str(60 + 30 * n)})
            for n, head in enumerate(heads)
        )
    )
    assert sorted(a.status for a in answers) == [303, 409, 409, 409]
    assert all("刚刚被其他人修改过" in a.body for a in answers if a.status == 409)
    assert service.inside.reference.policy.version == 2
