"""Holders of a season over HTTP: their days, giving back and giving up, unused days with warning,
appeal and the next in rank, swapping, and lockers that have to be empty."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from models.identity.roles import Role
from tests.api.browsing import Browser
from tests.api.console import librarian, post
from tests.api.seasons import DRAW, PAGE, announced, apply, erase, form, heads, news, take
from tests.living import MONDAY_8, Client, Living

SEATS: Final = {
    "kind": "seats",
    "area": "2f-hall",
    "start": "08:00",
    "end": "22:00",
    "first": "2026-09-08",
    "last": "2026-09-30",
    "lockers": "",
}
ONE, TWO = "2f-hall-065", "2f-hall-066"


async def drawn(service: Living, readers: Sequence[Client], **fields: str) -> str:
    """A season drawn on Tuesday at 11:00, for which the readers have applied."""
    id = await announced(service, (await heads(service))[0], **fields)
    await service.move(timedelta(hours=2))
    await apply(id, *readers)
    await service.move(timedelta(hours=24))
    await take(service, id, "freeze")
    await service.move(timedelta(hours=2))
    await take(service, id, "draw", **DRAW)
    await service.settle()
    return id


async def to(service: Living, day: int, clock: str) -> None:
    """Moves the clock to a time of that day of September."""
    hour, minute = map(int, clock.split(":"))
    at = datetime(2026, 9, day, hour, minute, tzinfo=MONDAY_8.tzinfo)
    await service.leap(at)
    await service.settle()


async def days_of(reader: Client, id: str) -> dict[str, Any]:
    """The reader's days of the season by date, as they are now."""
    rows = (await reader.ok("GET", "/reservations?page_size=50"))["items"]
    return {row["date"]: row for row in rows if row.get("season_id") == id}


async def own(reader: Client, id: str) -> Any:
    return await reader.ok("GET", f"/seasons/{id}/application")


async def newest(reader: Client) -> str:
    """The title of the reader's latest message about a season."""
    return (await news(reader))[0][0]


async def comes(service: Living, reader: Client, reservation: Any) -> None:
    body = {"qr": await service.qr()}
    await reader.ok("POST", f"/reservations/{reservation['id']}/check-in", body)


