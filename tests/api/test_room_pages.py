"""研修间 in a browser without scripts: the rooms of a day, booking, inviting, checking in."""

from __future__ import annotations

import re
from datetime import date
from urllib.parse import urlsplit

import pytest

from models.identity.roles import Role
from models.kernel.ids import Actor
from models.library.rooms import RequestAnswer
from models.policy.entities import OpeningRule
from tests.api.browsing import Browser
from tests.api.changes import suspended, with_rules
from tests.api.page_forms import form_of, send
from tests.living import Client, Living


async def browser(service: Living) -> tuple[Client, Browser]:
    reader = await service.web_reader()
    return reader, Browser(reader)


def invitation_of(page: str) -> str:
    return urlsplit(page.split("<code>")[1].split("</code>")[0]).path


async def booked(service: Living, who: Browser, room: str = "r301", **fields: str) -> str:
    """The address of a booking that the form of the room's page has made."""
    page = (await who.get(f"/rooms/{room}?date={service.today}")).body
    times = {"start": "10:00", "end": "12:00"}
    made = await send(service, who, page, f"/rooms/{room}", **{**times, **fields})
    assert made.status == 303, made.body
    return str(made.headers["Location"].partition("?")[0])


async def test_a_group_books_a_room_confirms_checks_in_and_leaves(service: Living) -> None:
    (_, booker), (_, second), (_, third), (_, other) = [await browser(service) for _ in range(4)]
    page = (await booker.get("/")).body
    assert 'href="/rooms?venue=' in page
    rooms = (await booker.get("/rooms")).body
    assert "研修间301" in rooms and "3–6 人" in rooms and "都空着" in rooms
    here = await booked(service, booker)
    assert "已约 10:00–12:00" in (await other.get("/rooms/r301")).body
    page = (await booker.get(here)).body
    assert "已确认 1 人，至少要 3 人" in page and "09:00 前确认的人不够" in page
    link = invitation_of(page)
    for who in (second, third):
        invited = (await who.get(link)).body
        assert "最多 6 人" in invited
        confirmed = await send(service, who, invited, f"{link}/confirm")
        assert confirmed.headers["Location"].startswith(here)
        assert "您已确认参加" in (await who.get(link)).body
    assert (await other.get(here)).status == 404, "who takes no part"
    # Home and 签到 lead to the room; nobody is offered a seat beside it.
    home = (await second.get("/")).body
    assert "<b>研修间301" in home and "已预约 · 09:30–10:30 签到" in home
    assert "坐这里" not in home and "坐这里" in (await other.get("/")).body
    assert "没有需要签到的预约" in (await second.get("/check-in")).body
    # One of them checks in with the kiosk's digits; wrong ones are refused in words.
    await service.move("09:50")
    page = (await second.get(here)).body
    refused = await send(service, second, page, f"{here}/check-in", digits="000000")
    assert refused.status == 422 and "数字不对" in refused.body
    page = (await second.get("/check-in")).body
    assert "研修间301" in page and "10:30 前签到" in page
    refused = await send(service, second, page, "/check-in", digits="000000")
    assert refused.status == 422 and "数字不对" in refused.body and "研修间301" in refused.body
    digits = (await service.qr())[-6:]
    done = await send(service, second, page, "/check-in", digits=digits)
    assert done.headers["Location"].startswith(here)
    assert "使用中" in (await booker.get("/reservations")).body
    await service.settle()
    assert (await third.get("/notices")).body.count("研修间301") == 1, "the reminder alone"
    finished = await send(service, booker, (await booker.get(here)).body, f"{here}/finish")
    assert "已结束使用，房间已归还" in (await booker.get(finished.headers["Location"])).body
    assert "这次预约已经结束或取消了" in (await other.get(link)).body


