"""Texts that say where feedback came from, and where its answer goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from languages.text import _

WRITER_TEXT: Final[Mapping[str, str]] = {
    "mini": _("小程序用户（未绑定）"),
    "mp": _("公众号读者（未绑定）"),
}
"""Names of unknown writers, by the WeChat account that they wrote to."""
PLACE_TEXT: Final[Mapping[str, str]] = {"mini": _("小程序的客服对话"), "mp": _("公众号对话")}
IN_THE_APP: Final = _("答复会在读者的消息里。")
IN_BOTH: Final = _("答复会发到{place}，也会在读者的消息里。")
IN_WECHAT: Final = _("答复会发到{place}，{until} 前可以发；对方没有绑定，之后就发不到了。")
NOWHERE: Final = _("对方没有绑定，距来信也已超过 48 小时，微信不再接收答复：从这里联系不到对方。")
ONLY_THERE: Final = _("没有记下对方的微信，从这里发不到；请在公众号后台答复。")
NO_ADDRESS: Final = _("没有记下对方的微信，从这里联系不到对方。")

APP_TEXT: Final = _("已在读者的消息里")
SENT_TEXT: Final = _("已发到{place}")
CLOSED_TEXT: Final = _("微信没有接收（{code}）：距来信超过 48 小时，或已发满 5 条")
REFUSED_TEXT: Final = _("微信没有接收（{code}）")
UNKNOWN_TEXT: Final = _("已发往{place}，没有收到微信的答复，可能已经送达")
WAITING_TEXT: Final = _("还没有发到{place}：微信暂时没有接收")
NOT_SENT_TEXT: Final = _("没有发到{place}")
AND: Final = "；"
CLOSED_WITHOUT: Final = _("已处理，没有发送答复")
