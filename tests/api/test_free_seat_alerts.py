"""捡漏提醒: one message when a seat becomes free; no place in the line, no claim."""

from __future__ import annotations

from typing import Any

import pytest

from models.waitlist.entities import MOST_ALERTS
from tests.api.browsing import Browser
from tests.api.waitlist import full, join, offers, wish
from tests.living import Client, Living


async def alert(service: Living, reader: Client, **other: Any) -> Any:
    return await join(service, reader, only_tell=True, **other)


async def alerts_of(reader: Client) -> list[str]:
    return [
        m["text"]
        for m in (await reader.ok("GET", "/messages"))["items"]
        if m["title"] == "空位提醒"
    ]


async def test_an_alert_is_sent_once_and_holds_no_seat(service: Living) -> None:
    taken = await full(service)
    reader = await service.reader()
    made = await alert(service, reader)
    assert (made["state"], made["ahead"], made["only_tell"]) == ("waiting", None, True)
    await service.settle()
    assert await alerts_of(reader) == []
    owner, booking = taken[5]
    await owner.ok("POST", f"/reservations/{booking['id']}/cancel")
    await service.settle()
    assert await offers(reader) == [], "no seat is held"
    (text,) = await alerts_of(reader)
    assert "二层中厅" in text and "14:00–16:00" in text and "先到先得" in text
    (entry,) = (await reader.ok("GET", "/waitlist"))["items"]
    assert entry["state"] == "told"
    # Somebody else may take it; the next one that is free is no news.
    other = await service.reader()
    await other.reserve(booking["seat"]["id"], "14:00", "16:00")
    await taken[6][0].ok("POST", f"/reservations/{taken[6][1]['id']}/cancel")
    await service.settle()
    assert len(await alerts_of(reader)) == 1


@pytest.mark.whole
async def test_a_free_seat_goes_to_the_waitlist_before_alerts(service: Living) -> None:
    taken = await full(service)
    hears, waits, second = [await service.reader() for _ in range(3)]
    await alert(service, hears)
    await join(service, waits)
    last = await join(service, second)
    assert last["ahead"] == 1, "who only wants to hear is before nobody"
    owner, booking = taken[3]
    await owner.ok("POST", f"/reservations/{booking['id']}/cancel")
    await service.settle()
    (held,) = await offers(waits)
    assert held["seat"]["id"] == booking["seat"]["id"]
    assert await alerts_of(hears) == [], "it is not free: it is held"


async def test_the_job_serves_the_waitlist_before_older_alerts(service: Living) -> None:
    """The alert is older, and the seat became free without an event."""
    taken = await full(service, "14:00", "16:00")
    hears, waits = await service.reader(), await service.reader()
    await alert(service, hears)
    await join(service, waits)
    booking = taken[3][1]
    await service.db["reservations"].update_one(
        {"_id": booking["id"]}, {"$set": {"state": "cancelled", "live": False, "claims": []}}
    )
    service.inside.occupancy.invalidate()
    await service.settle()
    assert len(await offers(waits)) == 1 and await alerts_of(hears) == []


async def test_duplicate_and_too_many_alerts_are_refused(service: Living) -> None:
    await full(service, "14:00", "18:00")
    reader = await service.reader()
    await reader.refused("409 seat_free", "POST", "/waitlist",
                         wish(service, area_id="3f-east", only_tell=True))  # fmt: skip
    first = await alert(service, reader)
    same = wish(service, only_tell=True)
    await reader.refused("409 already_alerted", "POST", "/waitlist", same)
    for start, end in (("14:00", "15:00"), ("15:00", "16:00"), ("16:00", "17:00")):
        await alert(service, reader, start=start, end=end)
    await alert(service, reader, start="17:00", end="18:00")
    before = await service.books()
    too_many = wish(service, start="15:00", end="17:00", only_tell=True)
    no = await reader.refused("409 too_many_alerts", "POST", "/waitlist", too_many)
    assert no.details == {"most": MOST_ALERTS} and await service.books() == before
    # An alert keeps nobody from waiting, and one that is given up makes room.
    await join(service, reader)
    await reader.ok("DELETE", f"/waitlist/{first['id']}")
    await alert(service, reader, start="15:00", end="17:00")


@pytest.mark.whole
async def test_an_alert_is_added_and_cancelled_on_the_pages(service: Living) -> None:
    await full(service)
    browser = Browser(await service.web_reader())
    page = (await browser.get("/areas/2f-hall?start=14:00&end=16:00")).body
    assert "加入候补" in page and "有空就告诉我" in page
    form = wish(service) | {"csrf": await browser.token(), "only_tell": "1"}
    done = await browser.post("/waitlist", form, service.base)
    assert done.headers["Location"] == "/reservations?done=alert"
    done_page = (await browser.get("/reservations?done=alert")).body
    assert "有空位时告诉您，不保留座位" in done_page and "取消提醒" in done_page
    assert "座位不保留，先到先得" in done_page
