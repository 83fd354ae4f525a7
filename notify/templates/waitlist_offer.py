"""The message sent when a seat is held for a reader of the waitlist, who has to answer."""

from __future__ import annotations

from typing import Final

from languages.text import _
from models.messages.entities import Template
from notify.templates.rendering import (
    SEAT_FACTS,
    MessageContext,
    MessageTemplate,
    RenderedMessage,
    clock,
    seat_facts,
    span,
)


def render(m: MessageContext) -> RenderedMessage:
    return RenderedMessage(
        _(
            "候补到 {seat}，{span}，为您保留到 {held_until}。请在“我的预约”中接受；不要就点放弃，"
            "不影响您。",
            seat=m.seat,
            span=span(m.start, m.end),
            held_until=clock(m.held_until),
        ),
        {
            **seat_facts(m),
            "period": m.start,
            "until": m.held_until,
            "tip": f"请在{clock(m.held_until)}前接受",
        },
        not_after=m.held_until,
    )


MESSAGE: Final = MessageTemplate(
    Template.OFFER,
    _("候补到座位"),
    (
        *SEAT_FACTS,
        "period",
        "until",
        "tip",
    ),
    render,
)
