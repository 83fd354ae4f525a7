"""The message sent when the library moves a reader's booking or stay to another seat."""

from __future__ import annotations

from typing import Final

from languages.text import _
from notify.templates import booking_cancelled_by_library
from notify.templates.rendering import (
    MessageContext,
    MessageTemplate,
    RenderedMessage,
    seat_facts,
    span,
)


def render(m: MessageContext) -> RenderedMessage:
    return RenderedMessage(
        _(
            "图书馆已为您换座位：{span} 请使用 {seat}，原来的座位不再保留。如有疑问请联系服务台。",
            span=span(m.start, m.end),
            seat=m.seat,
        ),
        {**seat_facts(m), "start": m.start, "tip": "图书馆已为您换到这个座位"},
        not_after=m.end,
    )


MESSAGE: Final = MessageTemplate(
    booking_cancelled_by_library.MESSAGE.template,
    _("图书馆已为您换座位"),
    booking_cancelled_by_library.MESSAGE.fields,
    render,
)