async def test_a_term_of_seats(service: Living) -> None:
    first, second, other, nobody = [await service.reader() for _ in range(4)]
    head, _ = await heads(service)
    id = await announced(service, head, **SEATS)
    late = SEATS | {"first": "2026-09-30", "last": "2026-10-09", "title": "乙"}
    overlapping = await post(service, head, PAGE, **form(service, **late))
    assert overlapping.status == 409 and "2026 秋存包柜" in overlapping.body
    refused = await nobody.refused(
        "422 not_open_yet",
        "POST",
        "/reservations",
        {"seat_id": ONE, "date": "2026-09-08", "start": "10:00", "end": "12:00"},
    )
    assert refused.body["error"]["details"] == {"season": True}
    for_day = "date=2026-09-08&start=10:00&end=12:00"
    plan = await nobody.ok("GET", f"/areas/2f-hall/map?{for_day}")
    (seat,) = [one for one in plan["seats"] if one["id"] == ONE]
    assert (seat["status"], seat["reserved_for"]) == ("disabled", ["2026 秋存包柜"])
    today = await nobody.ok("GET", "/areas/2f-hall/map?date=2026-09-07&start=10:00&end=12:00")
    (seat,) = [one for one in today["seats"] if one["id"] == ONE]
    assert seat["status"] == "free"
    for method, path, body in (
        ("DELETE", "holding", None),
        ("POST", "swap", {"thing": ONE}),
        ("DELETE", "swap", None),
        ("POST", "swap/accept", {"thing": ONE}),
    ):
        await nobody.refused("404 not_found", method, f"/seasons/none/{path}", body)
        await nobody.refused("409 nothing_held", method, f"/seasons/{id}/{path}", body)
    await service.move(timedelta(hours=2))
    # In every order of the draw somebody is left who had wished for TWO.
    await apply(id, first, wishes=(ONE, TWO))
    await apply(id, second, wishes=(ONE,))
    await apply(id, other, wishes=(TWO,))
    await apply(id, nobody, wishes=(TWO, ONE))
    await service.move(timedelta(hours=24))
    await take(service, id, "freeze")
    await service.move(timedelta(hours=2))
    await take(service, id, "draw", **DRAW)
    await service.settle()

    people = [first, second, other, nobody]
    results = [(await own(one, id), one) for one in people]
    by_thing = {result["thing"]["id"]: one for result, one in results if result["thing"]}
    assert {*by_thing} == {ONE, TWO}, "both have a holder"
    comer, absent = by_thing[ONE], by_thing[TWO]
    waiting = [one for result, one in results if not result["thing"]]
    next_of = min(
        (result["rank"], n)
        for n, (result, _) in enumerate(results)
        if not result["thing"] and TWO in [wish["id"] for wish in result["wishes"]]
    )[1]
    # Today is over for holders; both days that can be booked tomorrow are theirs.
    assert [*await days_of(comer, id)] == ["2026-09-10", "2026-09-09"]
    day = (await days_of(comer, id))["2026-09-09"]
    assert (day["start"][11:16], day["end"][11:16]) == ("08:00", "22:00")
    assert day["check_in_until"][11:16] == "10:00"
    assert "cancel" in day["actions"] and "change" not in day["actions"]
    await comer.refused(
        "409 wrong_state", "POST", f"/reservations/{day['id']}/change", {"start": "09:00"}
    )
    await waiting[0].refused(
        "409 seat_taken",
        "POST",
        "/reservations",
        {"seat_id": ONE, "date": "2026-09-09", "start": "10:00", "end": "12:00"},
    )
    assert "065" in (await Browser(await service.web_reader(comer)).get("/me")).body

    await to(service, 9, "09:30")
    await comes(service, comer, day)
    await to(service, 9, "10:01")
    assert (await days_of(absent, id))["2026-09-09"]["state"] == "no_show"
    await waiting[0].reserve(TWO, "now", "12:00")
    assert "2026-09-11" in await days_of(comer, id)
    back = (await days_of(comer, id))["2026-09-10"]
    await comer.ok("POST", f"/reservations/{back['id']}/cancel")
    await to(service, 10, "10:01")
    warned = await own(absent, id)
    assert (warned["unused"], warned["thing"]["id"]) == (2, TWO)
    text = dict(await news(absent))["座位闲置"]
    assert "已连续 2 天没有使用" in text and "066" in text
    assert (await own(comer, id))["unused"] == 0, "a day given back is not unused"

    violations = (await absent.ok("GET", "/violations"))["items"]
    (latest,) = [one for one in violations if one["at"][:10] == "2026-09-10"]
    await absent.ok("POST", f"/violations/{latest['id']}/appeal", {"text": "在医院"})
    await to(service, 11, "10:01")
    assert (await own(absent, id))["thing"]["id"] == TWO, "an appeal waits for its answer"
    desk = await librarian(service)
    answer = {"granted": False, "answer": "没有证明"}
    await desk.ok("POST", f"/staff/appeals/{latest['id']}", answer)
    await service.settle()
    lost = await own(absent, id)
    assert lost["thing"] is None and lost["lost"]["reason"] == "unused"
    assert await newest(absent) == "已收回"
    assert (await days_of(absent, id))["2026-09-12"]["state"] == "cancelled"
    (heir,) = [one for one in waiting if (await own(one, id))["thing"] is not None]
    assert heir is people[next_of]
    assert (await own(heir, id))["from_day"] == "2026-09-14"
    assert await newest(heir) == "候补到了"

    await swap(service, id, heir, comer)
    here = f"/seasons/{id}"
    page = await Browser(await service.web_reader(heir)).get(here)
    assert "065" in page.body and "交换或放弃" in page.body
    await to(service, 12, "09:00")
    days = await days_of(heir, id)
    assert days["2026-09-14"]["seat"]["id"] == ONE
    assert (await days_of(comer, id))["2026-09-14"]["seat"]["id"] == TWO
    assert (await days_of(comer, id))["2026-09-13"]["seat"]["id"] == ONE, "as it was written"
    browser = Browser(await service.web_reader(heir))
    gone = await post(service, browser, f"{here}/give-up")
    assert gone.status == 303 and "已放弃" in (await browser.get(gone.headers["Location"])).body
    assert (await days_of(heir, id))["2026-09-14"]["state"] == "cancelled"
    await heir.refused("409 nothing_held", "DELETE", f"{here}/holding")
    (last,) = [one for one in waiting if one is not heir]
    if ONE in [wish["id"] for wish in (await own(last, id))["wishes"]]:
        assert (await own(last, id))["thing"]["id"] == ONE
        await erase(service, last)
    assert await service.db["season_applications"].count_documents({"thing": ONE}) == 0


