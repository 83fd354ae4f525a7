"""The language of readers' pages: the browser's, or the one that was chosen."""

from __future__ import annotations

import re

from handlers.texts.english import CHINESE
from tests.api.browsing import Browser
from tests.living import SEAT, Living

CHINESE_FIRST = "自选座位"
ENGLISH_FIRST = "Choose a seat"


async def test_a_page_is_in_the_browsers_language_and_names_it(service: Living) -> None:
    """Which header means which: tests/unit/test_requests."""
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


async def test_the_choice_counts_more_and_leads_back(service: Living) -> None:
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


async def test_a_stay_in_english(service: Living) -> None:
    """Every page on the way says nothing in Chinese but names; the words of a refusal, too."""
    browser = Browser(await service.web_reader())
    browser.cookie |= {"Accept-Language": "en"}
    form = {"seat_id": SEAT, "date": service.today, "csrf": await browser.token()}
    form |= {"start": "14:00", "end": "20:00"}

    async def says(path: str, *words: str) -> None:
        body = (await browser.get(path)).body
        for word in words:
            assert word in body, (path, word)
        assert left_over(body) == [], path

    await says("/", ENGLISH_FIRST, "Bookings for today: <b>5</b> left", "Floor 2")
    await says(f"/areas/2f-hall?seat={SEAT}", "Book now", "Socket", "No. 065")
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
        *("/privacy", "/contact", "/rules", "/logout"),
    ):
        await says(path)


def left_over(body: str) -> list[str]:
    """What is Chinese and no name: of the library, its areas, seats and machines, of the reader,
    of the other language."""
    body = body.partition("<body")[2]
    pieces = [p.strip() for p in re.split(r"<[^>]*>", body) if CHINESE.search(p)]
    pieces += [
        v for v in re.findall(r'(?:aria-label|title|placeholder|data-marks)="([^"]*)"', body)
    ]
    known = re.compile(r"图书馆|[区厅庭]|一考即过|日新工大|机|张三|中文|\*\*")
    return [piece for piece in pieces if CHINESE.search(piece) and not known.search(piece)]
