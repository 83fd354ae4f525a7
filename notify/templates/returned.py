"""A gate has seen the reader come back: the seat is theirs again, if they say so."""

from __future__ import annotations

from typing import Final

from models.messages.entities import Template
from notify.templates import checked_in
from notify.templates.rendering import (
    MessageContext,
    MessageTemplate,
    RenderedMessage,
    later_clock,
    seat_facts,
)


def render(m: MessageContext) -> RenderedMessage:
    return RenderedMessage(
        f"闸机识别到您已返回，{m.seat} 继续使用到 {later_clock(m.at, m.end)}。"
        "请在“我的预约”中确认。",
        {
            **seat_facts(m),
            "at": m.at,
            "result": "已返回",
            "end": m.end,
            "tip": "请在我的预约中确认",
        },
        not_after=m.end,
    )


MESSAGE: Final = MessageTemplate(Template.CHECKED_IN, "返回登记", checked_in.MESSAGE.fields, render)
