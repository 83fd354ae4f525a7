"""The message after a return from leave. It asks to confirm a return that only a gate recorded."""

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
    by_gate = m.pending_confirmation == "return"
    until = f"{m.seat} 继续使用到 {later_clock(m.at, m.end)}。"
    return RenderedMessage(
        f"闸机识别到您已返回，{until}请在“我的预约”中确认。" if by_gate else f"已返回，{until}",
        {
            **seat_facts(m),
            "at": m.at,
            "result": "已返回",
            "end": m.end,
            "tip": "请在我的预约中确认" if by_gate else "离开请先点暂离",
        },
        not_after=m.end,
    )


MESSAGE: Final = MessageTemplate(Template.CHECKED_IN, "返回登记", checked_in.MESSAGE.fields, render)
