"""At the start, if the reader has not checked in."""

from __future__ import annotations

from typing import Final

from models.messages.entities import Template
from notify.templates.rendering import MessageContext, MessageTemplate, RenderedMessage, clock

ANY_KIOSK: Final = "馆内任一选座机或查询机"
"""Where the names of all kiosks are longer than WeChat's field: cut off, they would mislead."""


def render(m: MessageContext) -> RenderedMessage:
    return RenderedMessage(
        f"{m.seat} 的预约 {clock(m.start)} 开始，请在 {clock(m.check_in_until)} 前扫码签到。"
        f"签到码在：{m.kiosks}。来不了请取消预约，把座位让给需要的同学。",
        {
            "seat": m.seat,
            "start": m.start,
            "until": m.check_in_until,
            "place": m.kiosks if len(m.kiosks) <= 20 else ANY_KIOSK,
            "tip": f"{clock(m.check_in_until)}前未签到将释放座位",
        },
        not_after=m.check_in_until,
    )


MESSAGE: Final = MessageTemplate(
    Template.CHECK_IN_REMINDER,
    "预约签到提醒",
    (
        "seat",
        "start",
        "until",
        "place",
        "tip",
    ),
    render,
)
