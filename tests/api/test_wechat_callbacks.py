"""WeChat's callbacks: verified, processed once, answered within a second."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest

from handlers.http.keys import service_key
from miniapp_server.cli.wechat import link_to
from models.feedback.repository import FeedbackRepository
from models.kernel.errors import Unavailable
from models.messages.entities import Template
from notify.wechat import official_account
from notify.wechat.channel import WeChatChannel
from notify.wechat.errors import WeChatUnavailable
from notify.wechat.menu import NoRoomInMenu, menu_with_booking_entry
from tests.api.wechat_callbacks import CRYPTO, NONCE, STAMP, event, listed, push, sealed
from tests.living import MONDAY_8, Answer, Living, living

TOP = "学研支持"


def message(openid: str, content: str, id: int = 1) -> str:
    return (
        f"<xml><ToUserName>gh_1</ToUserName><FromUserName>{openid}</FromUserName>"
        f"<CreateTime>1714112445</CreateTime><MsgType>text</MsgType>"
        f"<Content><![CDATA[{content}]]></Content><MsgId>{id}</MsgId></xml>"
    )


def said(answer: Answer) -> str:
    """The text of the reply that the follower reads."""
    sealed_reply = re.search(r"<Encrypt><!\[CDATA\[(.*?)\]\]>", answer.body)
    signature = re.search(r"<MsgSignature><!\[CDATA\[(.*?)\]\]>", answer.body)
    stamp = re.search(r"<TimeStamp>(\d+)</TimeStamp>", answer.body)
    assert sealed_reply and signature and stamp, answer.body
    plain = CRYPTO["mp"].decrypt_message(answer.body, signature[1], stamp[1], NONCE)
    assert "<ToUserName><![CDATA[mp-" in plain
    return fromstring(plain).findtext("Content", "")


async def test_the_callback_address_is_verified_by_signature(service: Living) -> None:
    for account in ("mp", "mini"):
        parts = "".join(sorted([f"sandbox-{account}", STAMP, NONCE]))
        right = hashlib.sha1(parts.encode()).hexdigest()
        path = f"//wechat/{account}/callback?timestamp={STAMP}&nonce={NONCE}&echostr=hello"
        assert (await service.anonymous.get(f"{path}&signature={right}")).body == "hello"
        for wrong in ("", "0" * 40, right.upper()):
            assert (await service.anonymous.get(f"{path}&signature={wrong}")).status == 403
    assert (await service.anonymous.get("//wechat/other/callback")).status == 404


async def test_forged_pushes_change_nothing(service: Living) -> None:
    before = await service.books()
    query, body = sealed("mp", message("mp-zhang", "请修灯"))
    for bad_query, bad_body in (
        (query.replace("msg_signature=", "msg_signature=0"), body),
        (query.replace(NONCE, "1"), body),
        ("", body),
        (query, body.replace(b"<Encrypt>", b"<Encrypt>A")),
        (query, message("mp-zhang", "plain").encode()),
        (query, b"x" * 70_000),
        (query, b"\xff"),
    ):
        answer = await service.anonymous.post(f"//wechat/mp/callback?{bad_query}", bad_body)
        assert answer.status in (403, 413), bad_body[:40]
    # The other account's token and key open nothing here.
    answer = await service.anonymous.post(f"//wechat/mini/callback?{query}", body)
    assert answer.status == 403
    assert await service.books() == before


async def test_a_recorded_callback_is_refused_when_replayed_later(service: Living) -> None:
    """A day later the log of callbacks no longer holds it, and its signature is still valid."""
    query, body = sealed("mp", message("mp-zhang", "请修灯"))
    path = f"//wechat/mp/callback?{query}"
    assert (await service.anonymous.post(path, body)).status == 200
    await service.jump("09:01:00")
    await service.inside.stored.wechat_callbacks.prune(service.clock.now())
    assert await service.db["wechat_callbacks"].count_documents({}) == 0
    assert (await service.anonymous.post(path, body)).status == 403
    assert await service.db["feedback"].count_documents({}) == 1


async def test_a_followers_message_is_answered(service: Living) -> None:
    welcome = said(await push(service, "mp", event("mp-zhang", "subscribe")))
    assert 'data-miniprogram-appid="wxsandbox"' in welcome and "欢迎关注" in welcome
    assert "激活码" in said(await push(service, "mp", message("mp-zhang", " 帮助 ", 2)))
    seats = said(await push(service, "mp", message("mp-zhang", "空位", 3)))
    heads = {n: line for n, line in enumerate(seats.splitlines()[1:]) if "/" not in line}
    assert "二层中厅 68/68" in seats and heads == {0: "图书馆", 19: "Juridicum"}
    assert said(await push(service, "mp", event("mp-zhang", "CLICK", "SEATS"))) == seats
    assert (await push(service, "mp", event("mp-zhang", "unsubscribe"))).body == "success"
    assert (await push(service, "mp", event("mp-zhang", "VIEW", "https://x"))).body == "success"


async def test_a_failed_callback_is_processed_on_wechats_repetition(
    service: Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(*_: object) -> None:
        raise Unavailable()

    said = message("mp-zhang", "请修三层的灯")
    with monkeypatch.context() as broken:
        broken.setattr(FeedbackRepository, "add", down)
        assert (await push(service, "mp", said)).status == 503
    for _ in range(2):
        assert (await push(service, "mp", said)).status == 200
    assert await service.db["feedback"].count_documents({}) == 1


async def test_my_reservations_are_listed_for_a_follower_known_by_unionid(
    service: Living, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = said(await push(service, "mp", message("mp-zhang", "我的预约")))
    assert f"{service.base}/reservations" in stranger
    phone, web = service.stranger(), await service.web_reader()
    phone.name = "zhang"
    login = await phone.ok("POST", "/wx/login", {"code": "demo-zhang-1"})
    phone.token = login["token"]
    code = (await web.ok("POST", "/activation-codes"))["code"]
    await phone.ok("POST", "/bindings", {"activation_code": code})
    assert "没有预约" in said(await push(service, "mp", message("mp-zhang", "我的预约", 2)))
    await phone.reserve()
    mine = said(await push(service, "mp", event("mp-zhang", "CLICK", "MINE")))
    assert mine == "09-07 14:00–16:00 图书馆2层二层中厅065号 已预约"
    # The service gives WeChat up before the call's own time is over, and tells the way instead.
    monkeypatch.setattr(official_account, "_WITHIN_S", 0.1)
    await service.anonymous.post("//sandbox/wechat/_mode", {"user_info": {"hang_seconds": 30}})
    late = said(await push(service, "mp", message("mp-zhang", "我的预约", 4)))
    assert f"{service.base}/reservations" in late
    # On a busy machine a slow call that was answered is in the log as well.
    calls = [r.__dict__ for r in caplog.records if r.getMessage() == "outgoing_call"]
    (given_up,) = [call for call in calls if call["outcome"] != "answered"]
    assert (given_up["outcome"], given_up["answer"]) == ("timeout", "CancelledError")
    await service.anonymous.post("//sandbox/wechat/_mode", {})


async def test_texts_of_followers_and_mini_program_users_are_stored_in_one_list(
    service: Living,
) -> None:
    reader = await service.reader()
    for _ in range(3):  # WeChat repeats what it got no answer to
        answer = await push(service, "mp", message("mp-li", "空调太冷了"))
        mini = await push(service, "mini", message(reader.openid, "插座坏了", 7))
    assert answer.body == mini.body == "success"
    waiting = await service.inside.stored.feedback.waiting(10)
    assert [(f.channel, f.text, f.reader_id) for f in waiting] == [
        ("mp", "空调太冷了", None),
        ("mini", "插座坏了", reader.reader_id),
    ]
    first = await push(service, "mp", message("mp-li", "还有一个问题", 9))
    assert "已收到您的留言" in said(first)


async def test_consent_follows_wechats_subscription_events(service: Living) -> None:
    reader = await service.reader()
    leave, ended = "sandbox-leave", "sandbox-ended"

    async def left() -> dict[str, int]:
        credits = (await reader.ok("GET", "/me"))["subscriptions"]
        return {name: credits[name] for name in ("LEAVE", "ENDED")}

    name = "subscribe_msg_popup_event"
    both = event(reader.openid, name, more=listed("accept", leave, ended))
    await push(service, "mini", both)
    assert await left() == {"LEAVE": 1, "ENDED": 1}
    await push(service, "mini", both)
    await reader.accept("LEAVE")
    await push(service, "mini", event(reader.openid, name, more=listed("accept", leave), at=5))
    assert await left() == {"LEAVE": 2, "ENDED": 1}, "told twice is allowed once"
    changed = listed("reject", leave).replace("PopupEvent", "ChangeEvent")
    await push(service, "mini", event(reader.openid, "subscribe_msg_change_event", more=changed))
    assert await left() == {"LEAVE": 0, "ENDED": 1}
    # As JSON, with one entry that stands alone; of nobody we know; of a template of others.
    body: dict[str, Any] = {
        "ToUserName": "gh_1", "FromUserName": reader.openid, "CreateTime": 9, "MsgType": "event",
        "Event": "subscribe_msg_change_event",
        "List": {"TemplateId": ended, "SubscribeStatusString": "reject"},
    }  # fmt: skip
    await push(service, "mini", json.dumps(body))
    assert await left() == {"LEAVE": 0, "ENDED": 0}
    await push(service, "mini", event("o-nobody", name, more=listed("accept", leave)))
    await push(service, "mini", event(reader.openid, name, more=listed("accept", "other"), at=77))
    assert await left() == {"LEAVE": 0, "ENDED": 0}
    assert Template.LEAVE in service.app[service_key(WeChatChannel)].templates


@pytest.mark.whole
async def test_setting_the_menu_keeps_foreign_buttons(service: Living) -> None:
    official = service.resources.official_account
    assert official is not None
    empty = await official.menu()
    assert empty == {"button": []}
    expected = menu_with_booking_entry(
        empty, TOP, "wxsandbox", "pages/index/index", f"{service.base}/"
    )
    await official.put_menu(expected)
    assert await official.menu() == expected
    assert (
        menu_with_booking_entry(expected, TOP, "wxsandbox", "pages/index/index", f"{service.base}/")
        == expected
    )
    theirs = {
        "button": [
            {"type": "view", "name": "官网", "url": "https://lib.example/"},
            {"name": TOP, "sub_button": [{"type": "click", "name": "参考咨询", "key": "ASK"}]},
        ]
    }
    merged = menu_with_booking_entry(theirs, TOP, "wx1", "pages/index/index", "https://x/")
    assert merged["button"][0] == theirs["button"][0]
    names = [b["name"] for b in merged["button"][1]["sub_button"]]
    assert names == ["座位预约", "参考咨询", "空位查询", "我的预约", "使用帮助"]
    entry = merged["button"][1]["sub_button"][0]
    assert (entry["type"], entry["appid"], entry["url"]) == ("miniprogram", "wx1", "https://x/")
    assert theirs["button"][1]["sub_button"] == [  # type: ignore[index]
        {"type": "click", "name": "参考咨询", "key": "ASK"}
    ]
    await official.put_menu(merged)
    full = {"button": [{"type": "click", "name": f"{n}", "key": "k"} for n in range(3)]}
    with pytest.raises(NoRoomInMenu):
        menu_with_booking_entry(full, TOP, "wx1", "p", "https://x/")


@pytest.mark.whole
async def test_links_and_verification_files_are_served(mongo_url: str, redis_url: str) -> None:
    """WeChat fetches an account's verification file from the folder of its QR links."""
    files = "abC1.txt=c0ffee, MP_verify_x1.txt=x1"
    async with living(mongo_url, redis_url, WECHAT_VERIFICATION_FILE=files) as service:
        said = await link_to(service.app, "pages/index/index", "k=2f-south", 30, MONDAY_8)
        link, until = said.splitlines()
        assert link.startswith("https://")
        assert until == "valid until 2026-10-07 08:00 (Asia/Shanghai)"
        with pytest.raises(WeChatUnavailable):
            await link_to(service.app, "pages/index/index", "", 31, MONDAY_8)
        for folder in ("", "/k", "/s", "/bind"):
            for name, text in (("abC1", "c0ffee"), ("MP_verify_x1", "x1")):
                answer = await service.anonymous.get(f"/{folder}/{name}.txt")
                assert (answer.status, answer.body) == (200, text), (folder, name)
                assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
            assert (await service.anonymous.get(f"/{folder}/other.txt")).status == 404
