from __future__ import annotations

from typing import Final

from languages.text import _, joined
from models.messages.entities import Template
from notify.templates.no_show import standing, tip
from notify.templates.rendering import (
    A_DAY,
    SEAT_FACTS,
    MessageContext,
    MessageTemplate,
    RenderedMessage,
    clock,
    seat_facts,
)


def render(m: MessageContext) -> RenderedMessage:
    what = _(
        "{seat} {left_at} 暂离，{return_by} 前未返回，座位已释放。",
        seat=m.seat,
        left_at=clock(m.left_at),
        return_by=clock(m.return_by),
    )
    return RenderedMessage(
        joined((what, standing(m))),
        {
            **seat_facts(m),
            "left_at": m.left_at,
            "released_at": m.ended_at,
            "result": "已释放",
            "tip": tip(m),
        },
        not_after=m.at + A_DAY,
    )


MESSAGE: Final = MessageTemplate(
    Template.LEAVE_TIMEOUT,
    _("暂离超时"),
    (
        *SEAT_FACTS,
        "left_at",
        "released_at",
        "result",
        "tip",
    ),
    render,
)
