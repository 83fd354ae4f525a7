"""Texts to users who have written to an account of the library (``message/custom/send``)."""

from __future__ import annotations

from typing import Final

from wechatpy.exceptions import WeChatClientException

from notify.wechat.access_tokens import TokenRequestFailed
from notify.wechat.client import ConnectionFailed, WeChatClient
from notify.wechat.errors import TokenUnavailable

_BUSY: Final = -1


async def send_text(client: WeChatClient, openid: str, text: str) -> int | None:
    """Sends the text. Returns WeChat's errcode: 0 if WeChat accepted the text, -1 if the text
    did not reach WeChat; None if the outcome is unknown."""
    try:
        answer = await client.message.send_text(openid, text)
    except (TokenUnavailable, TokenRequestFailed, ConnectionFailed):
        return _BUSY
    except WeChatClientException as error:
        return None if error.errcode is None else int(error.errcode)
    return 0 if isinstance(answer, dict) and answer.get("errcode") == 0 else None
