"""日历订阅 over HTTP: a secret address that shows the bookings until its reader revokes it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from handlers.calendar_feed.feed import FEED_READS
from models.calendar_feed.rules import KEPT_FOR
from models.storage.encryption import token_hash
from tests.api.browsing import Browser
from tests.calendars import CalendarReader, calendar_reader
from tests.living import SEAT, Client, Living, living

OTHER = "2f-hall-001"
HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def calendars() -> Iterator[CalendarReader]:
    with calendar_reader() as reader:
        yield reader


async def address(reader: Client) -> str:
    """The path of a new feed, as a client takes it."""
    url = str((await reader.ok("POST", "/calendar-feed"))["url"])
    assert url.startswith(reader.service.base)
    return "/" + url.removeprefix(reader.service.base)


async def entries(service: Living, calendars: CalendarReader, path: str) -> list[dict[str, Any]]:
    """The feed's calendar entries, fetched without a session."""
    answer = await service.stranger().get(path)
    assert answer.status == 200, answer.body
    parsed: list[dict[str, Any]] = calendars.read(answer.body)["entries"]
    return parsed


async def test_a_feed_follows_the_bookings_until_it_is_revoked(
    service: Living, calendars: CalendarReader
) -> None:
    reader = await service.reader()
    assert await reader.ok("GET", "/calendar-feed") == {"active": False, "created_at": None}
    path = await address(reader)
    assert await entries(service, calendars, path) == []
    made = await reader.reserve()
    (booked,) = await entries(service, calendars, path)
    host = service.base.partition("//")[2].partition(":")[0]
    assert booked["uid"] == f"{made['id']}@{host}" and booked["status"] == "CONFIRMED"
    assert (booked["zone"], booked["clock"]) == ("Asia/Shanghai", "2026-09-07T14:00:00")
    for name in ("start", "end"):
        assert datetime.fromisoformat(booked[name]) == datetime.fromisoformat(made[name])
    assert booked["location"] == made["seat"]["label"] and "065" in booked["summary"]
    assert "13:30–14:30" in booked["description"]
    assert f"{service.base}/reservations/{made['id']}" in booked["description"]
    at = [datetime.fromisoformat(alarm["at"]).astimezone() for alarm in booked["alarms"]]
    quarter = timedelta(minutes=15)
    assert at == [datetime.fromisoformat(made[name]) - quarter for name in ("start", "end")]
    # Moved to another seat and time: the same event, a later revision.
    await service.move(timedelta(minutes=1))
    wish = {"seat_id": OTHER, "start": "15:00", "end": "17:00"}
    await reader.ok("POST", f"/reservations/{made['id']}/change", wish)
    (moved,) = await entries(service, calendars, path)
    assert moved["uid"] == booked["uid"] and moved["sequence"] > booked["sequence"]
    assert moved["modified"] > booked["modified"] and "001" in moved["location"]
    assert moved["clock"] == "2026-09-07T15:00:00"
    await service.move(timedelta(minutes=1))
    await reader.ok("POST", f"/reservations/{made['id']}/cancel")
    (gone,) = await entries(service, calendars, path)
    assert gone["uid"] == booked["uid"] and gone["sequence"] > moved["sequence"]
    assert gone["status"] == "CANCELLED" and gone["alarms"] == []
    assert "已取消" in gone["summary"]
    # Off: at once, and for good.
    await reader.ok("DELETE", "/calendar-feed")
    await service.stranger().refused("404 not_found", "GET", path)
    assert await reader.ok("GET", "/calendar-feed") == {"active": False, "created_at": None}
    await reader.ok("DELETE", "/calendar-feed")


async def test_a_stay_remains_one_calendar_event_through_all_its_states(
    service: Living, calendars: CalendarReader
) -> None:
    """A stay that is checked in, one finished early and one missed."""
    reader = await service.reader()
    path = await address(reader)
    made = await reader.reserve(start="09:00", end="11:00")
    missed = await reader.reserve(OTHER, "14:00", "16:00")
    await service.move("08:50")
    qr = {"qr": await service.qr()}
    await reader.ok("POST", f"/reservations/{made['id']}/check-in", qr)
    by_id = {e["uid"].partition("@")[0]: e for e in await entries(service, calendars, path)}
    assert [alarm["at"] for alarm in by_id[made["id"]]["alarms"]] == ["2026-09-07T02:45:00.000Z"]
    assert "使用中" in by_id[made["id"]]["description"]
    await service.move("10:00")
    await reader.ok("POST", f"/reservations/{made['id']}/finish")
    await service.move("14:31")
    by_id = {e["uid"].partition("@")[0]: e for e in await entries(service, calendars, path)}
    over, lost = by_id[made["id"]], by_id[missed["id"]]
    assert over["status"] == "CONFIRMED" and over["end"].startswith("2026-09-07T02:00:")
    assert lost["status"] == "CANCELLED" and "失约" in lost["summary"]
    assert over["alarms"] == lost["alarms"] == []
    await service.move(KEPT_FOR)
    assert await entries(service, calendars, path) == []


