"""The message after a return from leave. It asks to confirm a return that only a gate recorded."""

from __future__ import annotations

from typing import Final

from languages.text import _
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
    until = _("{seat} 继续使用到 {end}。", seat=m.seat, end=later_clock(m.at, m.end))
    return RenderedMessage(
        _("闸机识别到您已返回，{until}请在“我的预约”中确认。", until=until)
        if by_gate
        else _("已返回，{until}", until=until),
        {
            **seat_facts(m),
            "at": m.at,
            "result": "已返回",
            "end": m.end,
            "tip": "请在我的预约中确认" if by_gate else "离开请先点暂离",
        },
        not_after=m.end,
    )


MESSAGE: Final = MessageTemplate(
    Template.CHECKED_IN, _("返回登记"), checked_in.MESSAGE.fields, render
)
