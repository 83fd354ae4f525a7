"""Appeals and waivers: rights, effects and messages."""

from __future__ import annotations

import re

from tests.api.browsing import Browser
from tests.api.console import librarian
from tests.api.violations import WHY, missed, violations
from tests.living import Living


async def test_an_appeal_is_made_and_settled_once(service: Living) -> None:
    desk, reader, other = await librarian(service), await missed(service, 1), await service.reader()
    (one,) = await violations(reader)
    path, settle = f"/violations/{one['id']}/appeal", f"/staff/appeals/{one['id']}"
    granted = {"granted": True, "answer": "情况属实，本次免除。"}
    await desk.refused("409 wrong_state", "POST", settle, granted)
    await other.refused("404 not_found", "POST", path, {"text": WHY})
    for text in ("", " \n ", "x" * 1001):
        await reader.refused("400 malformed", "POST", path, {"text": text})
    appealed = await reader.ok("POST", path, {"text": WHY})
    assert appealed["appeal"]["text"] == WHY and appealed["appeal"]["settled_at"] is None
    await reader.refused("409 nothing_to_appeal", "POST", path, {"text": "noch einmal"})

    (waiting,) = (await desk.ok("GET", "/staff/appeals"))["items"]
    assert waiting["reader"]["student_no_masked"].count("*") >= 4
    assert reader.number not in str(waiting)
    for _ in range(2):
        settled = await desk.ok("POST", settle, granted)
    assert settled["waived"] and settled["appeal"]["answer"] == granted["answer"]
    await desk.refused("409 wrong_state", "POST", settle, granted | {"answer": "anders"})
    assert (await desk.ok("GET", "/staff/appeals"))["total"] == 0
    assert (await reader.ok("GET", "/violations"))["window"]["count"] == 0
    answers = [
        m for m in (await reader.ok("GET", "/messages"))["items"] if m["template"] == "ANSWER"
    ]
    assert [m["title"] for m in answers] == ["申诉结果"]
    assert "申诉已通过，违约已免除" in answers[0]["text"]


async def test_a_refused_appeal_keeps_the_violation_and_notifies_the_reader(
    service: Living,
) -> None:
    desk, reader = await librarian(service), await missed(service, 1)
    (one,) = await violations(reader)
    await reader.ok("POST", f"/violations/{one['id']}/appeal", {"text": WHY})
    answer = {"granted": False, "answer": "当天没有故障记录。"}
    await desk.ok("POST", f"/staff/appeals/{one['id']}", answer)
    remaining = await reader.ok("GET", "/violations")
    assert remaining["window"]["count"] == 1 and not remaining["items"][0]["waived"]
    assert "未予免除" in (await reader.ok("GET", "/messages"))["items"][0]["text"]
    other = answer | {"granted": True}
    await desk.refused("409 wrong_state", "POST", f"/staff/appeals/{one['id']}", other)
    assert await reader.ok("GET", "/violations") == remaining


async def test_a_waiver_ends_the_suspension_that_needs_the_violation(service: Living) -> None:
    reader = await missed(service, 3)
    desk = await librarian(service)
    until = (await reader.ok("GET", "/me"))["suspended_until"]
    assert until is not None
    wish = {"seat_id": "2f-hall-064", "date": service.today, "start": "14:00", "end": "15:00"}
    await reader.refused("422 suspended", "POST", "/reservations", wish)
    oldest = (await violations(reader))[-1]
    for _ in range(2):
        await desk.ok("POST", f"/staff/violations/{oldest['id']}/waive", {"reason": "闸机故障"})
    me = await reader.ok("GET", "/me")
    assert (me["suspended_until"], me["violations_count"]) == (None, 2)
    await reader.reserve("2f-hall-064")
    answers = [
        m for m in (await reader.ok("GET", "/messages"))["items"] if m["template"] == "ANSWER"
    ]
    assert [m["title"] for m in answers] == ["违约免除"] and "闸机故障" in answers[0]["text"]
    # The two that are left count on: a third one suspends again.
    await service.move("14:31")
    await service.settle()
    again = await reader.ok("GET", "/me")
    assert again["violations_count"] == 2, "one counts a day"


async def test_all_violations_of_an_interval_are_waived_together(service: Living) -> None:
    desk = await librarian(service)
    readers = [await service.reader() for _ in range(3)]
    for number, reader in enumerate(readers):
        start = "09:00" if number < 2 else "11:00"
        await reader.reserve(f"2f-hall-{number + 1:03}", start, "12:00")
    await service.move("11:31")
    await service.settle()
    path, why = "/staff/violations/waive", {"reason": "停电"}
    day = "2026-09-02T00:00:00+08:00"
    for start, end in (
        ("2026-09-07T12:00:00+08:00", "2026-09-07T10:00:00+08:00"),
        ("0001-01-01T00:00:00+08:00", day),
        (day, "9999-12-31T23:59:59-08:00"),
    ):
        await desk.refused("400 malformed", "POST", path, why | {"from": start, "to": end})
    interval = why | {"from": "2026-09-07T09:00:00+08:00", "to": "2026-09-07T10:00:00+08:00"}
    assert await desk.ok("POST", path, interval) == {"waived": 2}
    assert await desk.ok("POST", path, interval) == {"waived": 0}
    counts = [(await r.ok("GET", "/violations"))["window"]["count"] for r in readers]
    assert counts == [0, 0, 1]


async def test_the_page_takes_appeals_and_offers_to_cancel_todays_bookings(service: Living) -> None:
    reader = await service.reader()
    await reader.reserve(start="09:00", end="10:00")
    later = await reader.reserve(start="14:00", end="16:00")
    await service.move("09:31")
    await service.settle()
    assert "您今天还有 1 个预约" in (await reader.ok("GET", "/messages"))["items"][0]["text"]
    browser = Browser(await service.web_reader(reader))
    page = (await browser.get("/reservations")).body
    assert "今天不来了吗" in page
    action = re.search(r'action="(/reservations/[^"]+/cancel)"', page)
    assert action is not None and later["id"] in action[1]
    token = await browser.token("/reservations")
    gone = await browser.post(action[1], {"csrf": token, "key": "k"}, service.base)
    assert gone.status == 303
    assert "今天不来了吗" not in (await browser.get("/reservations")).body

    (one,) = await violations(reader)
    path = f"/reservations/violations/{one['id']}/appeal"
    assert path in (await browser.get("/reservations/violations")).body
    empty = await browser.post(path, {"csrf": await browser.token(path), "text": " "}, service.base)
    assert empty.status == 422 and "请写下" in empty.body
    sent = await browser.post(path, {"csrf": await browser.token(path), "text": WHY}, service.base)
    assert sent.headers["Location"] == "/reservations/violations?sent"
    assert "申诉中" in (await browser.get("/reservations/violations?sent")).body
    assert (await browser.get(path)).status == 409
    other = Browser(await service.web_reader())
    assert (await other.get(path)).status == 404
