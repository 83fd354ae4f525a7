"""研修间设置: an administrator keeps the study rooms; each form is for one revision of a room."""

from __future__ import annotations

import re
from typing import Any

import pytest

from models.identity.roles import Role
from models.library.rooms import RequestAnswer, Room, RoomId, RoomRules
from tests.api.browsing import Browser
from tests.api.console import log, post, staff
from tests.api.refused_forms import ROOM
from tests.living import Living

PAGE = "/console/room-settings"
R201 = RoomId("r201")


def room(service: Living, name: str = "研修间501") -> Room:
    return next(r for r in service.inside.reference.rooms.values() if r.name == name)


async def operate(service: Living, who: Browser, room: Room, operation: str, **form: str) -> Any:
    fields = {"base": str(room.rev), "operation": operation, **form}
    return await post(service, who, f"{PAGE}/{room.id}", **fields)


async def free(service: Living) -> list[str]:
    """The names of the rooms that readers can book."""
    items = (await (await service.reader()).ok("GET", "/rooms"))["items"]
    return [item["room"]["name"] for item in items]


async def test_a_room_is_added_changed_retired_and_brought_back(service: Living) -> None:
    head, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    english = {"name-en": "Room 501", "opens": "09:00", "closes": "21:00"}
    for _ in range(2):  # sent twice
        added = await post(service, head, PAGE, key="k1", **ROOM, **english)
    assert added.status == 409 and "已经添加" in added.body and "研修间501" in added.body
    new = room(service)
    assert (new.names, new.floor, new.least, new.most) == ({"en": "Room 501"}, 5, 2, 6)
    assert (new.equipment, new.rev) == (("白板", "投影仪"), 0)
    assert new.rules == RoomRules(
        buffer_minutes=30, purpose_wanted=True, unanswered=RequestAnswer.DECLINE
    )
    wish = {"room_id": new.id, "date": service.tomorrow, "start": "14:00", "end": "16:00"}
    asked = await reader.ok("POST", "/room-bookings", wish | {"purpose": "讨论"})
    assert asked["state"] == "requested"
    listed = (await head.get(PAGE)).body
    assert "2–6 人 · 白板、投影仪 · 09:00–21:00 · 要馆员同意" in listed and "5层" in listed
    page = (await head.get(f"{PAGE}/{new.id}")).body
    for shown in (
        'value="研修间501"',
        'name="opens" value="09:00"',
        'value="decline" selected',
        'value="30" selected',
        'value="白板、投影仪"',
    ):
        assert shown in page, shown

    backwards = ROOM | {"opens": "21:00", "closes": "09:00"}
    refused = await operate(service, head, new, "change", **backwards)
    assert refused.status == 400 and "结束应晚于开始" in refused.body
    assert re.search('name="closes" value="09:00" aria-invalid="true"', refused.body)
    changed = ROOM | {"name": "研修间502", "confirm_minutes": "60", "unanswered": ""}
    assert (await operate(service, head, new, "change", **changed)).status == 303
    late = await operate(service, head, new, "change", **(ROOM | {"name": "研修间503"}))
    assert late.status == 409 and 'value="研修间503"' in late.body, "an older revision"
    now = room(service, "研修间502")
    assert (now.id, now.rev, now.hours, now.names) == (new.id, 1, None, {"en": "Room 501"})
    assert (now.rules.confirm_minutes, now.rules.unanswered) == (60, None)
    mine = await reader.ok("GET", f"/room-bookings/{asked['id']}")
    assert mine["state"] == "requested", "by the rules of its time"

    assert "研修间502" in await free(service)
    question = await operate(service, head, now, "retire")
    assert question.status == 200 and "<b>1</b> 个预约不再符合" in question.body
    kept = {"confirmed": "yes", "bookings": "keep"}
    assert (await operate(service, head, now, "retire", **kept)).status == 303
    retired = room(service, "研修间502")
    assert retired.retired and "研修间502" not in await free(service)
    assert "已停用" in (await head.get(f"{PAGE}/{new.id}")).body
    assert (await reader.ok("GET", f"/room-bookings/{asked['id']}"))["state"] == "requested"
    assert (await operate(service, head, retired, "restore")).status == 303
    assert "研修间502" in await free(service)
    assert (await operate(service, head, room(service, "研修间502"), "dance")).status == 404
    target = f"room:{new.id}"
    assert await log(service) == [
        ("room_added", target, "done"),
        ("room_added", target, "room_changed"),
        ("room", target, "done"),
        ("room_retired", target, "done"),
        ("room_restored", target, "done"),
    ]
    entries = (await head.get(f"/console/audit?target={target}")).body
    assert "研修间 研修间502" in entries and "没有答复则谢绝" in entries


async def test_only_administrators_of_the_venue_change_its_rooms(service: Living) -> None:
    first = service.inside.reference.rooms[R201]
    before = dict(service.inside.reference.rooms)
    for role, status in ((None, 403), (Role.VIEWER, 200), (Role.LIBRARIAN, 200)):
        who = await staff(service, role)
        for operation in ("change", "retire", "restore"):
            assert (await operate(service, who, first, operation, **ROOM)).status == 403
        assert (await post(service, who, PAGE, **ROOM)).status == 403
        assert (await who.get(f"{PAGE}/new")).status == 403
        for path in (PAGE, f"{PAGE}/{first.id}"):
            page = await who.get(path)
            assert page.status == status and 'value="change"' not in page.body
    head = await staff(service, Role.ADMINISTRATOR)
    assert (await post(service, head, PAGE, **(ROOM | {"venue": "nowhere"}))).status == 400
    assert (await head.get(f"{PAGE}/nowhere")).status == 404
    await service.inside.reference.refresh()
    assert service.inside.reference.rooms == before and await log(service) == []


@pytest.mark.whole
async def test_a_library_without_rooms_has_only_the_page_that_adds_them(service: Living) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    await service.db["rooms"].delete_many({})
    await service.db["versions"].update_one({"_id": "library"}, {"$inc": {"number": 1}})
    page = (await head.get(PAGE)).body
    assert "还没有研修间" in page and 'href="/console/rooms"' not in page
    assert (await post(service, head, PAGE, **ROOM)).status == 303
    assert 'href="/console/rooms"' in (await head.get(PAGE)).body
