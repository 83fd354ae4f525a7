"""企业微信通知 against a stand-in of WeCom that checks its requests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from models.messages.entities import Channel
from tests.api.browsing import Browser
from tests.api.console import post, staff
from tests.api.wecom import SETTINGS, WeCom
from tests.living import Client, Living, living
from tests.stand_in import StandIn


@pytest.fixture
async def side(stand_in: StandIn) -> tuple[WeCom, str]:
    running = WeCom()
    url = await stand_in(running.routes())
    return running, url


@pytest.fixture
async def service(mongo_url: str, redis_url: str, side: tuple[WeCom, str]) -> AsyncIterator[Living]:
    async with living(
        mongo_url,
        redis_url,
        **SETTINGS,
        WECOM_BASE_URL=side[1],
        WECOM_MESSAGES="1",
    ) as running:
        yield running


async def ways(service: Living, reader: Client) -> list[tuple[str, str]]:
    mine = {"reader": reader.reader_id, "channel": Channel.WECOM.value}
    rows = service.db["deliveries"].find(mine).sort("order")
    return [(row["template"], row["state"]) async for row in rows]


async def test_a_member_gets_cards_for_messages_with_a_deadline(
    service: Living, side: tuple[WeCom, str]
) -> None:
    reader = await service.web_reader()
    side[0].members.add(reader.number)
    made = await reader.reserve()
    await service.settle()
    assert side[0].cards == [], "what was just done is no card"
    await service.move("14:00")
    ((number, card),) = side[0].cards
    assert number == reader.number and card["title"] == "预约签到提醒"
    assert card["url"] == f"{service.base}/entry?next=/reservations/{made['id']}"
    assert "14:30 前扫码签到" in card["description"]
    inbox = (await reader.ok("GET", "/messages?unread=true"))["items"]
    assert [m["template"] for m in inbox] == ["CHECK_IN_REMINDER", "RESERVED"]
    await reader.ok("POST", "/me/language", {"language": "en"})
    await service.move("14:31")
    card = side[0].cards[-1][1]
    assert (card["title"], card["btntxt"]) == ("Missed check-in", "View")
    assert "You did not check in" in card["description"]


@pytest.mark.whole
async def test_the_reader_chooses_which_messages_are_sent(
    service: Living, side: tuple[WeCom, str]
) -> None:
    reader = await service.web_reader()
    side[0].members.add(reader.number)
    browser = Browser(await service.web_reader(reader))
    assert "企业微信通知" in (await browser.get("/me")).body
    page = (await browser.get("/me/wecom")).body
    assert page.count("checked") == 8 and "图书馆的答复和通知" in page
    for _ in range(2):  # the second time nothing changes
        answer = await post(service, browser, "/me/wecom", RESERVED="1", NO_SHOW="1")
        assert answer.headers["Location"] == "/me/wecom?done=saved"
        assert (await browser.get("/me/wecom")).body.count("checked") == 2
    (row,) = await service.db["message_choices"].find().to_list(None)
    assert row["choices"]["RESERVED"] and "ENDING_SOON" not in row["choices"], "what was switched"
    await reader.reserve()
    await service.settle()
    await service.move("14:31")
    assert side[0].to(reader.number) == ["座位预约成功", "未签到通知"]
    assert await ways(service, reader) == [("RESERVED", "sent"), ("NO_SHOW", "sent")]


@pytest.mark.parametrize(
    ("trouble", "state", "paused"),
    [
        ({"errcode": 81013}, "unbound", ""),
        pytest.param({"errcode": 99999}, "failed", "", marks=pytest.mark.whole),
        pytest.param({"errcode": 45033}, "queued", "", marks=pytest.mark.whole),
        pytest.param({"errcode": -1}, "queued", "", marks=pytest.mark.whole),
        pytest.param({"errcode": 45009}, "queued", "quota_minute", marks=pytest.mark.whole),
        pytest.param({"errcode": 60020}, "queued", "refused", marks=pytest.mark.whole),
        pytest.param({"errcode": 40001}, "queued", "token", marks=pytest.mark.whole),
        ({"status": 502}, "queued", ""),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
async def test_each_answer_of_wecom_has_its_outcome(
    service: Living, side: tuple[WeCom, str], trouble: dict[str, int], state: str, paused: str
) -> None:
    """Sending also resumes by itself afterwards."""
    reader = await service.web_reader()
    side[0].members.add(reader.number)
    await reader.reserve()
    await service.settle()
    for name, value in trouble.items():
        setattr(side[0], name, value)
    job = service.scheduler.job("deliver_wecom")
    assert job is not None
    await service.leap(timedelta(hours=6))
    await service.settle({"heartbeat", "send_reminders", "dispatch_outbox", "deliver_wecom"})
    assert await ways(service, reader) == [("CHECK_IN_REMINDER", state)]
    pause = await service.db["pauses"].find_one({"_id": {"$regex": "^wecom:"}})
    assert (pause["reason"] if pause else "") == paused
    side[0].errcode, side[0].status = 0, 200
    await service.move(timedelta(minutes=16))
    ended = state in ("unbound", "failed")
    assert side[0].to(reader.number) == ([] if ended else ["预约签到提醒"])


@pytest.mark.whole
async def test_repeats_after_two_lost_answers_show_no_second_card(
    service: Living, side: tuple[WeCom, str]
) -> None:
    reader = await service.web_reader()
    side[0].members.add(reader.number)
    await reader.reserve()
    await service.settle()
    side[0].hangs_up = True
    for moment in ("14:00", "14:05"):
        await service.move(moment)
        assert await ways(service, reader) == [("CHECK_IN_REMINDER", "queued")]
    side[0].hangs_up = False
    await service.move("14:20")
    assert await ways(service, reader) == [("CHECK_IN_REMINDER", "sent")]
    assert side[0].asked.count("send") == 3 and len(side[0].cards) == 1


@pytest.mark.whole
async def test_an_expired_token_is_renewed(service: Living, side: tuple[WeCom, str]) -> None:
    reader = await service.web_reader()
    side[0].members.add(reader.number)
    await reader.reserve()
    await service.settle()
    await service.move("14:00")
    side[0].token += 1
    await service.move("14:31")
    assert side[0].asked == ["gettoken", "send", "send", "gettoken", "send"]
    assert side[0].to(reader.number) == ["预约签到提醒", "未签到通知"]


@pytest.mark.whole
async def test_the_console_lists_wecom_deliveries_and_other_campuses_show_no_wecom(
    service: Living, side: tuple[WeCom, str], mongo_url: str, redis_url: str
) -> None:
    desk, reader = await staff(service), await service.web_reader()
    await reader.reserve()
    await service.settle()
    await service.move("14:00")
    page = (await desk.get("/console/deliveries?channel=wecom")).body
    assert "发往企业微信" in page and "不是成员" in page
    assert side[0].cards == []
    async with living(mongo_url, redis_url) as plain:
        browser = Browser(await plain.web_reader())
        assert "企业微信" not in (await browser.get("/me")).body
        assert (await browser.get("/me/wecom")).status == 404
