"""The message sent when the library takes back a seat that it held for a reader."""

from __future__ import annotations

from typing import Final

from languages.text import _
from notify.templates import booking_cancelled_by_library
from notify.templates.rendering import MessageContext, MessageTemplate, RenderedMessage, span


def render(m: MessageContext) -> RenderedMessage:
    return RenderedMessage(
        _(
            "为您保留的 {seat}，{span}，已不能使用，不再保留。请重新选座；如有疑问请联系服务台。",
            seat=m.seat,
            span=span(m.start, m.end),
        ),
        booking_cancelled_by_library.render(m).facts,
        not_after=m.end,
    )


MESSAGE: Final = MessageTemplate(
    booking_cancelled_by_library.MESSAGE.template,
    _("保留的座位已不能使用"),
    booking_cancelled_by_library.MESSAGE.fields,
    render,
)
