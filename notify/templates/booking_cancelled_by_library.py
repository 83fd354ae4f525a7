from __future__ import annotations

from typing import Final

from languages.text import _
from models.messages.entities import Template
from notify.templates.rendering import (
    SEAT_FACTS,
    MessageContext,
    MessageTemplate,
    RenderedMessage,
    seat_facts,
    span,
)


def render(m: MessageContext) -> RenderedMessage:
    return RenderedMessage(
        _(
            "{seat}，{span} 的预约已由图书馆取消，不记违约，也不占当天的预约次数。请重新选座；"
            "如有疑问请联系服务台。",
            seat=m.seat,
            span=span(m.start, m.end),
        ),
        {**seat_facts(m), "start": m.start, "tip": "请重新选座，不记违约"},
        not_after=m.end,
    )


MESSAGE: Final = MessageTemplate(
    Template.MOVED,
    _("预约已被图书馆取消"),
    (
        *SEAT_FACTS,
        "start",
        "tip",
    ),
    render,
)
