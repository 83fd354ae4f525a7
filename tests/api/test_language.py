"""The language of readers' pages: the browser's or the chosen one."""

from __future__ import annotations

import re
from datetime import date, time

import pytest

from models.identity.roles import Role
from models.library.entities import AreaId, VenueId
from models.policy.entities import PolicyOverride
from models.policy.opening import OpeningRule
from tests.api.browsing import Browser
from tests.api.changes import rules
from tests.api.console import staff
from tests.api.floor_files import confirm, hidden_plans, upload
from tests.api.known_reader import apply_for_season
from tests.api.left_over import left_over
from tests.living import SEAT, Living

CHINESE_FIRST = "自选座位"
ENGLISH_FIRST = "Choose a seat"


async def test_a_page_uses_and_declares_the_browsers_language(service: Living) -> None:
    """The parsing of the header is in tests/unit/test_requests."""
    browser = Browser(await service.web_reader())
    chinese = await browser.get("/")
    english = await browser.get("/", **{"Accept-Language": "en-US,en;q=0.9"})
    for page, tag, here, elsewhere in (
        (chinese, "zh-CN", CHINESE_FIRST, ENGLISH_FIRST),
        (english, "en", ENGLISH_FIRST, CHINESE_FIRST),
    ):
        assert here in page.body and elsewhere not in page.body
        assert f'<html lang="{tag}">' in page.body
        assert "Accept-Language" in page.headers["Vary"]


async def test_a_chosen_language_overrides_the_browsers_and_returns_to_the_page(
    service: Living,
) -> None:
    browser = Browser(await service.web_reader())
    page = await browser.get("/areas/2f-hall?date=" + service.tomorrow)
    link = re.search(r'href="(/language/en\?back=[^"]+)"', page.body)
    assert link is not None
    answer = await browser.get(link[1].replace("&amp;", "&"))
    assert answer.status == 303
    assert answer.headers["Location"] == f"/areas/2f-hall?date={service.tomorrow}"
    chosen = answer.headers["Set-Cookie"].partition(";")[0]
    browser.cookie = {"Cookie": f"{browser.cookie['Cookie']}; {chosen}"}
    assert ENGLISH_FIRST in (await browser.get("/", **{"Accept-Language": "zh-CN"})).body
    # Nowhere else, and in no other language.
    astray = await browser.get("/language/zh?back=//evil.example")
    assert astray.headers["Location"] == "/"
    other = await browser.get("/language/fr?back=/me")
    assert other.headers["Location"] == "/me" and "Set-Cookie" not in other.headers


async def test_the_pages_of_a_stay_are_in_english(service: Living) -> None:
    """Pages and refusals contain no Chinese except names."""
    reader = await service.web_reader()
    season, browser = await apply_for_season(service, reader), Browser(reader)
    browser.cookie |= {"Accept-Language": "en"}
    form = {"seat_id": SEAT, "date": service.today, "csrf": await browser.token()}
    form |= {"start": "14:00", "end": "20:00"}

    async def says(path: str, *words: str) -> None:
        body = (await browser.get(path)).body
        for word in words:
            assert word in body, (path, word)
        assert left_over(body) == [], path

    await says("/", ENGLISH_FIRST, "Bookings left today: 5", "Floor 2")
    await says(f"/areas/2f-hall?seat={SEAT}", "Book now", "Socket", "No. 065")
    refused = await browser.post("/reserve", form, service.base)
    assert refused.status == 422 and "At most 240 minutes" in refused.body
    made = await browser.post("/reserve", form | {"end": "16:00"}, service.base)
    here = made.headers["Location"].partition("?")[0]
    await says(f"{here}?done=reserve", "Booked", "Reserved", "Cancel", "from 14:00")
    await says(f"{here}/cancel", "Please confirm", "Cancel it")
    for path in ("/reservations", "/reservations/violations", "/reservations/gates", "/check-in"):
        await says(path)
    for path in (
        *("/me", "/me/data", "/me/devices", "/me/calendar"),
        *("/privacy", "/contact", "/rules", "/logout", "/draws", "/seasons"),
        f"/seasons/{season.id}",
    ):
        await says(path)


async def test_words_of_the_api_are_in_the_callers_language(service: Living) -> None:
    """Codes, details and states are the same in all languages."""
    reader = await service.reader()
    made = await reader.reserve(SEAT, "14:00", "16:00")
    path, english = f"/reservations/{made['id']}", {"Accept-Language": "en-GB,zh;q=0.5"}
    assert (made["state_text"], made["state"]) == ("已预约", "reserved")
    here = (await reader.get(path, **english)).body
    assert (here["state_text"], here["state"]) == ("Reserved", "reserved")
    chinese = await reader.call("POST", f"{path}/leave", None)
    refused = await reader.call("POST", f"{path}/leave", None, **english)
    for answer, message in (
        (chinese, "当前状态（已预约）不能进行这项操作，请刷新后再看"),
        (refused, "Not possible in the current state (Reserved). Please reload the page"),
    ):
        assert (answer.status, answer.code) == (409, "wrong_state")
        assert answer.body["error"]["message"] == message
        assert answer.body["error"]["details"] == {"state": "reserved"}