@pytest.mark.whole
async def test_the_page_of_a_scanned_code_offers_the_room(service: Living) -> None:
    _, booker = await browser(service)
    here = await booked(service, booker, "r201", start="now", end="10:00")
    scanned = await booker.get((await service.qr()).removeprefix(service.base))
    booker.cookie["Cookie"] += f"; {scanned.headers['Set-Cookie'].partition(';')[0]}"
    page = (await booker.get(scanned.headers["Location"])).body
    assert "研修间201" in page and "您现在没有预约" not in page
    done = await send(service, booker, page, "/k/2f-south/check-in")
    assert done.headers["Location"].startswith(here)
    page = (await booker.get(scanned.headers["Location"])).body
    assert "您现在没有预约" in page and "研修间201" not in page


async def test_what_a_room_refuses_stays_in_its_form(service: Living) -> None:
    (_, booker), (reader, other) = [await browser(service) for _ in range(2)]
    await booked(service, booker)
    page = (await other.get("/rooms/r301")).body
    times = {"start": "11:00", "end": "13:00"}
    refused = await send(service, other, page, "/rooms/r301", **times)
    assert refused.status == 409 and 'role="alert"' in refused.body
    assert "<option selected>13:00" in refused.body
    asks = form_of((await other.get("/rooms/r401")).body, "/rooms/r401")
    refused = await other.post(asks[0], asks[1] | times | {"purpose": ""}, service.base)
    assert refused.status == 400 and "请写明用途" in refused.body.split('id="purpose-wrong"')[1]
    assert await service.db["reservations"].count_documents({}) == 1
    tomorrow = (await other.get(f"/rooms/r201?date={service.tomorrow}")).body
    assert '<option value="09:00" selected>' in tomorrow, "no dawn that nobody meant"
    await suspended(service, reader, True)
    page = (await other.get("/rooms/r301")).body
    assert "暂停预约" in page and 'name="start"' not in page
    assert (await other.get("/rooms/nowhere")).status == 404
    # An address of no day, and one of the last day that there is.
    for day in ("0001-01-01", "9999-12-31"):
        refused = await other.post(asks[0], asks[1] | times | {"date": day}, service.base)
        assert refused.status == 422
        asked = f"/together?date={day}&start=10:00&end=11:00&seat=2f-hall-065&people={'9' * 5000}"
        assert (await other.get(asked)).status in (303, 422)
    assert (await other.get("/rooms?date=2020-01-01&venue=nowhere")).status == 200


@pytest.mark.whole
async def test_a_request_is_answered_withdrawn_or_cancelled(service: Living) -> None:
    _, booker = await browser(service)
    here = await booked(service, booker, "r401", start="14:00", end="16:00", purpose="组会")
    page = (await booker.get(here)).body
    assert "待审批" in page and "13:00 答复" in page and "组会" in page
    withdrawn = await send(service, booker, page, f"{here}/cancel")
    assert "已取消" in (await booker.get(withdrawn.headers["Location"])).body
    here = await booked(service, booker, "r401", start="14:00", end="16:00", purpose="组会")
    by, now = Actor("librarian", "desk"), service.clock.now()
    id = here.rpartition("/")[2]
    await service.inside.rooms.answer(id, RequestAnswer.DECLINE, "那天下午检修", by, now)
    page = (await booker.get(here)).body
    assert "未获批准" in page and "那天下午检修" in page and f"{here}/cancel" not in page
    await service.settle()
    notices = (await booker.get("/notices")).body
    assert "研讨室401，9月7日 14:00–16:00 的申请没有获得批准。图书馆：那天下午检修" in notices
    assert notices.count(f'href="{here}"') == 1, "a request withdrawn by oneself is no news"


@pytest.mark.whole
async def test_a_refused_form_can_be_sent_again(service: Living) -> None:
    (_, booker), (_, second) = [await browser(service) for _ in range(2)]
    here = await booked(service, booker)
    link = invitation_of((await booker.get(here)).body)
    own = await booked(service, second, "r201", start="11:00", end="13:00")
    refused = await send(service, second, (await second.get(link)).body, f"{link}/confirm")
    assert refused.status == 409
    await send(service, second, (await second.get(own)).body, f"{own}/cancel")
    again = await send(service, second, refused.body, f"{link}/confirm")
    assert again.headers["Location"].startswith(here)
    # The address of a form leads to its page, also after the session has ended.
    assert (await second.get(f"{link}/confirm")).headers["Location"] == link
    assert (await second.get(f"{here}/finish")).headers["Location"] == here
    second.cookie = {"Cookie": "seat_sid=ended"}
    ended = await second.post(f"{link}/confirm", {"csrf": "x"}, service.base)
    assert ended.headers["Location"] == f"/login?next={link.replace('/', '%2F')}"


