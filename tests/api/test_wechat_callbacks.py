"""What WeChat pushes to us: only its own, once, and answered in a second."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl
from xml.etree.ElementTree import fromstring

import pytest
from wechatpy.crypto import WeChatCrypto

from miniapp_server.app import WECHAT_CHANNEL
from miniapp_server.cli.wechat import link_to
from miniapp_server.settings import SANDBOX_AES_KEY
from models.feedback.repository import FeedbackRepository
from models.kernel.errors import ServiceUnavailable
from models.messages.entities import Template
from notify.wechat import official_account
from notify.wechat.callbacks import CallbackRejected, CallbackVerifier
from notify.wechat.errors import WeChatUnavailable
from notify.wechat.menu import NoRoomInMenu, menu_with_booking_entry
from tests.api.wechat_callbacks import CRYPTO, NONCE, STAMP, event, listed, push, sealed
from tests.living import MONDAY_8, Answer, Living, living

TOP = "学研支持"
THEN = datetime.fromtimestamp(int(STAMP), UTC)
# WeChat's own examples (developers.weixin.qq.com, message push).
VECTOR = CallbackVerifier("wxba5fad812f8e6fb9", "AAAAA", "A" * 43)
VECTOR_ECHO = {
    "timestamp": "1714036504",
    "nonce": "1514711492",
    "echostr": "4375120948345356249",
    "signature": "f464b24fc39322e44b38aa78f5edd27bd1441696",
}
VECTOR_QUERY = {
    "timestamp": STAMP,
    "nonce": NONCE,
    "msg_signature": "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3",
}
VECTOR_SEALED = (
    "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqc"
    "vZqzDpVzazhZv6JsXUnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3"
    "Fn2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAsjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSe"
    "OBrebufAlr7F9mFUPAJGj04="
)


def test_wechats_own_vectors() -> None:
    assert VECTOR.echo(VECTOR_ECHO) == "4375120948345356249"
    with pytest.raises(CallbackRejected):
        VECTOR.echo(VECTOR_ECHO | {"nonce": "1514711493"})
    query = VECTOR_QUERY
    push = VECTOR.read(query, json.dumps({"Encrypt": VECTOR_SEALED}).encode(), THEN)
    assert (push.kind, push.event) == ("event", "debug_demo")
    for wrong in (
        query | {"msg_signature": "0" * 40},
        query | {"msg_signature": "ü"},
        query | {"nonce": "1"},
        query | {"timestamp": "1"},
        {},
    ):
        with pytest.raises(CallbackRejected):
            VECTOR.read(wrong, json.dumps({"Encrypt": VECTOR_SEALED}).encode(), THEN)
    with pytest.raises(CallbackRejected):
        CallbackVerifier("wxother", "AAAAA", "A" * 43).read(
            query, json.dumps({"Encrypt": VECTOR_SEALED}).encode(), THEN
        )
    for body in (
        b"",
        b"{",
        b"[]",
        b"<xml>",
        b'{"Encrypt":1}',
        b'{"Encrypt":"\\ud800"}',
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><x/>",
    ):
        with pytest.raises(CallbackRejected):
            VECTOR.read(query, body, THEN)


def message(openid: str, content: str, id: int = 1) -> str:
    return (
        f"<xml><ToUserName>gh_1</ToUserName><FromUserName>{openid}</FromUserName>"
        f"<CreateTime>1714112445</CreateTime><MsgType>text</MsgType>"
        f"<Content><![CDATA[{content}]]></Content><MsgId>{id}</MsgId></xml>"
    )


def said(answer: Answer) -> str:
    """What the follower reads."""
    sealed_reply = re.search(r"<Encrypt><!\[CDATA\[(.*?)\]\]>", answer.body)
    signature = re.search(r"<MsgSignature><!\[CDATA\[(.*?)\]\]>", answer.body)
    stamp = re.search(r"<TimeStamp>(\d+)</TimeStamp>", answer.body)
    assert sealed_reply and signature and stamp, answer.body
    plain = CRYPTO["mp"].decrypt_message(answer.body, signature[1], stamp[1], NONCE)
    assert "<ToUserName><![CDATA[mp-" in plain
    return fromstring(plain).findtext("Content", "")


async def test_setting_the_address(service: Living) -> None:
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


async def test_what_was_recorded_is_not_accepted_again(service: Living) -> None:
    """After a day the log of callbacks has forgotten it; its signature is as good as ever."""
    query, body = sealed("mp", message("mp-zhang", "请修灯"))
    path = f"//wechat/mp/callback?{query}"
    assert (await service.anonymous.post(path, body)).status == 200
    await service.jump("09:01:00")
    await service.inside.stored.wechat_callbacks.prune(service.clock.now())
    assert await service.db["wechat_callbacks"].count_documents({}) == 0
    assert (await service.anonymous.post(path, body)).status == 403
    assert await service.db["feedback"].count_documents({}) == 1


@pytest.mark.parametrize("minutes", [-61, -59, 0, 59, 61])
def test_a_push_is_accepted_near_its_timestamp(minutes: int) -> None:
    body, query = json.dumps({"Encrypt": VECTOR_SEALED}).encode(), VECTOR_QUERY
    now = THEN + timedelta(minutes=minutes)
    if abs(minutes) < 60:
        assert VECTOR.read(query, body, now).event == "debug_demo"
    else:
        with pytest.raises(CallbackRejected, match="hour"):
            VECTOR.read(query, body, now)


def test_a_reply_is_xml_whatever_it_says() -> None:
    query = VECTOR_QUERY
    asked = VECTOR.read(query, json.dumps({"Encrypt": VECTOR_SEALED}).encode(), THEN)
    crypto = WeChatCrypto("AAAAA", "A" * 43, "wxba5fad812f8e6fb9")
    for text in ("a]]>b", "]]>]]>", "]]", "<a href='x'>&amp;</a>]]>", "座位 & 空位"):
        reply = VECTOR.text(asked, text, STAMP, NONCE)
        signature = fromstring(reply).findtext("MsgSignature", "")
        plain = crypto.decrypt_message(reply, signature, STAMP, NONCE)
        assert fromstring(plain).findtext("Content") == text


ACCEPTED = {"TemplateId": "t-1", "SubscribeStatusString": "accept"}
TWO = [ACCEPTED, {**ACCEPTED, "TemplateId": "t-2"}]


def _xml(entry: Mapping[str, str]) -> str:
    return "".join(f"<{name}>{value}</{name}>" for name, value in entry.items())


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"SubscribeMsgPopupEvent": {"List": TWO}}, TWO),
        ({"SubscribeMsgPopupEvent": {"List": ACCEPTED}}, [ACCEPTED]),
        ({"SubscribeMsgPopupEvent": TWO}, TWO),
        ({"SubscribeMsgPopupEvent": ACCEPTED}, [ACCEPTED]),
        ({"List": TWO}, TWO),
        ({"List": ACCEPTED}, [ACCEPTED]),
        ({"SubscribeMsgPopupEvent": "", "List": [1, "x"]}, []),
        (f"<S><List>{_xml(TWO[0])}</List><List>{_xml(TWO[1])}</List></S>", TWO),
        (f"<S><List>{_xml(ACCEPTED)}</List></S>", [ACCEPTED]),
        (f"<S>{_xml(TWO[0])}</S><S>{_xml(TWO[1])}</S>", TWO),
        (f"<S>{_xml(ACCEPTED)}</S>", [ACCEPTED]),
        ("<S></S>", []),
    ],
)
def test_the_entries_of_a_subscription_event(
    entries: Mapping[str, Any] | str, expected: list[Mapping[str, str]]
) -> None:
    """Each shape that is known from SDKs and their issues, in JSON and in XML."""
    if isinstance(entries, str):
        entries = entries.replace("S>", "SubscribeMsgPopupEvent>")
        plain = event("o-zhang", "subscribe_msg_popup_event", more=entries)
    else:
        about = {"ToUserName": "gh_1", "FromUserName": "o-zhang", "MsgType": "event"}
        about |= {"CreateTime": "9", "Event": "subscribe_msg_popup_event"}
        plain = json.dumps({**about, **entries})
    query, body = sealed("mini", plain)
    read = CallbackVerifier("wxsandbox", "sandbox-mini", SANDBOX_AES_KEY).read(
        dict(parse_qsl(query)), body, MONDAY_8
    )
    assert list(read.entries) == expected


async def test_a_follower_is_answered(service: Living) -> None:
    welcome = said(await push(service, "mp", event("mp-zhang", "subscribe")))
    assert 'data-miniprogram-appid="wxsandbox"' in welcome and "欢迎关注" in welcome
    assert "激活码" in said(await push(service, "mp", message("mp-zhang", " 帮助 ", 2)))
    seats = said(await push(service, "mp", message("mp-zhang", "空位", 3)))
    assert "二层中厅 68/68" in seats and seats.count("\n") == 18
    assert said(await push(service, "mp", event("mp-zhang", "CLICK", "SEATS"))) == seats
    assert (await push(service, "mp", event("mp-zhang", "unsubscribe"))).body == "success"
    assert (await push(service, "mp", event("mp-zhang", "VIEW", "https://x"))).body == "success"


async def test_what_failed_is_done_when_wechat_says_it_again(
    service: Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(*_: object) -> None:
        raise ServiceUnavailable()

    said = message("mp-zhang", "请修三层的灯")
    with monkeypatch.context() as broken:
        broken.setattr(FeedbackRepository, "add", down)
        assert (await push(service, "mp", said)).status == 503
    for _ in range(2):
        assert (await push(service, "mp", said)).status == 200
    assert await service.db["feedback"].count_documents({}) == 1


async def test_my_reservations_where_wechat_says_who_it_is(
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
    (call,) = [r for r in caplog.records if r.getMessage() == "outgoing_call"]
    assert (call.__dict__["outcome"], call.__dict__["answer"]) == ("timeout", "CancelledError")
    await service.anonymous.post("//sandbox/wechat/_mode", {})


async def test_what_followers_and_users_write_lands_in_one_list(service: Living) -> None:
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


async def test_consent_follows_what_wechat_says(service: Living) -> None:
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
    assert Template.LEAVE in service.app[WECHAT_CHANNEL].templates


async def test_the_menu_keeps_what_is_not_ours(service: Living) -> None:
    official = service.resources.official_account
    assert official is not None
    empty = await official.menu()
    assert empty == {"button": []}
    wanted = menu_with_booking_entry(
        empty, TOP, "wxsandbox", "pages/index/index", f"{service.base}/"
    )
    await official.put_menu(wanted)
    assert await official.menu() == wanted
    assert (
        menu_with_booking_entry(wanted, TOP, "wxsandbox", "pages/index/index", f"{service.base}/")
        == wanted
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


async def test_links_and_the_verification_file(mongo_url: str, redis_url: str) -> None:
    async with living(mongo_url, redis_url, WECHAT_VERIFICATION_FILE="abC1.txt=c0ffee") as service:
        said = await link_to(service.app, "pages/index/index", "k=2f-south", 30, MONDAY_8)
        link, until = said.splitlines()
        assert link.startswith("https://")
        assert until == "valid until 2026-10-07 08:00 (Asia/Shanghai)"
        with pytest.raises(WeChatUnavailable):
            await link_to(service.app, "pages/index/index", "", 31, MONDAY_8)
        assert (await service.anonymous.get("//abC1.txt")).body == "c0ffee"
        assert (await service.anonymous.get("//other.txt")).status == 404