async def test_live_bookings_are_in_the_feed_even_beyond_its_limit(service: Living) -> None:
    """A reader who books and cancels all day has more bookings than the feed's limit."""
    reader = await service.reader()
    live = await reader.reserve(start="10:00", end="11:00")
    for start, end in (("17:00", "18:00"), ("18:00", "19:00"), ("19:00", "20:00")):
        later = await reader.reserve(OTHER, start, end)
        await reader.ok("POST", f"/reservations/{later['id']}/cancel")
    stored, since = service.inside.stored.reservations, service.clock.now()
    recent = await stored.recent_of(reader.reader_id, since, 2)
    assert [r.id for r in recent] == [later["id"], live["id"]], "the latest first"
    past = await stored.recent_of(reader.reader_id, since + timedelta(hours=10), 9)
    assert [r.id for r in past] == [later["id"]]


async def test_an_unchanged_feed_is_answered_304(service: Living) -> None:
    reader = await service.reader()
    path = await address(reader)
    await reader.reserve()
    first = await service.stranger().get(path)
    assert first.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert first.headers["Cache-Control"] == "private, no-cache"
    tag = first.headers["ETag"]
    await service.move(timedelta(minutes=30))
    again = await service.stranger().get(path, **{"If-None-Match": tag})
    assert (again.status, again.body) == (304, "") and again.headers["ETag"] == tag
    await reader.reserve(OTHER, "17:00", "18:00")
    changed = await service.stranger().get(path, **{"If-None-Match": tag})
    assert changed.status == 200 and changed.headers["ETag"] != tag


async def test_the_feed_address_is_stored_as_a_hash_and_names_no_reader(service: Living) -> None:
    reader = await service.reader()
    path = await address(reader)
    await reader.reserve()
    answer_text = str((await service.stranger().get(path)).body)
    for secret in (reader.number, "张三", str(reader.reader_id), reader.openid):
        assert secret not in answer_text
    token = path.removeprefix("//calendar/").removesuffix(".ics")
    stored = await service.all_documents()
    assert token not in stored and token_hash(token) in stored
    data = (await Browser(await service.web_reader(reader)).get("/me/data.json")).body
    assert [sorted(feed) for feed in data["calendar_feeds"]] == [["_id", "at", "language"]]
    assert token_hash(token) not in json.dumps(data) and token not in json.dumps(data)


async def test_a_new_feed_address_revokes_the_previous_one(
    service: Living, calendars: CalendarReader
) -> None:
    reader, other = await service.reader(), await service.reader()
    theirs, first = await address(other), await address(reader)
    second = await address(reader)
    await reader.reserve()
    await service.stranger().refused("404 not_found", "GET", first)
    assert len(await entries(service, calendars, second)) == 1
    assert await entries(service, calendars, theirs) == []
    assert await service.db["calendar_feeds"].count_documents({}) == 2
    # A suspended reader keeps what they have booked, and sees it.
    until = service.clock.now() + timedelta(days=2)
    assert await service.inside.stored.readers.set_suspended_until(reader.reader_id, None, until)
    assert len(await entries(service, calendars, second)) == 1
    # Who is erased is not found.
    assert await service.inside.stored.readers.set_suspended_until(reader.reader_id, until, None)
    person = await service.inside.stored.readers.get(reader.reader_id)
    assert person is not None
    await service.inside.erasure.erase(person, service.clock.now())
    await service.stranger().refused("404 not_found", "GET", second)
    assert token_hash(second.removeprefix("//calendar/")[:-4]) not in await service.all_documents()


