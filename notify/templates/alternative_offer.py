"""The library has taken a seat away and holds another one for its reader."""

from __future__ import annotations

from typing import Final

from notify.templates import waitlist_offer
from notify.templates.rendering import (
    MessageContext,
    MessageTemplate,
    RenderedMessage,
    day_clock,
    span,
)


def render(m: MessageContext) -> RenderedMessage:
    return RenderedMessage(
        f"原来的座位不能使用了，图书馆为您保留 {m.seat}，{span(m.start, m.end)}，"
        f"到 {day_clock(m.held_until)} 为止。请在“我的预约”中接受；不需要请放弃。",
        waitlist_offer.render(m).facts,
        not_after=m.held_until,
    )


MESSAGE: Final = MessageTemplate(
    waitlist_offer.MESSAGE.template, "为您保留了另一个座位", waitlist_offer.MESSAGE.fields, render
)
