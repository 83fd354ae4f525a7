"""WeChat's message push: calls by WeChat about messages and events of an account's users. Only the
secure mode is accepted: a SHA-1 over token, timestamp, nonce and the encrypted text (AES-256-CBC),
as XML or JSON.

An old push is rejected, since the log of handled pushes forgets it after a while. Source:
https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import InvalidAppIdException
from wechatpy.replies import TextReply

MAX_BYTES: Final = 64 * 1024
FRESH_FOR: Final = timedelta(hours=1)
"""The most a push's timestamp may differ from now. The log of handled pushes covers a day."""
_STAMP: Final = re.compile(r"[0-9]{1,10}", re.ASCII)
_LISTS: Final = ("SubscribeMsgPopupEvent", "SubscribeMsgChangeEvent", "SubscribeMsgSentEvent")


class CallbackRejected(Exception):
    """The push is not from WeChat, not for this account, or not readable."""


@dataclass(frozen=True, slots=True)
class Callback:
    """One message or event of a user, as WeChat has pushed it. `entries`: the templates
    concerned by a subscription event, each as values by field name."""

    to: str
    openid: str
    kind: str
    created: int
    event: str = ""
    key: str = ""
    content: str = ""
    message_id: str = ""
    picture: str = ""
    """The URL of a picture that the user sent."""
    title: str = ""
    """The title of a mini-program page that the user sent."""
    entries: tuple[Mapping[str, str], ...] = field(default=())

    @property
    def name(self) -> str:
        """An id of the push, the same when WeChat repeats it."""
        # Two messages to one reader may fail within a second.
        sent = "".join(f" {entry['MsgID']}" for entry in self.entries if "MsgID" in entry)
        what = self.message_id or f"{self.created} {self.event} {self.key}{sent}"
        return hashlib.sha256(f"{self.openid} {what}".encode()).hexdigest()


class CallbackVerifier:
    """Verifies and decrypts the pushes of one account. Token and EncodingAESKey (43 characters)
    are set in the account's console at WeChat. Raises: ValueError for an invalid key."""

    def __init__(self, appid: str, token: str, aes_key: str) -> None:
        if len(aes_key) != 43 or not token:
            raise ValueError("a token and an EncodingAESKey of 43 characters are required")
        self.appid, self._token = appid, token
        self._crypto = WeChatCrypto(token, aes_key, appid)

    def echo(self, query: Mapping[str, str]) -> str:
        """Answers WeChat's test of the URL for pushes: verifies the test's signature, returns
        its ``echostr``. Raises: CallbackRejected."""
        signature = query.get("signature", "")
        self._check(signature, query.get("timestamp", ""), query.get("nonce", ""))
        return query.get("echostr", "")

    def read(self, query: Mapping[str, str], body: bytes, now: datetime) -> Callback:
        """Verifies and decrypts a push. Raises: CallbackRejected, also for an old timestamp."""
        outer = _read(body)
        sealed = outer.get("Encrypt", "")
        if not isinstance(sealed, str) or not sealed:
            raise CallbackRejected("not encrypted")
        stamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
        self._check(query.get("msg_signature", ""), stamp, nonce, sealed)
        if not _is_fresh(stamp, now):
            raise CallbackRejected("timestamp more than an hour off")
        try:
            signature = self._sign(stamp, nonce, sealed)
            plain = self._crypto.decrypt_message({"Encrypt": sealed}, signature, stamp, nonce)
        except (InvalidAppIdException, ValueError, IndexError, UnicodeDecodeError) as error:
            raise CallbackRejected("cannot be decrypted") from error
        return _push(_read(plain.encode()))

    def text(self, push: Callback, content: str, timestamp: str, nonce: str) -> str:
        """The encrypted response to ``push``, by which WeChat shows ``content`` to the user."""
        # wechatpy puts the text unescaped into CDATA: it must not contain the end of one.
        inside = content.replace("]]>", "]]]]><![CDATA[>")
        reply = TextReply(content=inside, source=push.to, target=push.openid)
        return str(self._crypto.encrypt_message(reply, nonce, timestamp))

    def _check(self, signature: str, *parts: str) -> None:
        expected = self._sign(*parts)
        if not hmac.compare_digest(expected.encode(), signature.encode(errors="replace")):
            raise CallbackRejected("wrong signature")

    def _sign(self, *parts: str) -> str:
        text = "".join(sorted([self._token, *parts]))
        return hashlib.sha1(text.encode(errors="replace")).hexdigest()


def _is_fresh(stamp: str, now: datetime) -> bool:
    if _STAMP.fullmatch(stamp) is None:
        return False
    return abs(datetime.fromtimestamp(int(stamp), UTC) - now) <= FRESH_FOR


def _read(body: bytes) -> dict[str, Any]:
    """Reads a body of XML or JSON into one dictionary. Raises: CallbackRejected."""
    try:
        if body.lstrip()[:1] == b"{":
            decoded = json.loads(body)
        else:
            decoded = _fields(fromstring(body.decode()))
    except (ValueError, ParseError, DefusedXmlException, RecursionError) as error:
        raise CallbackRejected("cannot be parsed") from error
    if not isinstance(decoded, dict):
        raise CallbackRejected("cannot be parsed")
    return decoded


def _value(element: Element) -> Any:
    children = list(element)
    return _fields(children) if children else element.text or ""


def _fields(children: Iterable[Element]) -> dict[str, Any]:
    """The values of an XML element's children by tag: a list for a repeated tag, as in JSON."""
    by_tag: dict[str, list[Any]] = {}
    for child in children:
        by_tag.setdefault(child.tag, []).append(_value(child))
    return {tag: values if len(values) > 1 else values[0] for tag, values in by_tag.items()}


def _push(d: Mapping[str, Any]) -> Callback:
    def text(name: str) -> str:
        value = d.get(name, "")
        return str(value) if isinstance(value, str | int) else ""

    if not text("FromUserName") or not text("CreateTime").isdecimal():
        raise CallbackRejected("not a message")
    return Callback(
        to=text("ToUserName"),
        openid=text("FromUserName"),
        kind=text("MsgType"),
        created=int(text("CreateTime")),
        event=text("Event"),
        key=text("EventKey"),
        content=text("Content"),
        message_id=text("MsgId"),
        picture=text("PicUrl"),
        title=text("Title"),
        entries=_entries(d),
    )


def _entries(d: Mapping[str, Any]) -> tuple[Mapping[str, str], ...]:
    entries: Any = d.get("List")
    for name in _LISTS:
        inner = d.get(name)
        if inner:
            # Usually the entries are in an inner list; bare entries occur as well.
            entries = inner.get("List", inner) if isinstance(inner, dict) else inner
    listed = entries if isinstance(entries, list) else [entries]
    return tuple(
        {str(k): str(v) for k, v in entry.items()} for entry in listed if isinstance(entry, dict)
    )
