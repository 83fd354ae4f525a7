"""自选座位: two taps from opening to a booking of a proposed seat, a favourite, or the last seat
again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from models.library.entities import AreaId
from tests.api.counted_days import remember
from tests.browser.conftest import (
    DEVICES,
    NAMES_OF_SIZES,
    PHONE,
    READER_SIZES,
    Open,
    Tab,
    screen,
    shows_everybody,
    sizes,
    whole,
)
from tests.browser.long_names import with_long_words
from tests.browser.what_is_cut import BROKEN
from tests.builders import ZONE
from tests.living import Client, Living
from tests.second_venue import JURIDICUM, retire_second_venue

LOOK = """tile => [tile.className, tile.querySelector(".count").innerText,
  ...[...tile.querySelectorAll(".bars .part")].map((bar) => [
    bar.getAttribute("d"), parseFloat(bar.getAttribute("stroke-dasharray")) || 0])]"""
SEAT, LABEL = "2f-hall-063", "二层中厅 063号"
OVER_BARS = """[...document.querySelectorAll(".tile .bars")].filter((bars) => {
  const name = bars.closest(".tile").querySelector(".name").getBoundingClientRect();
  const box = bars.getBoundingClientRect();
  return name.right > box.left && name.bottom > box.top;
}).length"""


async def two_taps(tab: Tab, first: str) -> None:
    """Opens the page and taps twice: the seat is booked without scrolling."""
    seen = await tab.page.locator(first).bounding_box()
    size = tab.page.viewport_size
    assert seen is not None and size is not None and seen["y"] + seen["height"] <= size["height"]
    await tab.page.click(first)
    await tab.page.wait_for_selector("#panel .day")
    await tab.page.click("#panel .panel-foot .button")
    await tab.page.wait_for_selector(".done >> text=预约成功")


async def used(service: Living, reader: Client, seat: str, start: str, end: str) -> None:
    """Makes a finished stay of this reader."""
    made = await reader.reserve(seat, start, end)
    await reader.ok("POST", f"/reservations/{made['id']}/check-in", {"qr": await service.qr()})
    await reader.ok("POST", f"/reservations/{made['id']}/finish")


@pytest.mark.parametrize("size", NAMES_OF_SIZES)
async def test_two_taps_book_the_proposed_seat(
    service: Living, opened: Open, axe: str, size: str
) -> None:
    tab = await opened("21071234", **READER_SIZES[size])
    assert "这里空位最多" in await tab.text(".hero")
    assert "现在–18:00" in await tab.text(".hero")
    if size in ("1280", "375"):
        await shows_everybody(tab, axe, "/ with a proposal", phone=size != "1280")
        await tab.page.set_viewport_size(READER_SIZES[size]["viewport"])
    seat = (await tab.text(".hero h2")).split()[-2]
    await two_taps(tab, ".hero .go .button >> nth=0")
    assert seat in await tab.text(".pass") and "16:08–18:00" in await tab.text(".pass")


@pytest.mark.parametrize(("width", "height"), sizes((320, 568), (375, 553), (390, 664), (844, 390)))
async def test_what_is_to_be_done_stands_above_the_menu_of_a_low_window(
    service: Living, opened: Open, width: int, height: int
) -> None:
    """In both languages, and with a venue whose name takes a line of its own."""
    catalogs, venues = service.inside.stored.catalogs, service.inside.reference.catalog.venues
    longer = replace(venues[JURIDICUM], name="Wirtschaftswissenschaftliche Zweigbibl.", rev=1)
    assert await catalogs.replace_venue(longer)
    await service.inside.reference.refresh()
    reader = await service.web_reader()
    tabs = [
        await opened(reader.number, **screen(width, height), locale=locale)
        for locale in ("zh-CN", "en-GB")
    ]
    for path, button in (
        ("/", ".hero .go .button"),
        (f"/?venue={JURIDICUM}", ".hero .go .button"),
        ("/reservations", ".pass .button"),
        ("/reservations", ".pass .acts a"),
    ):
        for tab in tabs:
            await tab.go(path)
            menu = await tab.page.locator(".menu").bounding_box()
            assert menu is not None and menu["y"] < height
            box = await tab.page.locator(button).first.bounding_box()
            assert box is not None and box["y"] + box["height"] <= menu["y"], (path, box, menu)
            assert await tab.page.evaluate("document.documentElement.scrollWidth") == width
        if "venue" in path:
            await reader.reserve(start="now", end="18:00")


@pytest.mark.parametrize(("width", "height"), sizes((320, 568), (390, 844)))
async def test_a_long_word_of_a_name_breaks_nowhere(
    service: Living, opened: Open, width: int, height: int
) -> None:
    """A German name on a Chinese page, which no browser hyphenates, and in English, whose letters
    are wider: what stands beside it gives way."""
    await with_long_words(service)
    reader = await service.web_reader()
    await reader.reserve("2f-hall-064", "20:00", "21:00")
    await remember(service, 42)
    tab = await opened(reader.number, **screen(width, height))
    assert await tab.page.locator(".tile:visible .bars").count() == 6
    for tag in ("en", "zh"):
        await tab.go(f"/language/{tag}?back=/areas/2f-hall")
        assert await tab.page.evaluate(BROKEN, ".switch h1") == []
        assert await tab.page.evaluate("document.documentElement.scrollWidth") == width
        await tab.go("/")
        assert await tab.page.evaluate(BROKEN, ".tile .name") == []
        assert await tab.page.evaluate(OVER_BARS) == 0
    for bars in await tab.page.locator(".tile:visible .bars").all():
        box = await bars.bounding_box()
        assert box is not None and (box["width"] >= 28, box["height"]) == (True, 26)
    await reader.reserve(SEAT, "now", "18:00")
    await tab.go("/reservations")
    assert await tab.page.evaluate(BROKEN, ".pass .place, .records .where") == []


@pytest.mark.parametrize("device", DEVICES)
async def test_two_taps_book_a_favourite_seat(
    service: Living, opened: Open, device: dict[str, Any]
) -> None:
    reader = await service.web_reader()
    tab = await opened(reader.number, **device)
    await tab.go(f"/areas/2f-hall?seat={SEAT}")
    await tab.page.wait_for_selector("#panel .day")
    await tab.choose(end="19:00")
    star = tab.page.locator("[aria-label=常用座位]")
    await star.click()
    await tab.page.wait_for_selector("[aria-label=常用座位][aria-pressed=true]")
    assert await tab.times() == ("现在", "19:00"), "nothing that was chosen is lost"
    await tab.go("/")
    assert "您常坐的座位" in await tab.text(".hero") and LABEL in await tab.text(".known")
    # Somebody else takes it: the seat beside it is proposed, and the favourite says when.
    other = await service.reader()
    await other.ok("POST", "/reservations", {
        "seat_id": SEAT, "date": service.today, "start": "now", "end": "17:00",
    })  # fmt: skip
    await tab.page.reload()
    assert "离您常坐的 063 号最近" in await tab.text(".hero")
    assert "17:00 起" in await tab.text(".known")
    await tab.go("/?start=18:00&end=20:00")
    assert "可约" in await tab.text(".known")
    await two_taps(tab, f".known >> text={LABEL}")
    assert "18:00–20:00" in await tab.text(".pass")
    await tab.go(f"/areas/2f-hall?seat={SEAT}")
    await tab.page.click("[aria-label=常用座位]")
    await tab.page.wait_for_selector("[aria-label=常用座位][aria-pressed=false]")
    assert (await reader.ok("GET", "/favourites"))["items"] == []


async def test_two_taps_book_the_last_seat_again(service: Living, opened: Open) -> None:
    reader = await service.web_reader()
    await used(service, reader, SEAT, "now", "18:00")
    tab = await opened(reader.number, **PHONE)
    again = await tab.text(".known a >> nth=0")
    assert "再约一次" in again and LABEL in again and "今天 现在–18:00" in again
    # On the next morning it is at the same time of the day, and the web's session has ended.
    await service.move(timedelta(hours=16))
    tab = await opened(reader.number, **PHONE)
    assert "今天 16:00–18:00" in await tab.text(".known a >> nth=0")
    await two_taps(tab, ".known a >> nth=0")
    assert "16:00–18:00" in await tab.text(".pass")


async def test_asking_for_another_proposal_never_repeats_a_seat(opened: Open) -> None:
    tab = await opened("21071234")
    seen = [await tab.text(".hero h2")]
    for _ in range(3):
        await tab.page.click(".hero [aria-label=换一个]")
        await tab.page.wait_for_function(
            f"() => document.querySelector('.hero h2').innerText !== {seen[-1]!r}"
        )
        seen.append(await tab.text(".hero h2"))
    assert len(set(seen)) == 4


async def test_the_chosen_time_updates_tiles_plan_and_panel(service: Living, opened: Open) -> None:
    other = await service.reader()
    await other.reserve(SEAT, "17:00", "18:00")
    tab = await opened("21071234")
    assert await tab.text('[data-area="2f-hall"] .n') == "68"
    await tab.page.select_option(".wish [name=end]", "18:00")
    await tab.page.wait_for_url("**start=now&end=18*")
    assert await tab.text('[data-area="2f-hall"] .n') == "67"
    assert "现在–18:00" in await tab.text(".hero")
    await tab.page.click('[data-area="2f-hall"]')
    label = await tab.page.get_attribute(f'[id="{SEAT}"]', "aria-label")
    assert label is not None and "该时段已约" in label
    await tab.page.click('[id="2f-hall-062"]')
    await tab.page.wait_for_selector("#panel .day")
    assert await tab.times() == ("现在", "18:00")
    # The minutes go on, and what is free until then is told as it changes.
    await service.move(timedelta(minutes=20))
    await other.ok("POST", "/reservations", {
        "seat_id": "2f-hall-010", "date": service.today, "start": "18:00", "end": "19:00",
    })  # fmt: skip
    rival = await service.reader()
    await rival.reserve("2f-hall-012", "17:00", "18:00")
    await tab.page.wait_for_selector('[id="2f-hall-012"].occupied')
    assert await tab.page.locator('[id="2f-hall-010"].free').count() == 1
    await tab.go(f"/?date={service.tomorrow}")
    assert await tab.page.input_value(".wish [name=start]") == "", "another day has no now"


@pytest.mark.parametrize(("width", "height"), sizes((390, 844), (320, 568), (1280, 800)))
async def test_a_full_area_shows_its_state_once_on_one_line(
    service: Living, opened: Open, width: int, height: int
) -> None:
    """The name fits on one line, nothing is shown twice, and a zero is not green."""
    for number in range(1, 69):
        await (await service.reader()).reserve(f"2f-hall-{number:03}", "17:00", "18:00")
    tab = await opened("21071234", **screen(width, height))
    await tab.go(f"/?date={service.today}&start=17:00&end=18:00")
    tile = tab.page.locator(".tile[data-area='2f-hall']")
    texts = (await tile.inner_text()).replace("\n", " ")
    assert texts.count("可候补") == 1 and texts.count("18:00") == 1, texts
    name, pill = tile.locator(".name"), tile.locator(".later")
    boxes = {"name": await name.bounding_box(), "pill": await pill.bounding_box()}
    assert all(box is not None and box["height"] < 34 for box in boxes.values()), boxes
    whole = await tile.bounding_box()
    assert whole is not None and whole["height"] < 130, whole
    for other in await tab.page.locator(".tile .name:visible").all():
        box = await other.bounding_box()
        assert box is not None and box["height"] < 34, (await other.inner_text(), box)
    assert not await tile.locator(".n").is_visible(), "no zero in green"


@whole
async def test_a_list_left_open_shows_what_a_new_one_does(service: Living, opened: Open) -> None:
    """Numbers, bars and colours that the script renews are those that the service writes."""
    stored, hall = service.inside.stored, service.inside.reference.catalog.areas[AreaId("2f-hall")]
    small = replace(hall, seats=hall.seats[:10], rev=hall.rev + 1)
    assert await stored.catalogs.replace_area(small)
    await service.inside.reference.refresh()
    await remember(service, 42)
    tab = await opened("21071234", **PHONE)
    tile = tab.page.locator(".tile[data-area='2f-hall']")
    states = list[str]()
    for taken in (8, 9, 10):
        await tab.page.clock.install()
        await tab.go("/")
        for seat in hall.seats[len(states) and taken - 1 : taken]:
            await (await service.reader()).reserve(seat.id, "now", "18:00")
        await tab.page.clock.run_for(19_000)
        await tab.page.wait_for_function(
            "left => document.querySelector('[data-area=\"2f-hall\"] .n').textContent == left",
            arg=str(10 - taken),
        )
        left_open = await tile.evaluate(LOOK)
        await tab.go("/")
        assert left_open == await tile.evaluate(LOOK)
        states.append(left_open[0])
    assert states == ["tile", "tile few", "tile full"]


async def test_a_phone_can_switch_venues_and_shows_the_current_one(
    service: Living, opened: Open
) -> None:
    """Each booking shows its venue, too. A single venue's name is not shown."""
    reader = await service.web_reader()
    tab = await opened(reader.number, **PHONE)
    venues = tab.page.locator("nav[aria-label=场馆] a")
    assert await venues.all_inner_texts() == ["图书馆", "Juridicum"]
    venue = tab.page.locator("nav[aria-label=场馆] [aria-current]")
    assert await venue.is_visible() and await venue.inner_text() == "图书馆"
    await venues.filter(has_text="Juridicum").click()
    await tab.page.wait_for_selector(".tile >> text=Lesesaal A", state="attached")
    assert await venue.is_visible() and await venue.inner_text() == "Juridicum"
    await two_taps(tab, ".hero .go .button >> nth=0")
    assert "Juridicum" in await tab.text(".pass")
    await reader.reserve(SEAT, "20:00", "21:00")
    await tab.go("/reservations")
    places = await tab.page.locator(".records .where").all_inner_texts()
    assert [place[:3] for place in places] == ["图书馆"], places
    assert "Juridicum" in await tab.text(".pass"), "what the pass has, once"
    for made in (await reader.ok("GET", "/reservations"))["items"]:
        await reader.ok("POST", f"/reservations/{made['id']}/cancel")
    await used(service, reader, SEAT, "now", "18:00")
    await tab.go("/?venue=juridicum")
    assert f"图书馆 · {LABEL}" in await tab.text(".known a >> nth=0"), "the last one again"
    await retire_second_venue(service.app)
    await tab.go("/")
    assert await venues.count() == 0


async def test_another_day_proposes_the_readers_usual_start(service: Living, opened: Open) -> None:
    """On the list and on the plan, instead of the opening hour."""
    reader = await service.web_reader()
    tab = await opened(reader.number, **PHONE)
    await tab.go(f"/?date={service.tomorrow}")
    assert "09:00–11:00" in await tab.text(".hero")
    await tab.go(f"/areas/2f-hall?date={service.tomorrow}&seat={SEAT}")
    await tab.page.wait_for_selector("#panel .day")
    assert (await tab.times())[0] == "09:00"
    starts = {reader.reader_id: ZONE.local(service.clock.now()).time()}
    await service.inside.stored.readers.add_stay_starts(starts)
    service.sessions.invalidate_all()
    await tab.go(f"/?date={service.tomorrow}")
    assert "16:00–18:00" in await tab.text(".hero")
    await two_taps(tab, ".hero .go .button >> nth=0")
    assert "16:00–18:00" in await tab.text(".pass")
