"""The screen at a room's door over HTTP: who sees it, and what it says at each time of a day."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any

import pytest

from models.identity.roles import Role
from models.kernel.ids import Actor
from models.library.rooms import RequestAnswer, Room, RoomId, RoomRules
from models.policy.entities import OpeningRule
from tests.api.changes import with_rules
from tests.api.console import librarian, staff
from tests.api.display_board import plain
from tests.living import Living
from tests.second_venue import JURIDICUM

EVERY = timedelta(seconds=6)
PLAIN = "r201"
"""A room whose bookings need no approval and nobody else's confirmation."""


def here(room: str, venue: str = "library") -> str:
    return f"//display/{venue}/rooms/{room}"


async def door(service: Living) -> list[str]:
    """The lines of the room's screen, which is made anew."""
    await service.move(EVERY)
    board = await service.anonymous.ok("GET", f"{here(PLAIN)}/board")
    html = re.sub("</(p|li|h2)>", "\n", board["html"])
    return [" ".join(line.split()) for line in plain(html).splitlines() if line.strip()]


async def book(service: Living, room: str, start: str, end: str) -> str:
    reader = await service.reader()
    wish = {"room_id": room, "date": service.today, "start": start, "end": end}
    made = await reader.ok("POST", "/room-bookings", wish | {"purpose": "讨论<毕业>设计"})
    return str(made["id"])


async def with_room(service: Living, room: Room) -> None:
    await service.inside.stored.rooms.put([room])
    await service.inside.reference.refresh()


async def test_a_door_is_public_where_the_venue_shows_itself(service: Living) -> None:
    for path in (here(PLAIN), f"{here(PLAIN)}/board"):
        assert (await service.anonymous.get(path, Accept="text/html")).status == 404, path
    head = await staff(service, Role.ADMINISTRATOR)
    assert "门口屏" not in (await head.get("/console/room-settings")).body
    await with_rules(service, hall_display=True)
    link = here(PLAIN).removeprefix("/")
    assert f'href="{link}"' in (await head.get("/console/room-settings")).body
    room = service.inside.reference.rooms[RoomId(PLAIN)]
    await with_room(service, replace(room, id=RoomId("old"), retired=True))
    for room_id, venue, status in (
        (PLAIN, "library", 200),
        (PLAIN, JURIDICUM, 404),
        ("old", "library", 404),
        ("nowhere", "library", 404),
    ):
        for path in (here(room_id, venue), f"{here(room_id, venue)}/board"):
            assert (await service.anonymous.get(path)).status == status, path


async def test_a_door_tells_the_time_of_each_stay_and_nothing_of_its_reader(
    service: Living,
) -> None:
    await with_rules(service, hall_display=True)
    assert await door(service) == ["空闲", "到 22:30", "今天接下来", "没有别的预约"]
    first = await book(service, PLAIN, "14:00", "16:00")
    await book(service, PLAIN, "16:00", "17:30")
    stays = ["14:00–16:00 已约", "16:00–17:30 已约"]
    assert await door(service) == ["空闲", "到 14:00", "今天接下来", *stays]
    page = (await service.anonymous.get(here(PLAIN))).body
    for fact in ("研修间201", "图书馆", "2–4 人", "到 14:00"):
        assert fact in page, fact
    for secret in ("张三", "毕业", first):
        assert secret not in page, secret
    await service.move("14:05")
    assert await door(service) == ["已约", "到 17:30", "今天接下来", stays[1]]
    desk = Actor("librarian", "desk")
    await service.inside.rooms.cancel_for_library(first, "停电", desk, service.clock.now())
    assert await door(service) == ["空闲", "到 16:00", "今天接下来", stays[1]]


@pytest.mark.whole
async def test_a_door_has_the_title_of_a_stay_of_the_librarys_own(service: Living) -> None:
    await with_rules(service, hall_display=True)
    today = service.today
    block: dict[str, Any] = {"room_id": PLAIN, "title": "毕业生座谈", "first": today, "last": today}
    block |= {"start": "12:00", "end": "14:00", "id": "a" * 24, "all": True}
    await (await librarian(service)).ok("POST", "/staff/room-blocks", block)
    assert "12:00–14:00 毕业生座谈" in await door(service)
    await service.move("12:05")
    assert (await door(service))[:3] == ["已约", "到 14:00", "毕业生座谈"]


@pytest.mark.whole
async def test_a_request_and_the_time_to_tidy_up_hold_the_room(service: Living) -> None:
    await with_rules(service, hall_display=True)
    room = service.inside.reference.rooms[RoomId(PLAIN)]
    rules = RoomRules(buffer_minutes=30, unanswered=RequestAnswer.APPROVE)
    await with_room(service, replace(room, rules=rules))
    await book(service, PLAIN, "12:00", "14:00")
    assert "12:00–14:00 已约" in await door(service)
    await service.move("12:05")
    assert (await door(service))[:2] == ["已约", "到 14:30"]


async def test_a_door_says_why_its_room_is_closed(service: Living) -> None:
    await with_rules(service, hall_display=True)
    room = service.inside.reference.rooms[RoomId(PLAIN)]
    await with_room(service, replace(room, hours=(time(9), time(21))))
    assert (await door(service))[0] == "09:00 开放"
    await service.move("21:00")
    assert await door(service) == ["今日已闭馆"]
    day = date.fromisoformat(service.today)
    usual = service.inside.reference.policy.opening
    await with_rules(service, opening=(*usual, OpeningRule(None, None, day, day, reason="<检修>")))
    assert await door(service) == ["今日闭馆", "&lt;检修&gt;"]


@pytest.mark.whole
async def test_an_unchanged_door_costs_no_bytes(service: Living) -> None:
    await with_rules(service, hall_display=True)
    answer = await service.anonymous.get(f"{here(PLAIN)}/board")
    again = await service.anonymous.get(
        f"{here(PLAIN)}/board", **{"If-None-Match": answer.headers["ETag"]}
    )
    assert again.status == 304 and again.headers["X-Server-Time"]
