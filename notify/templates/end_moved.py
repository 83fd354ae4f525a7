"""The message about a new end of a stay: a later one by a renewal, or an earlier one."""

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
    return RenderedMessage(
        _(
            "{seat} 的结束时间已改为 {end}。离开座位请先点“暂离”。",
            seat=m.seat,
            end=later_clock(m.at, m.end),
        ),
        {
            **seat_facts(m),
            "at": m.at,
            "result": "已改时间",
            "end": m.end,
            "tip": "离开请先点暂离",
        },
        not_after=m.end,
    )


MESSAGE: Final = MessageTemplate(
    Template.CHECKED_IN, _("结束时间已更改"), checked_in.MESSAGE.fields, render
)
