"""The message sent when the library cancels a booking and holds another seat for its reader. It
uses WeChat's template of cancellations, to which readers with bookings have consented."""

from __future__ import annotations

from typing import Final

from languages.text import _
from notify.templates import booking_cancelled_by_library
from notify.templates.rendering import (
    MessageContext,
    MessageTemplate,
    RenderedMessage,
    day_clock,
    seat_facts,
    span,
)


def render(m: MessageContext) -> RenderedMessage:
    lost = _("原来的预约")
    if m.replaced_start is not None and m.replaced_end is not None:
        lost = _(
            "{replaced_seat}，{span} 的预约",
            replaced_seat=m.replaced_seat,
            span=span(m.replaced_start, m.replaced_end),
        )
    return RenderedMessage(
        _(
            "{lost}已由图书馆取消，不记违约，也不占当天的预约次数。图书馆为您保留了另一个座位："
            "{seat}，{span}，保留到 {until}。请在“我的预约”中接受；不要就点放弃。",
            lost=lost,
            seat=m.seat,
            span=span(m.start, m.end),
            until=day_clock(m.held_until),
        ),
        {**seat_facts(m), "start": m.start, "tip": "原预约已取消，已保留此座位"},
        not_after=m.held_until,
    )


MESSAGE: Final = MessageTemplate(
    booking_cancelled_by_library.MESSAGE.template,
    _("预约已取消，为您保留了另一个座位"),
    booking_cancelled_by_library.MESSAGE.fields,
    render,
)
