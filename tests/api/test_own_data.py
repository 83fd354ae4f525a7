"""我的数据: readers download and erase their own data, within the rules."""

from __future__ import annotations

import json
from datetime import timedelta

from models.identity.roles import Role
from tests.api.browsing import Browser
from tests.living import Answer, Living


async def erase(browser: Browser) -> Answer:
    form = {"csrf": await browser.token("/contact")}
    return await browser.post("/me/erase", form, browser.client.service.base)


async def test_a_reader_downloads_all_their_own_data(service: Living) -> None:
    reader, other = await service.web_reader(), await service.web_reader()
    made = await reader.reserve(start="09:00", end="11:00")
    theirs = await other.reserve("2f-hall-001", "09:00", "11:00")
    await reader.ok("POST", "/favourites", {"seat_id": "2f-hall-001"})
    browser = Browser(reader)
    page = (await browser.get("/me/data")).body
    assert "预约和候补" in page and "常用座位" in page and "下载全部" in page
    answer = await browser.get("/me/data.json")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "no-store" in answer.headers["Cache-Control"]
    data, text = answer.body, json.dumps(answer.body)
    assert [one["_id"] for one in data["reservations"]] == [made["id"]]
    assert data["reader"][0]["no"] == reader.number, "opened, as it is"
    assert theirs["id"] not in text and other.number not in text
    for path in ("//me/data", "//me/data.json", "//me/erase"):
        stranger = await service.stranger().get(path)
        assert stranger.status == 303 and "/login" in stranger.headers["Location"]


async def test_a_reader_erases_their_own_account(service: Living) -> None:
    reader = await service.web_reader()
    made = await reader.reserve(start="09:00", end="11:00")
    await reader.ok("POST", f"/reservations/{made['id']}/cancel")
    await reader.ok("POST", "/favourites", {"seat_id": "2f-hall-001"})
    browser = Browser(reader)
    # Not on the day of a booking: its number would begin anew.
    assert "今天或以后有预约" in (await browser.get("/me/data")).body
    before = await service.all_documents()
    refused = await erase(browser)
    assert refused.status == 422 and "现在不能清除" in refused.body
    assert "erasure_not_now" in refused.body
    assert (await browser.get("/me")).status == 200
    assert reader.reader_id in before
    await service.move(timedelta(hours=11))  # within the session, and past midnight
    await service.move(timedelta(hours=6))
    reader = await service.web_reader(reader)
    browser = Browser(reader)
    assert "确定清除" in (await browser.get("/me/erase")).body
    erased = await erase(browser)
    assert erased.status == 200 and "已清除您的信息" in erased.body
    left = await service.all_documents()
    assert str(reader.reader_id) not in left
    assert (await browser.get("/me")).status == 303, "signed out everywhere"
    # A bookmark does not make them anew by the campus's sign-on, which still knows them.
    marked = {"Cookie": erased.headers.getall("Set-Cookie")[-1].partition(";")[0]}
    sign_on = await service.stranger().get("//login?next=/reservations", **marked)
    assert "renew=true" in sign_on.headers["Location"]
    sign_on = await service.stranger().get("//login?next=/reservations")
    assert "renew" not in sign_on.headers["Location"]
    again = await service.web_reader(reader)
    assert (await again.ok("GET", "/reservations"))["total"] == 0
    assert (await again.ok("GET", "/favourites"))["items"] == []


async def test_the_mini_program_erases_its_readers_account(service: Living) -> None:
    reader = await service.reader()
    made = await reader.reserve(start="09:00", end="11:00")
    refused = await reader.refused("422 erasure_not_now", "DELETE", "/me")
    assert refused.details == {"reason": "bookings"}
    await reader.ok("POST", f"/reservations/{made['id']}/cancel")
    await service.move(timedelta(days=1))
    assert (await reader.call("DELETE", "/me")).status == 204
    assert str(reader.reader_id) not in await service.all_documents()
    assert (await reader.get("/me")).status == 401, "signed out"


async def test_erasing_the_account_is_refused_while_suspended_booked_or_staff(
    service: Living,
) -> None:
    for obstacle, words in (
        ("suspended", "暂停预约期间不能清除"),
        ("booking", "今天或以后有预约"),
        ("staff", "图书馆工作人员"),
        ("violation", "还在计数的违约"),
    ):
        role = Role.LIBRARIAN if obstacle == "staff" else None
        reader = await service.web_reader(role=role)
        now, readers = service.clock.now(), service.inside.stored.readers
        if obstacle == "suspended":
            until = now + timedelta(days=2)
            assert await readers.set_suspended_until(reader.reader_id, None, until)
        elif obstacle == "violation":
            await reader.reserve(start="09:00", end="11:00")
            await service.move("10:00")
        elif obstacle == "booking":
            await reader.reserve("2f-hall-001", "09:00", "11:00", service.tomorrow)
        browser = Browser(reader)
        assert words in (await browser.get("/me/data")).body, obstacle
        assert words in (await browser.get("/me/erase")).body, obstacle
        before = await service.books()
        assert (await erase(browser)).status == 422, obstacle
        assert await service.books() == before
        assert (await browser.get("/me")).status == 200
