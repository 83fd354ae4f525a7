"""Reading and answering WeChat's pushes, by WeChat's own examples."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl
from xml.etree.ElementTree import fromstring

import pytest
from wechatpy.crypto import WeChatCrypto

from miniapp_server.sandbox.defaults import SANDBOX_AES_KEY
from notify.wechat.callbacks import CallbackRejected, CallbackVerifier
from tests.api.wechat_callbacks import NONCE, STAMP, event, sealed
from tests.builders import on

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


def test_wechats_published_examples_are_read() -> None:
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


@pytest.mark.parametrize("minutes", [-61, -59, 0, 59, 61])
def test_a_push_is_accepted_near_its_timestamp(minutes: int) -> None:
    body, query = json.dumps({"Encrypt": VECTOR_SEALED}).encode(), VECTOR_QUERY
    now = THEN + timedelta(minutes=minutes)
    if abs(minutes) < 60:
        assert VECTOR.read(query, body, now).event == "debug_demo"
    else:
        with pytest.raises(CallbackRejected, match="hour"):
            VECTOR.read(query, body, now)


def test_a_reply_with_any_text_is_well_formed_xml() -> None:
    query = VECTOR_QUERY
    push = VECTOR.read(query, json.dumps({"Encrypt": VECTOR_SEALED}).encode(), THEN)
    crypto = WeChatCrypto("AAAAA", "A" * 43, "wxba5fad812f8e6fb9")
    for text in ("a]]>b", "]]>]]>", "]]", "<a href='x'>&amp;</a>]]>", "座位 & 空位"):
        reply = VECTOR.text(push, text, STAMP, NONCE)
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
def test_the_entries_of_a_subscription_event_are_read(
    entries: Mapping[str, Any] | str, expected: list[Mapping[str, str]]
) -> None:
    """Each shape known from SDKs and their issues, in JSON and in XML."""
    if isinstance(entries, str):
        entries = entries.replace("S>", "SubscribeMsgPopupEvent>")
        plain = event("o-zhang", "subscribe_msg_popup_event", more=entries)
    else:
        about = {"ToUserName": "gh_1", "FromUserName": "o-zhang", "MsgType": "event"}
        about |= {"CreateTime": "9", "Event": "subscribe_msg_popup_event"}
        plain = json.dumps({**about, **entries})
    query, body = sealed("mini", plain)
    read = CallbackVerifier("wxsandbox", "sandbox-mini", SANDBOX_AES_KEY).read(
        dict(parse_qsl(query)), body, on("08:00")
    )
    assert list(read.entries) == expected
