"""常用座位: at most ten, stored on the server."""

from __future__ import annotations

import asyncio

import pytest

from models.favourites.repository import MOST_FAVOURITES
from models.kernel.ids import ReaderId
from models.library.entities import SeatId
from tests.api.browsing import Browser
from tests.living import SEAT, Living


async def test_favourites_are_added_once_in_order_and_removed(service: Living) -> None:
    reader, other = await service.reader(), await service.reader()
    assert (await reader.ok("GET", "/favourites"))["items"] == []
    added = await reader.ok("POST", "/favourites", {"seat_id": SEAT})
    assert [one["label"] for one in added["items"]] == ["图书馆2层二层中厅065号"]
    await reader.ok("POST", "/favourites", {"seat_id": "2f-hall-001"})
    again = await reader.ok("POST", "/favourites", {"seat_id": SEAT})
    assert [one["no"] for one in again["items"]] == ["065", "001"], "once, in their order"
    assert (await other.ok("GET", "/favourites"))["items"] == []
    await other.ok("DELETE", f"/favourites/{SEAT}")
    assert len((await reader.ok("GET", "/favourites"))["items"]) == 2
    left = await reader.ok("DELETE", f"/favourites/{SEAT}")
    assert [one["no"] for one in left["items"]] == ["001"]
    await reader.refused("404 not_found", "POST", "/favourites", {"seat_id": "nowhere"})
    await reader.refused("404 not_found", "DELETE", "/favourites/nowhere")
    await service.anonymous.refused("401 unauthenticated", "GET", "/favourites")


async def test_concurrent_requests_add_at_most_ten_favourites(service: Living) -> None:
    reader = await service.reader()
    seats = [f"2f-hall-{n:03}" for n in range(1, 16)]
    answers = await asyncio.gather(
        *(reader.call("POST", "/favourites", {"seat_id": seat}) for seat in [*seats, *seats[:3]])
    )
    refused = [answer for answer in answers if answer.status == 422]
    assert {answer.code for answer in refused} == {"too_many_favourites"}
    favourites = (await reader.ok("GET", "/favourites"))["items"]
    assert len(favourites) == len({one["id"] for one in favourites}) == MOST_FAVOURITES
    # One that is there already is no further one; one that goes makes room.
    await reader.ok("POST", "/favourites", {"seat_id": favourites[0]["id"]})
    await reader.ok("DELETE", f"/favourites/{favourites[3]['id']}")
    await reader.ok("POST", "/favourites", {"seat_id": "2f-hall-020"})
    last = (await reader.ok("GET", "/favourites"))["items"]
    assert last[-1]["no"] == "020" and len(last) == MOST_FAVOURITES


@pytest.mark.whole
async def test_without_the_index_concurrent_requests_add_a_favourite_twice(service: Living) -> None:
    """The control: the index is the guard."""
    reader, favourites = await service.reader(), service.inside.stored.favourites
    await service.db["favourites"].drop_index("once")
    id, now = ReaderId(str(reader.reader_id)), service.clock.now()
    await asyncio.gather(*(favourites.add(id, SeatId(SEAT), now) for _ in range(3)))
    assert len((await reader.ok("GET", "/favourites"))["items"]) == 3


async def test_a_favourite_seat_removed_from_the_plan_is_not_listed(service: Living) -> None:
    reader = await service.reader()
    id = ReaderId(str(reader.reader_id))
    await service.inside.stored.favourites.add(id, SeatId("gone"), service.clock.now())
    assert (await reader.ok("GET", "/favourites"))["items"] == []


@pytest.mark.whole
async def test_the_favourite_button_redirects_only_to_our_own_pages(service: Living) -> None:
    """Own paths are defined in tests/unit/test_requests."""
    reader = await service.web_reader()
    browser = Browser(reader)
    form = {"csrf": await browser.token("/contact"), "on": "1"}
    here = f"/areas/2f-hall?seat={SEAT}"
    for back, leads in (
        (f"{here}&begin=18:00", f"{here}&begin=18:00"),
        ("/areas/2f-hall?x=1\r\nSet-Cookie: a=b", here),
        ("//evil.example/areas/2f-hall?", here),
        ("/me", here),
        ("", here),
    ):
        answer = await browser.post(f"/seats/{SEAT}/favourite", form | {"back": back}, service.base)
        assert (answer.status, answer.headers["Location"]) == (303, leads), back
    own = {"reader": reader.reader_id}
    assert await service.db["favourites"].distinct("seat", own) == [SEAT]
    taken = await browser.post(f"/seats/{SEAT}/favourite", form | {"on": ""}, service.base)
    assert taken.status == 303 and await service.db["favourites"].distinct("seat", own) == []
