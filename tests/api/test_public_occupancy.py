"""Public occupancy: access and content."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from handlers.display.made_once import MADE_EVERY_S
from models.identity.roles import Role
from models.library.entities import AreaId
from models.policy.entities import OpeningRule
from tests.api.changes import with_rules
from tests.api.console import staff
from tests.api.reader_groups import ROOM, group
from tests.api.rules_page import ask
from tests.living import Living

HERE = "/public/occupancy"
HALL = AreaId("2f-hall")


async def area(service: Living, id: str = HALL) -> dict[str, Any]:
    """The area in the public occupancy."""
    items: list[dict[str, Any]] = (await service.anonymous.ok("GET", HERE))["items"]
    (item_found,) = [item for item in items if item["id"] == id]
    return item_found


async def test_public_occupancy_is_hidden_until_the_policy_enables_it(service: Living) -> None:
    await with_rules(service, hall_display=True)  # a screen in the hall is another matter
    assert (await service.anonymous.get(HERE)).status == 404
    head = await staff(service, Role.ADMINISTRATOR)
    on = {"hall_display": "on", "public_occupancy": "on"}
    preview = await ask(service, head, **on, reason="校园网站要用")
    assert "公开数据" in preview.body
    assert (await ask(service, head, **on, reason="校园网站要用", confirmed="yes")).status == 303
    assert (await service.anonymous.get(HERE)).status == 200
    assert (await service.anonymous.get(f"{HERE}?venue=library")).status == 200
    assert (await service.anonymous.get(f"{HERE}?venue=annex")).status == 404
    assert (await service.anonymous.get(f"{HERE}?venue=")).status == 400


async def test_public_occupancy_counts_free_seats_and_names_no_reader(service: Living) -> None:
    await with_rules(service, public_occupancy=True)
    await service.move("16:08")
    before = await area(service)
    assert (before["state"], before["floor"], before["seats_total"]) == (
        "open",
        2,
        before["seats_free"],
    )
    reader = await service.reader()
    await reader.reserve(start="now", end="18:00")
    await service.move(timedelta(seconds=MADE_EVERY_S))
    answer = await service.anonymous.get(HERE)
    assert answer.body["at"] == f"{service.today}T16:08:00+08:00"
    (hall,) = [item for item in answer.body["items"] if item["id"] == HALL]
    assert hall == before | {"seats_free": before["seats_free"] - 1}
    assert "张三" not in str(answer.body) and reader.reader_id not in str(answer.body)
    # The same as what readers see, area by area.
    seen = {a["id"]: a["seats_free"] for a in (await reader.ok("GET", "/areas"))["items"]}
    given = {item["id"]: item["seats_free"] for item in answer.body["items"]}
    assert given == seen


async def test_closed_and_reserved_areas_have_no_free_count(service: Living) -> None:
    day = date.fromisoformat(service.today)
    repair = OpeningRule(None, None, day, day, area_id=HALL, reason="地面维修")
    usual = service.inside.reference.policy.opening
    await with_rules(service, public_occupancy=True, opening=(*usual, repair))
    shown_area = await area(service)
    assert (shown_area["state"], shown_area["seats_free"], shown_area["reason"]) == (
        "closed",
        None,
        "地面维修",
    )
    await group(service, await staff(service, Role.ADMINISTRATOR), shown_name="研究生读者")
    await service.move(timedelta(seconds=MADE_EVERY_S))
    room = await area(service, ROOM)
    assert (room["state"], room["seats_free"]) == ("reserved", None) and room["seats_total"] > 0
    await service.move("22:31")
    assert (await area(service, ROOM))["state"] == "over"
    await service.move(timedelta(hours=2))
    early = await area(service, ROOM)
    assert early["state"] == "to_come" and early["opens_at"] == f"{service.today}T07:00:00+08:00"


@pytest.mark.whole
async def test_public_occupancy_is_readable_across_origins_and_cacheable(service: Living) -> None:
    await with_rules(service, public_occupancy=True)
    first = await service.anonymous.get(HERE, Origin="https://elsewhere.example")
    assert first.headers["Access-Control-Allow-Origin"] == "*"
    assert first.headers["Cache-Control"] == f"public, max-age={MADE_EVERY_S}"
    assert "Set-Cookie" not in first.headers
    # Who is signed in reads the same, and a broken token breaks nothing.
    reader = await service.reader()
    assert (await reader.get(HERE)).body == first.body
    again = await service.anonymous.get(HERE, **{"If-None-Match": first.headers["ETag"]})
    assert again.status == 304 and again.headers["Access-Control-Allow-Origin"] == "*"
    # What is of a reader is still given to no other site.
    assert "Access-Control-Allow-Origin" not in (await reader.get("/areas")).headers
