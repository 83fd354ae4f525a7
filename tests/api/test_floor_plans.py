"""The plan editor over HTTP: valid plans, rights, concurrent changes, and affected bookings."""

from __future__ import annotations

import asyncio
import html
import json
import re
from typing import Any

import pytest

from models.identity.roles import Role
from models.library.entities import AreaId, SeatId
from models.staff.audit import AuditQuery
from tests.api.browsing import Browser
from tests.api.console import log, staff
from tests.api.floor_plans import NAMES_STAY, exported, seat_of, send
from tests.living import Living


@pytest.mark.whole
async def test_importing_an_exported_plan_changes_nothing(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    plan = await exported(head)
    answer = await send(service, head, plan, file="yes")
    assert answer.status == 400 and "没有需要保存的更改" in answer.body
    # As the shipped files are: without ids and names.
    bare = {name: plan[name] for name in ("width", "height", "marks")}
    bare["seats"] = [{k: v for k, v in s.items() if k != "id"} for s in plan["seats"]]
    assert "没有需要保存的更改" in (await send(service, head, bare)).body


async def test_seats_are_added_moved_and_removed_and_past_bookings_keep_the_name(
    service: Living,
) -> None:
    head, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    made = await reader.reserve("2f-hall-010", "09:00", "11:00", service.tomorrow)
    plan = await exported(head)
    plan["seats"] = [s for s in plan["seats"] if s["no"] not in ("010", "011")]
    seat_of(plan, "012")["no"] = "099"
    seat_of(plan, "013")["x"] += 1
    before = await service.books()
    preview = await send(service, head, plan)
    assert preview.status == 200 and await service.books() == before
    for words in ("移除 010、011", "改号 012→099", "移动 013", "<b>1</b> 个预约不再符合平面图"):
        assert words in preview.body, words
    assert NAMES_STAY in preview.body
    done = await send(service, head, plan, confirmed="yes", bookings="cancel")
    assert done.status == 303
    await service.settle()
    gone = await reader.ok("GET", f"/reservations/{made['id']}")
    assert gone["state"] == "cancelled" and gone["seat"]["label"] == "图书馆2层二层中厅010号"
    message = (await reader.ok("GET", "/messages"))["items"][0]
    assert message["template"] == "MOVED" and "010号" in message["text"]
    wish = {"date": service.tomorrow, "start": "09:00", "end": "11:00"}
    await reader.refused(
        "404 not_found", "POST", "/reservations", wish | {"seat_id": made["seat"]["id"]}
    )
    shown_now = await reader.ok("GET", "/areas/2f-hall/map")
    assert {"010", "011", "012"}.isdisjoint(s["no"] for s in shown_now["seats"])
    taken = await reader.ok("POST", "/reservations", wish | {"seat_id": "2f-hall-012"})
    assert taken["seat"]["no"] == "099"

    # Put back by the log's copy: the same seat again, with its past.
    ((entry,), _) = await service.inside.stored.audit_log.page_of(AuditQuery(action="plan"), 0, 1)
    assert "/console/audit/" + entry.id in (await head.get("/console/audit")).body
    old = await exported(head, f"/console/audit/{entry.id}/plan.json")
    assert (await send(service, head, old, base=1, confirmed="yes")).status == 303
    assert {s["no"] for s in (await reader.ok("GET", "/areas/2f-hall/map"))["seats"]} >= {
        "010",
        "012",
    }
    assert (await exported(head)) == old
    assert [(action, outcome) for action, _, outcome in await log(service)] == [
        ("plan", "done")
    ] * 2


async def test_a_disabled_seat_cannot_be_booked_on_its_days_only(service: Living) -> None:
    desk, reader = await staff(service, Role.LIBRARIAN), await service.reader()
    waiting = await service.reader()
    plan = await exported(desk)
    seat_of(plan, "010").update(
        disabled="插座维修", disabled_from=service.tomorrow, disabled_until=service.tomorrow
    )
    made = await reader.reserve("2f-hall-010", "09:00", "11:00", service.tomorrow)
    today = await reader.reserve("2f-hall-010", "now", "11:00")
    assert (await send(service, desk, plan, confirmed="yes", bookings="keep")).status == 303
    assert (await reader.ok("GET", f"/reservations/{made['id']}"))["state"] == "reserved"
    assert (await reader.ok("GET", f"/reservations/{today['id']}"))["state"] == "reserved"
    wish = {"seat_id": "2f-hall-010", "date": service.tomorrow, "start": "14:00", "end": "15:00"}
    refused = await waiting.refused("422 seat_disabled", "POST", "/reservations", wish)
    assert refused.body["error"]["details"]["reason"] == "插座维修"
    for day, status in ((service.today, "occupied"), (service.tomorrow, "disabled")):
        seats = (await reader.ok("GET", f"/areas/2f-hall/map?date={day}"))["seats"]
        assert seat_of({"seats": seats}, "010")["status"] in (status, "mine"), day
    # Kept for now, and found again.
    assert "受影响的预约 1" in (await desk.get("/console")).body
    assert "二层中厅010号" in (await desk.get("/console/affected-bookings")).body


NO_PLANS: dict[str, Any] = {
    "no json": "{",
    "deep": "[" * 100_000,
    "a list": [],
    "unknown field": {"width": 1, "height": 1, "seats": [], "marks": [], "z": 1},
    "a surrogate": '{"width":1,"height":1,"seats":[],"marks":[],"name":"\\ud800"}',
}


async def test_an_invalid_plan_is_refused_and_drawn_again(service: Living) -> None:
    """Valid plans are in tests/unit/test_plan_editing."""
    head = await staff(service, Role.ADMINISTRATOR)
    right, before = json.dumps(await exported(head)), await service.books()
    for case, sent in NO_PLANS.items():
        answer = await send(service, head, sent, confirmed="yes")
        assert answer.status == 400 and "这不是平面图文件" in answer.body, case
    for words, of_plan, of_seat in (
        ("不是 2f-hall 的", {"area": "3f-hall"}, {}),
        ("区域名称", {"name": " "}, {}),
        ("超出平面图", {}, {"x": -1}),
        ("不能使用", {}, {"id": "3f-hall-001"}),
    ):
        plan = json.loads(right) | of_plan
        seat_of(plan, "010").update(of_seat)
        answer = await send(service, head, plan, confirmed="yes")
        assert answer.status == 400 and words in answer.body
        assert json.loads(drawing(answer.body)) == plan, words
    assert await service.books() == before and await log(service) == []


def drawing(body: str) -> str:
    match = re.search(r'<textarea name="plan" hidden aria-label[^>]*>(.*?)</textarea>', body, re.S)
    assert match is not None
    return html.unescape(match[1])


async def test_a_librarian_may_disable_seats_but_not_move_them(service: Living) -> None:
    desk = await staff(service)
    plan = await exported(desk)
    seat_of(plan, "010")["x"] += 1
    before = await service.books()
    assert (await send(service, desk, plan, confirmed="yes")).status == 403
    assert await service.books() == before


async def test_of_eight_concurrent_changes_of_a_plan_one_is_saved(service: Living) -> None:
    heads = [await staff(service, Role.ADMINISTRATOR) for _ in range(8)]
    plan = await exported(heads[0])

    async def change(n: int, head: Browser) -> Any:
        mine = json.loads(json.dumps(plan))
        seat_of(mine, "010")["x"] += n % 2 + 1
        return await send(service, head, mine, confirmed="yes")

    answers = await asyncio.gather(*(change(n, head) for n, head in enumerate(heads)))
    assert sorted(a.status for a in answers) == [303] + [409] * 7
    assert all("刚刚被其他人修改过" in a.body for a in answers if a.status == 409)
    assert service.inside.reference.catalog.areas[AreaId("2f-hall")].rev == 1


async def test_a_change_of_an_outdated_plan_is_refused_as_a_conflict(service: Living) -> None:
    """A librarian makes a small change of a plan that an administrator has rebuilt meanwhile."""
    head, desk = await staff(service, Role.ADMINISTRATOR), await staff(service, Role.LIBRARIAN)
    mine = await exported(desk)
    theirs = json.loads(json.dumps(mine))
    seat_of(theirs, "011")["x"] += 1
    assert (await send(service, head, theirs, confirmed="yes")).status == 303
    seat_of(mine, "010")["disabled"] = "漏水"
    late = await send(service, desk, mine)
    assert late.status == 409 and "漏水" in html.unescape(drawing(late.body))


async def test_a_new_area_is_empty_until_it_is_drawn(service: Living) -> None:
    head, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    form = {"id": "5f-east", "venue": "library", "name": "五层东区", "floor": "5"}
    new = "/console/plans"
    for field, value in (("id", "5F east"), ("venue", "x"), ("floor", "五"), ("name", "")):
        wrong = await send(service, head, "", path=new, **form | {field: value})
        assert wrong.status == 400 and "五层东区" in wrong.body + (
            "五层东区" if field == "name" else ""
        )
    assert (await send(service, head, "", path=new, **form | {"id": "2f-hall"})).status == 409
    assert (await send(service, head, "", path=new, **form)).status == 303
    areas = (await reader.ok("GET", "/areas"))["items"]
    assert "5f-east" not in {a["id"] for a in areas}, "nobody can sit there yet"
    plan = await exported(head, f"{new}/5f-east.json")
    plan["seats"] = [{"no": "001", "x": 0, "y": 0, "power": True}]
    path = f"{new}/5f-east"
    assert (await send(service, head, plan, path=path, confirmed="yes")).status == 303
    made = await reader.reserve("5f-east-001", "09:00", "10:00", service.tomorrow)
    assert made["seat"]["label"] == "图书馆5层五层东区001号"
    assert SeatId("5f-east-001") in service.inside.reference.catalog.seats