async def test_limits_hold_over_all_rooms_and_requests_come_in_time(service: Living) -> None:
    _, booker = await browser(service)
    first = await booked(service, booker, "r201", start="10:00", end="11:00")
    await booked(service, booker, "r202", start="12:00", end="13:00")
    await send(service, booker, (await booker.get(first)).body, f"{first}/cancel")
    page = (await booker.get("/rooms/r402")).body
    assert '<option value="09:00"' not in page and '<option value="09:30"' in page
    late = {"start": "10:00", "end": "11:00", "purpose": "报告"}
    refused = await send(service, booker, page, "/rooms/r402", **late)
    assert refused.status == 422 and "每周" in refused.body
    strange = await send(service, booker, page, "/rooms/r402", **late | {"purpose": "a\u202eb"})
    assert strange.status == 400
    id = first.rpartition("/")[2]
    desk = await service.web_reader(role=Role.LIBRARIAN)
    await desk.refused("409 wrong_state", "POST", f"/staff/room-requests/{id}/approve")


@pytest.mark.whole
async def test_nobody_is_punished_for_a_room_on_a_day_that_was_closed(service: Living) -> None:
    reader, booker = await browser(service)
    await booked(service, booker, "r201", start="10:00", end="12:00")
    day = date.fromisoformat(service.today)
    opening = service.inside.reference.policy.opening
    await with_rules(service, opening=(*opening, OpeningRule(None, None, day, day, reason="停电")))
    await service.move("10:31")
    await service.settle()
    notices = (await booker.get("/notices")).body
    assert "10:00–12:00 没有人签到" in notices and "记违约" not in notices
    assert not (await reader.ok("GET", "/violations", **booker.cookie))["items"]


@pytest.mark.whole
async def test_people_learn_what_becomes_of_their_room(service: Living) -> None:
    (_, booker), (_, second) = [await browser(service) for _ in range(2)]
    released, cancelled, missed = [
        await booked(service, booker, "r301", start=start, end=end)
        for start, end in (("09:00", "10:00"), ("11:00", "12:00"), ("13:00", "14:00"))
    ]
    for here in (released, cancelled):
        link = invitation_of((await booker.get(here)).body)
        await send(service, second, (await second.get(link)).body, f"{link}/confirm")
    await send(service, booker, (await booker.get(cancelled)).body, f"{cancelled}/cancel")
    await service.move("08:11")
    await service.settle()
    texts = {who: (await who.get("/notices")).body for who in (booker, second)}
    assert all("09:00–10:00：确认参加的人不够，房间已释放" in text for text in texts.values())
    assert "11:00–12:00 的预约已由预约人取消" in texts[second]
    assert "11:00–12:00" not in texts[booker]
    assert "13:00–14:00" not in texts[booker] + texts[second], missed


async def test_a_booking_is_changed_on_its_page(service: Living) -> None:
    (_, booker), (_, second) = [await browser(service) for _ in range(2)]
    here = await booked(service, booker, "r201")
    link = invitation_of((await booker.get(here)).body)
    await send(service, second, (await second.get(link)).body, f"{link}/confirm")
    assert f"{here}/change" not in (await second.get(here)).body, "only the booker changes it"
    page = (await booker.get(here)).body
    assert (
        '<option value="10:00" selected>10:00</option>' in page and "<option selected>12:00" in page
    )
    assert '<option value="r401"' not in page, "the library would have to approve it"
    # Another room and day are looked at first; what is refused stays in the form.
    page = (await booker.get(f"{here}?room=r301&date={service.tomorrow}")).body
    _, fields = form_of(page, f"{here}/change")
    assert (fields["room_id"], fields["date"]) == ("r301", service.tomorrow)
    assert '<details id="change" open>' in page
    await booked(service, second, "r301", start="14:00", end="16:00", date=service.tomorrow)
    times = {"start": "15:00", "end": "17:00"}
    refused = await send(service, booker, page, f"{here}/change", **times)
    assert refused.status == 409 and "研修间在这段时间已有预约" in refused.body
    assert "<option selected>17:00" in refused.body and "data-watch" not in refused.body
    done = await send(service, booker, refused.body, f"{here}/change", start="17:00", end="18:00")
    page = (await booker.get(done.headers["Location"])).body
    assert "已更改" in page and "研修间301" in page and "17:00–18:00" in page


