"""The message to a reader who reported that somebody else sat on the booked seat, if the staff
found the seat free: the deadline of the check-in, or of the leave, holds again."""

from __future__ import annotations

from typing import Final

from languages.text import _
from models.messages.entities import Template
from notify.templates import check_in_reminder
from notify.templates.rendering import (
    MessageContext,
    MessageTemplate,
    RenderedMessage,
    clock,
    place,
    scan_at,
    seat_facts,
)


def render(m: MessageContext) -> RenderedMessage:
    until = m.return_by or m.check_in_until
    return RenderedMessage(
        _(
            "馆员已查看 {seat}，座位没有被占。请在 {until} 前{scan}，逾期将释放座位。"
            "如有疑问请到服务台。",
            seat=m.seat,
            until=clock(until),
            scan=scan_at(m),
        ),
        {
            **seat_facts(m),
            "start": m.start,
            "until": until,
            "place": place(m),
            "tip": f"{clock(until)}前未扫码将释放座位",
        },
        not_after=until,
    )


MESSAGE: Final = MessageTemplate(
    Template.CHECK_IN_REMINDER, _("座位没有被占"), check_in_reminder.MESSAGE.fields, render
)
