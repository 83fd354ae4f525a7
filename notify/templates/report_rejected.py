"""The staff have looked: nobody else sits on the seat, and the reader's time runs again."""

from __future__ import annotations

from typing import Final

from models.messages.entities import Template
from notify.templates import check_in_reminder
from notify.templates.rendering import MessageContext, MessageTemplate, RenderedMessage, clock


def render(m: MessageContext) -> RenderedMessage:
    until = m.return_by or m.check_in_until
    kiosks = m.kiosks if len(m.kiosks) <= 20 else check_in_reminder.ANY_KIOSK
    return RenderedMessage(
        f"馆员已查看 {m.seat}，座位没有被占。请在 {clock(until)} 前到选座机或查询机扫码"
        f"（{m.kiosks}），逾时将释放座位。如有疑问请到服务台。",
        {
            "seat": m.seat,
            "start": m.start,
            "until": until,
            "place": kiosks,
            "tip": f"{clock(until)}前未扫码将释放座位",
        },
        not_after=until,
    )


MESSAGE: Final = MessageTemplate(
    Template.CHECK_IN_REMINDER, "座位没有被占", check_in_reminder.MESSAGE.fields, render
)
