"""Study rooms in calendars: in those of their people, as a file, and a room's own feed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from models.identity.roles import GrantId, Role, StaffGrant
from models.library.entities import Venue, VenueId
from tests.api.browsing import Browser
from tests.api.console import librarian, log, post, staff
from tests.calendars import CalendarReader, calendar_reader
from tests.living import Client, Living

PLAIN, SEMINAR = "r201", "r401"
"""A room without requests, and one whose bookings are requests."""
PURPOSE = "讨论毕业设计"
PAGE = f"/console/room-settings/{SEMINAR}"


@pytest.fixture(scope="module")
def calendars() -> Iterator[CalendarReader]:
    with calendar_reader() as reader:
        yield reader


async def book(service: Living, reader: Client, room: str = SEMINAR, **other: Any) -> Any:
    """A booking of the room from 14:00 to 16:00 today."""
    usual = {"room_id": room, "date": service.today, "start": "14:00", "end": "16:00"}
    return await reader.ok("POST", "/room-bookings", usual | {"purpose": PURPOSE} | other)


async def feed_of(reader: Client) -> str:
    url = str((await reader.ok("POST", "/calendar-feed"))["url"])
    return "/" + url.removeprefix(reader.service.base)


async def entries(service: Living, calendars: CalendarReader, path: str) -> list[dict[str, Any]]:
    """The entries of the feed, fetched without a session."""
    answer = await service.stranger().get(path)
    assert answer.status == 200, answer.body
    parsed: list[dict[str, Any]] = calendars.read(answer.body)["entries"]
    return parsed


async def issue(service: Living, head: Browser) -> str:
    """The path of a new feed of the room, as its page shows it."""
    page = await post(service, head, f"{PAGE}/calendar", operation="issue")
    match = re.search(rf"<code>{re.escape(service.base)}(/calendar/[^<]+)</code>", page.body)
    assert page.status == 200 and match is not None, page.body
    return f"/{match[1]}"


async def test_a_room_is_in_the_calendars_of_its_people_while_they_have_it(
    service: Living, calendars: CalendarReader
) -> None:
    booker, friend = [await service.reader() for _ in range(2)]
    feed, theirs = await feed_of(booker), await feed_of(friend)
    made = await book(service, booker)
    seat = await booker.reserve(start="09:00", end="10:00")
    by_uid = {e["uid"].partition("@")[0]: e for e in await entries(service, calendars, feed)}
    assert by_uid.keys() == {made["id"], seat["id"]}
    asked = by_uid[made["id"]]
    assert (asked["status"], asked["transp"], asked["alarms"]) == ("TENTATIVE", "OPAQUE", [])
    assert (asked["clock"], asked["zone"]) == ("2026-09-07T14:00:00", "Asia/Shanghai")
    assert asked["summary"] == "研修间：研讨室401" and asked["location"] == "图书馆4层研讨室401"
    assert "待审批" in asked["description"]
    await service.move("09:30")
    desk = await librarian(service)
    await desk.ok("POST", f"/staff/room-requests/{made['id']}/approve")
    await friend.ok("POST", f"/room-invitations/{made['invitation']}/confirm")
    (got,) = await entries(service, calendars, theirs)
    assert (got["uid"], got["status"]) == (asked["uid"], "CONFIRMED")
    assert got["sequence"] > asked["sequence"] and got["modified"] > asked["modified"]
    assert "签到：13:30–14:30" in got["description"] and "违约" not in got["description"]
    assert f"{service.base}/room-bookings/{made['id']}" in got["description"]
    assert [alarm["words"] for alarm in got["alarms"]] == [
        "15 分钟后开始：研讨室401",
        "15 分钟后结束：研讨室401",
    ]
    own = next(e for e in await entries(service, calendars, feed) if e["uid"] == got["uid"])
    assert "逾期记违约一次" in own["description"] and PURPOSE not in str(own)
    await friend.ok("POST", f"/room-invitations/{made['invitation']}/withdraw")
    assert await entries(service, calendars, theirs) == []
    await booker.ok("POST", f"/room-bookings/{made['id']}/cancel")
    uids = [entry["uid"] for entry in await entries(service, calendars, feed)]
    assert [uid.partition("@")[0] for uid in uids] == [seat["id"]], "the cancelled one is gone"


@pytest.mark.whole
async def test_a_stay_that_ended_early_has_its_real_length(
    service: Living, calendars: CalendarReader
) -> None:
    booker = await service.reader()
    feed, made = await feed_of(booker), await book(service, booker, PLAIN)
    await service.move("13:50")
    there = f"/room-bookings/{made['id']}"
    await booker.ok("POST", f"{there}/check-in", {"qr": await service.qr()})
    (used,) = await entries(service, calendars, feed)
    assert "使用中" in used["description"] and len(used["alarms"]) == 1
    await service.move("15:00")
    await booker.ok("POST", f"{there}/finish")
    (over,) = await entries(service, calendars, feed)
    assert over["end"] == "2026-09-07T07:00:00.000Z" and over["sequence"] > used["sequence"]


async def test_one_booking_is_a_file_for_its_people(
    service: Living, calendars: CalendarReader
) -> None:
    booker, friend = await service.web_reader(), await service.reader()
    browser = Browser(booker)
    made = await book(service, friend, PLAIN)
    path = f"/room-bookings/{made['id']}/calendar.ics"
    await booker.refused("404 not_found", "GET", path, **browser.cookie)
    link = f"/room-invitations/{made['invitation']}"
    await booker.ok("POST", f"{link}/confirm", {}, Origin=service.base, **browser.cookie)
    assert f'href="{path}" download' in (await browser.get(f"/room-bookings/{made['id']}")).body
    by_page, by_api = await browser.get(path), await friend.get(path)
    for answer in (by_page, by_api):
        assert answer.headers["Content-Type"].startswith("text/calendar")
        assert f"{made['id']}.ics" in answer.headers["Content-Disposition"]
        (entry,) = calendars.read(answer.body)["entries"]
        assert entry["status"] == "CONFIRMED" and entry["uid"].startswith(made["id"])
    english = await friend.get(path, **{"Accept-Language": "en"})
    assert "Study room:" in calendars.read(english.body)["entries"][0]["summary"]
    await friend.ok("POST", f"/room-bookings/{made['id']}/cancel")
    await friend.refused("404 not_found", "GET", path)


async def test_a_rooms_feed_shows_taken_times_and_nobody(
    service: Living, calendars: CalendarReader
) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    reader = await service.reader()
    made = await book(service, reader)
    await book(service, await service.reader(), PLAIN)
    path = await issue(service, head)
    (taken,) = await entries(service, calendars, path)
    assert (taken["summary"], taken["status"]) == ("已约", "TENTATIVE")
    assert taken["clock"] == "2026-09-07T14:00:00" and taken["location"] == "图书馆4层研讨室401"
    content = str((await service.stranger().get(path)).body)
    for secret in (reader.reader_id, reader.number, "张三", PURPOSE, made["invitation"]):
        assert secret not in content, secret
    named = calendars.read((await service.stranger().get(path)).body)["name"]
    assert named == "研讨室401"
    await reader.ok("POST", f"/room-bookings/{made['id']}/cancel")
    assert await entries(service, calendars, path) == []
    page = (await head.get(PAGE)).body
    assert "生成的地址有效" in page and path.removeprefix("/") not in page
    again = await issue(service, head)
    await service.stranger().refused("404 not_found", "GET", path)
    assert await entries(service, calendars, again) == []
    assert (await post(service, head, PAGE, operation="retire", base="0")).status == 303
    await service.stranger().refused("404 not_found", "GET", again)
    assert (await post(service, head, PAGE, operation="restore", base="1")).status == 303
    assert await entries(service, calendars, again) == []
    off = await post(service, head, f"{PAGE}/calendar", operation="revoke")
    assert off.headers["Location"] == f"{PAGE}?done=room_calendar"
    await service.stranger().refused("404 not_found", "GET", again)
    done = [entry for entry in await log(service) if entry[0] == "room_calendar"]
    assert done == [("room_calendar", f"room:{SEMINAR}", "done")] * 3


async def test_only_the_rooms_own_administrators_issue_its_feed(service: Living) -> None:
    await service.inside.stored.catalogs.add_missing([Venue(VenueId("branch"), "分馆")], [], [])
    await service.inside.reference.refresh()
    person = await service.web_reader()
    grant = StaffGrant(GrantId("g"), Role.ADMINISTRATOR, frozenset({VenueId("branch")}))
    assert await service.inside.stored.staff_grants.give(person.reader_id, grant)
    opened = await service.sessions.open_web(
        person.reader_id, "ST-branch", service.clock.now(), granted=True
    )
    person.token = opened.token
    elsewhere, desk = Browser(person), await staff(service)
    for who in (elsewhere, desk):
        answer = await post(service, who, f"{PAGE}/calendar", operation="issue")
        assert answer.status == 403
    head = await staff(service, Role.ADMINISTRATOR)
    assert (await post(service, head, f"{PAGE}/calendar", operation="burn")).status == 404
    assert await service.db["calendar_feeds"].count_documents({}) == 0
