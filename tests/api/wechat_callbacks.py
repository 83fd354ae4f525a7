"""Signed and encrypted callbacks of WeChat."""

from __future__ import annotations

import hashlib
import re

from wechatpy.crypto import WeChatCrypto

from miniapp_server.sandbox.defaults import SANDBOX_AES_KEY
from tests.living import MONDAY_8, Answer, Living

STAMP, NONCE = "1714112445", "415670741"
NOW = str(int(MONDAY_8.timestamp()))
"""What is sent to the service has this timestamp: its clock shows eight on that Monday."""
CRYPTO = {name: WeChatCrypto(f"sandbox-{name}", SANDBOX_AES_KEY, appid) for name, appid in (
    ("mp", "wxofficial"), ("mini", "wxsandbox"))}  # fmt: skip


def sealed(account: str, plain: str, stamp: str = NOW) -> tuple[str, bytes]:
    """The query and encrypted body that WeChat sends."""
    crypto = CRYPTO[account]
    xml = crypto.encrypt_message(plain, NONCE, stamp)
    match = re.search(r"<Encrypt><!\[CDATA\[(.*?)\]\]></Encrypt>", xml)
    assert match is not None
    parts = sorted([f"sandbox-{account}", stamp, NONCE, match[1]])
    signature = hashlib.sha1("".join(parts).encode()).hexdigest()
    query = f"timestamp={stamp}&nonce={NONCE}&encrypt_type=aes&msg_signature={signature}"
    body = f"<xml><ToUserName>gh_1</ToUserName><Encrypt>{match[1]}</Encrypt></xml>"
    return query, body.encode()


async def push(service: Living, account: str, plain: str) -> Answer:
    query, body = sealed(account, plain, str(int(service.clock.now().timestamp())))
    return await service.anonymous.post(f"//wechat/{account}/callback?{query}", body)


def event(openid: str, name: str, key: str = "", more: str = "", at: int = 1714112445) -> str:
    return (
        f"<xml><ToUserName>gh_1</ToUserName><FromUserName>{openid}</FromUserName>"
        f"<CreateTime>{at}</CreateTime><MsgType>event</MsgType><Event>{name}</Event>"
        f"<EventKey>{key}</EventKey>{more}</xml>"
    )


def listed(status: str, *templates: str) -> str:
    entries = "".join(
        f"<List><TemplateId>{t}</TemplateId><SubscribeStatusString>{status}</SubscribeStatusString>"
        "<PopupScene>0</PopupScene></List>"
        for t in templates
    )
    return f"<SubscribeMsgPopupEvent>{entries}</SubscribeMsgPopupEvent>"
