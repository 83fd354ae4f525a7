"""Somebody says that the seat is empty: its reader shows that they are there, or has left it."""

from __future__ import annotations

from typing import Final

from models.messages.entities import Template
from notify.templates import check_in_reminder
from notify.templates.rendering import MessageContext, MessageTemplate, RenderedMessage, clock


def render(m: MessageContext) -> RenderedMessage:
    kiosks = m.kiosks if len(m.kiosks) <= 20 else check_in_reminder.ANY_KIOSK
    return RenderedMessage(
        f"有读者反映 {m.seat} 无人使用。您如果还在，请在 {clock(m.presence_due_at)} 前"
        f"到选座机或查询机扫码（{m.kiosks}）；否则将登记为暂离。本次不记违约。",
        {
            "seat": m.seat,
            "start": m.start,
            "until": m.presence_due_at,
            "place": kiosks,
            "tip": "逾时将登记为暂离",
        },
        not_after=m.presence_due_at,
    )


MESSAGE: Final = MessageTemplate(
    Template.CHECK_IN_REMINDER, "请确认在座", check_in_reminder.MESSAGE.fields, render
)