@pytest.mark.whole
async def test_a_stay_in_use_goes_on_by_its_page_while_the_room_is_free(service: Living) -> None:
    (_, booker), (_, other) = [await browser(service) for _ in range(2)]
    here = await booked(service, booker, "r201", start="now", end="10:00")
    await booked(service, other, "r201", start="11:00", end="12:00")
    digits = (await service.qr())[-6:]
    page = (await booker.get(here)).body
    await send(service, booker, page, f"{here}/check-in", digits=digits)
    page = (await booker.get(here)).body
    form = page.split(f'action="{here}/change"')[1].split("</form>")[0]
    ends = re.findall(r'<option value="([^"]+)"', form)
    assert ends == ["10:30", "11:00"], "until the next one begins"
    done = await send(service, booker, page, f"{here}/change", end="11:00")
    page = (await booker.get(done.headers["Location"])).body
    assert "08:00–11:00" in page and f"{here}/change" not in page
    refused = await booker.post(
        f"{here}/change", {**form_of(page, f"{here}/finish")[1], "end": "x"}, service.base
    )
    assert refused.status == 400


@pytest.mark.whole
async def test_an_approved_booking_offers_a_part_of_its_time(service: Living) -> None:
    _, booker = await browser(service)
    here = await booked(service, booker, "r401", start="14:00", end="16:00", purpose="组会")
    by, now = Actor("librarian", "desk"), service.clock.now()
    await service.inside.rooms.answer(here.rpartition("/")[2], RequestAnswer.APPROVE, "", by, now)
    page = (await booker.get(f"{here}?room=r201&date={service.tomorrow}")).body
    assert 'name="room"' not in page
    form = page.split(f'action="{here}/change"')[1].split("</form>")[0]
    starts, ends = (part.split("</select>")[0] for part in form.split("<select ")[1:])
    assert re.findall("value=.([0-9:]+)", starts) == ["14:00", "14:30", "15:00", "15:30"]
    assert re.findall("[>]([0-9:]+)<", ends) == ["14:30", "15:00", "15:30", "16:00"]
    blank = await send(
        service, booker, page, f"{here}/change", start="14:00", end="15:00", purpose=" "
    )
    assert blank.status == 400 and 'id="purpose-wrong"' in blank.body
    done = await send(
        service, booker, blank.body, f"{here}/change", start="14:00", end="15:00", purpose="组会"
    )
    assert "14:00–15:00" in (await booker.get(done.headers["Location"])).body


@pytest.mark.whole
async def test_past_rooms_stand_among_past_seats(service: Living) -> None:
    reader, booker = await browser(service)
    reader.token = booker.cookie["Cookie"].partition("=")[2]
    empty = (await booker.get("/reservations")).body
    assert "还没有预约" in empty
    here = await booked(service, booker, "r201", start="09:00", end="10:00")
    for start in range(11, 21):
        made = await reader.reserve("2f-hall-030", f"{start}:00", f"{start + 1}:00")
        await reader.ok("POST", f"/reservations/{made['id']}/cancel")
    await service.move("09:31")
    first, last = [(await booker.get(f"/reservations?page={n}")).body for n in (1, 2)]
    assert here not in first and f'<a href="{here}">研修间201</a>' in last
    assert last.count("<tr>") == 2 and "失约" in last, "the heading and the room"
    page = (await booker.get(here)).body
    assert "没有人签到，房间释放" in page and "（系统）" in page and f"{here}/cancel" not in page