@pytest.mark.whole
async def test_who_books_the_own_seat_after_the_deadline_and_comes_has_come(
    service: Living,
) -> None:
    holder = await service.reader()
    seats = SEATS | {"unused_days": "1", "first": "2026-09-10"}
    id = await drawn(service, [holder], **seats)
    own_seat = (await own(holder, id))["thing"]["id"]
    await to(service, 10, "10:01")
    assert (await own(holder, id))["unused"] == 1, "warned"
    late = await holder.reserve(own_seat, "now", "12:00")
    await to(service, 10, "10:02")
    assert (await own(holder, id))["unused"] == 1, "a booking alone is no use"
    await comes(service, holder, late)
    await to(service, 10, "10:03")
    assert (await own(holder, id))["unused"] == 0
    assert (await days_of(holder, id))["2026-09-10"]["state"] == "no_show"
    assert len((await holder.ok("GET", "/violations"))["items"]) == 1
    await to(service, 11, "10:01")
    again = await own(holder, id)
    assert (again["unused"], again["thing"]["id"]) == (1, own_seat), "one day in a row, not two"
    elsewhere = await holder.reserve("2f-hall-060", "now", "12:00")
    await comes(service, holder, elsewhere)
    await to(service, 12, "10:01")
    assert (await own(holder, id))["thing"] is None, "the seat stood empty for two days"


async def swap(service: Living, id: str, asker: Client, other: Client) -> None:
    """The two swap, the asker in the API and the other one on the page."""
    theirs, mine = [(await own(one, id))["thing"]["id"] for one in (other, asker)]
    here = f"/seasons/{id}"
    asked = await asker.ok("POST", f"{here}/swap", {"thing": theirs})
    assert asked["swap"]["id"] == theirs
    await asker.refused("409 nothing_held", "POST", f"{here}/swap/accept", {"thing": theirs})
    await asker.refused("409 nothing_held", "POST", f"{here}/swap", {"thing": mine})
    assert await newest(other) == "有人想和您交换"
    assert [one["id"] for one in (await own(other, id))["offers"]] == [mine]
    browser = Browser(await service.web_reader(other))
    assert "和您交换" in (await browser.get(here)).body
    done = await post(service, browser, f"{here}/swapped", thing=mine)
    assert done.status == 303
    assert [(await own(one, id))["thing"]["id"] for one in (other, asker)] == [mine, theirs]
    again = await post(service, browser, f"{here}/swapped", thing=mine)
    assert again.status == 409
    assert await newest(asker) == "已交换"


async def test_lockers_are_emptied_after_the_season(service: Living) -> None:
    readers = [await service.reader() for _ in range(5)]
    lockers = {"lockers": "A-01\nA-02", "first": "2026-09-10", "last": "2026-09-20"}
    id = await drawn(service, readers, **lockers)
    holders = [one for one in readers if (await own(one, id))["thing"] is not None]
    stays, gives_up = holders
    head, _ = await heads(service)
    for first, status in (("2026-09-27", 409), ("2026-09-28", 303)):  # seven days to empty them
        following = lockers | {"first": first, "last": "2026-12-20", "title": "乙"}
        assert (await post(service, head, PAGE, **form(service, **following))).status == status
    held = (await own(gives_up, id))["thing"]["id"]
    assert held in (await Browser(await service.web_reader(gives_up)).get("/me")).body
    await gives_up.ok("DELETE", f"/seasons/{id}/holding")
    (heir,) = [
        one for one in readers if one is not stays and (await own(one, id))["thing"] is not None
    ]
    assert (await own(heir, id))["thing"]["id"] == held
    await to(service, 14, "09:00")
    assert await newest(stays) == "请按期清空储物柜"
    await to(service, 21, "09:00")
    assert await newest(stays) == "请清空储物柜"
    theirs = {"thing": (await own(heir, id))["thing"]["id"]}
    await stays.refused("409 nothing_held", "POST", f"/seasons/{id}/swap", theirs)
    await stays.refused("409 nothing_held", "DELETE", f"/seasons/{id}/holding")  # staff look first
    page = await Browser(await service.web_reader(stays)).get(f"/seasons/{id}")
    assert "您分到" in page.body and "交换或放弃" not in page.body
    head = Browser(await service.web_reader(role=Role.ADMINISTRATOR))
    holders_page = f"{PAGE}/{id}/holders"
    page = (await head.get(holders_page)).body
    assert str(stays.number) in page and "等待清空" in page
    thing = (await own(stays, id))["thing"]["id"]
    done = await post(service, head, holders_page, thing=thing)
    assert done.status == 303
    after = await own(stays, id)
    assert (after["thing"], after["lost"]["reason"]) == (None, "cleared")
    assert (await post(service, head, holders_page, thing=thing)).status == 409
    assert await service.db["season_applications"].count_documents({"thing": thing}) == 0, "over"
    await to(service, 28, "09:00")
    head = Browser(await service.web_reader(role=Role.ADMINISTRATOR))
    assert "到期没有清空" in (await head.get(holders_page)).body