LETTERS = "area,floor,seat,row,column\nLesesaal A,1,A-1-121,1,1\nA区,3,12,1,1\n自习室B,4,B07,1,1\n"


@pytest.mark.parametrize(
    ("seat_id", "chinese", "english"),
    [
        ("1f-1-sa1121", "图书馆1层Lesesaal A · A-1-121号", "Floor 1 · Lesesaal A · A-1-121"),
        ("3f-1-s12", "图书馆3层A区12号", "Floor 3 · A区 · no. 12"),
        ("4f-1-sb07", "图书馆4层自习室B · B07号", "Floor 4 · 自习室B · B07"),
    ],
)
async def test_a_seat_name_with_letters_is_worded_correctly(
    service: Living, seat_id: str, chinese: str, english: str
) -> None:
    head = await staff(service, Role.ADMINISTRATOR)
    preview = await upload(service, head, LETTERS, venue="library")
    assert (await confirm(service, head, hidden_plans(preview.body))).status == 303
    reader = await service.reader()
    browser = Browser(await service.web_reader(reader))
    made = await reader.reserve(seat_id, "14:00", "16:00")
    await reader.ok("POST", "/favourites", {"seat_id": seat_id})
    here, area_id = f"/reservations/{made['id']}", seat_id.rpartition("-")[0]
    pages = [here, f"{here}/cancel", "/reservations", f"/seats/{seat_id}/fault"]
    pages += [f"/areas/{area_id}?seat={seat_id}"]
    for path in pages:
        assert chinese in (await browser.get(path)).body, path
    browser.cookie |= {"Accept-Language": "en"}
    for path in pages:
        body = (await browser.get(path)).body
        assert f"图书馆 · {english}" in body and chinese not in body, path
    assert f"You have already booked 图书馆 · {english}, 14:00–16:00." in body
    assert f"{english}</b>" in (await browser.get("/")).body
    file = (await browser.get(f"{here}/calendar.ics")).body.replace("\\,", ",")
    assert f"LOCATION:图书馆 · {english}" in file
    assert f"SUMMARY:Seat: {english.partition(' · ')[2]}" in file


async def test_the_page_of_rules_is_worded_from_the_policy_in_both_languages(
    service: Living,
) -> None:
    """Names of venues, areas, closures and overrides stay Chinese."""
    venue, hall = VenueId("library"), AreaId("2f-hall")
    december, later = date(2026, 12, 1), date(2027, 1, 2)
    numbers = {"max_minutes": 180, "daily_booking_limit": 2, "meal_times": ()}
    await rules(
        service,
        opening=(
            OpeningRule(time(7), time(22, 30), weekdays=frozenset(range(5))),
            OpeningRule(time(9), time(2), weekdays=frozenset({5, 6})),
            OpeningRule(time(0), time(0), weekdays=frozenset({6}), venue_id=venue),
            OpeningRule(None, None, december, december.replace(day=21), area_id=hall, reason="X"),
            OpeningRule(time(8), time(0), december.replace(day=30), later, reason="Y"),
        ),
        rule_sets=(
            PolicyOverride("考试周", december, later, numbers),
            PolicyOverride("Z", later, None, {"max_minutes": 60}, hall),
        ),
        booking_window_days=1,
        check_in_after_minutes=1,
        max_extensions=1,
        meal_times=(),
        away_timeout_is_violation=True,
        booking_opens_at=time(18),
    )
    browser = Browser(await service.web_reader())
    chinese = (await browser.get("/rules")).body
    assert "暂离不超过 30 分钟。返回时请再次扫码" in chinese
    assert "可预约今天和明天的座位；18:00 起开放后一天" in chinese
    assert (
        "12月1日至21日 2层 " not in chinese and "12月1日至21日 图书馆 二层中厅 闭馆（X）" in chinese
    )
    browser.cookie |= {"Accept-Language": "en"}
    english = (await browser.get("/rules")).body
    for words in (
        "Opening hours: Mon–Fri 07:00–22:30; Sat, Sun 09:00–02:00 next day; "
        "Sun, 图书馆: around the clock; 1\u2009–\u200921 Dec, 图书馆 · 二层中厅: closed (X); "
        "30 Dec\u2009–\u20092 Jan 08:00–24:00 (Y).",
        "booked for today and tomorrow; the next day opens at 18:00.",
        "to 1 minute after it, 图书馆: check in with the changing code on a kiosk; "
        "Juridicum: check in at the service desk.",
        "You may step out for up to 30 minutes. Scan again",
        "at most 1 time.",
        "2026-12-01 to 2027-01-02 (考试周): at most 180 minutes at a time, 2 bookings a day, "
        "no meal times. From 2027-01-02 on (Z): 图书馆 · 二层中厅, at most 60 minutes at a time.",
        "counts as a violation, and so does not returning in time; at most one",
    ):
        assert words in english, (words, english[english.find("<main") : english.find("</main")])
    line = "up to 4–6 h at a time, depending on the area · scan to check in from 30 minutes before"
    assert line in (await browser.get("/")).body