async def test_guessed_feed_addresses_do_not_throttle_real_ones(
    mongo_url: str, redis_url: str
) -> None:
    async with living(mongo_url, redis_url, RATE_LIMIT_SCALE="1") as service:
        reader, other = await service.reader(), await service.reader()
        path, theirs = await address(reader), await address(other)
        token = path.removeprefix("//calendar/").removesuffix(".ics")
        turned = token[:-1] + ("0" if token[-1] != "0" else "1")
        junk = ("x", "x" * 59, turned, token.upper(), token + "x", "%E5%9B%BE", "%00")
        caller = service.stranger()
        for n in range(6 * int(FEED_READS.capacity)):
            answer = await caller.get(f"//calendar/{junk[n % len(junk)]}.ics")
            assert (answer.status, answer.code) == (404, "not_found")
        for _ in range(int(FEED_READS.capacity)):
            assert (await caller.get(path)).status == 200
        refused = await caller.get(path, **HTML)
        # No page, whose links would tell the address to whoever keeps logs.
        assert refused.code == "throttled" and token not in json.dumps(refused.body)
        assert int(refused.headers["Retry-After"]) > 1
        assert (await caller.get(theirs)).status == 200, "nobody else's"


async def test_a_single_booking_is_downloaded_by_its_own_reader_only(
    service: Living, calendars: CalendarReader
) -> None:
    reader, other = await service.reader(), await service.reader()
    made = await reader.reserve()
    path = f"/reservations/{made['id']}/calendar.ics"
    answer = await reader.get(path)
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8; method=PUBLISH"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{made["receipt"]}.ics"'
    assert answer.headers["Cache-Control"] == "no-store"
    said = calendars.read(answer.body)
    assert said["method"] == "PUBLISH" and len(said["entries"]) == 1
    assert said["entries"][0]["status"] == "CONFIRMED"
    await other.refused("404 not_found", "GET", path)
    await reader.refused("404 not_found", "GET", "/reservations/nothing/calendar.ics")
    await service.anonymous.refused("401 unauthenticated", "GET", path)
    english = await reader.get(path, **{"Accept-Language": "en"})
    (entry,) = calendars.read(english.body)["entries"]
    assert entry["summary"] == "Seat: 二层中厅 · no. 065"
    assert entry["location"] == "图书馆 · Floor 2 · 二层中厅 · no. 065"
    assert entry["description"].startswith("Check in 13:30–14:30: ")
    assert [alarm["words"] for alarm in entry["alarms"]] == [
        "Starts in 15 minutes: 二层中厅 · no. 065",
        "Ends in 15 minutes: 二层中厅 · no. 065",
    ]


async def test_the_page_shows_the_address_once(service: Living, calendars: CalendarReader) -> None:
    reader = await service.web_reader()
    made = await reader.reserve()
    browser = Browser(reader)
    assert (
        f'href="/reservations/{made["id"]}/calendar.ics"'
        in (await browser.get(f"/reservations/{made['id']}")).body
    )
    file = await browser.get(f"/reservations/{made['id']}/calendar.ics")
    assert len(calendars.read(file.body)["entries"]) == 1
    assert 'href="/me/calendar"' in (await browser.get("/me")).body
    page = (await browser.get("/me/calendar")).body
    assert "开启</button>" in page and "/me/calendar/off" not in page
    before = await service.books()
    foreign = await browser.post("/me/calendar", {"csrf": "x"}, service.base)
    assert foreign.status == 403 and await service.books() == before
    form = {"csrf": await browser.token("/me/calendar")}
    result_page = await browser.post("/me/calendar", form, service.base)
    assert result_page.status == 200 and result_page.headers["Cache-Control"] == "no-store"
    match = re.search(rf"{re.escape(service.base)}(/calendar/[\w-]+\.ics)", result_page.body)
    assert match is not None
    assert len(await entries(service, calendars, f"/{match[1]}")) == 1
    later = (await browser.get("/me/calendar")).body
    assert "/calendar/" not in later.replace("/me/calendar", "") and "已开启" in later
    off = await browser.post("/me/calendar/off", form, service.base)
    assert off.status == 303
    assert "已停用" in (await browser.get(off.headers["Location"])).body
    # Whoever opens the address in a browser is told in words.
    gone = await service.stranger().get(f"/{match[1]}", **HTML)
    assert gone.status == 404 and "这一步没有完成" in gone.body


async def test_a_feed_uses_the_language_in_which_it_was_made(
    service: Living, calendars: CalendarReader
) -> None:
    reader = await service.reader()
    made = await reader.ok("POST", "/calendar-feed", None, **{"Accept-Language": "en"})
    await reader.reserve(SEAT)
    path = "/" + made["url"].removeprefix(service.base)
    (entry,) = await entries(service, calendars, path)
    assert entry["summary"] == "Seat: 二层中厅 · no. 065"
