"""The message to a reader whose seat was reported empty: prove presence or be set on leave."""

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
    return RenderedMessage(
        _(
            "有读者反映 {seat} 无人使用。您如果还在，请在 {presence_due_at} 前{scan}；"
            "否则将登记为暂离。本次不记违约。",
            seat=m.seat,
            presence_due_at=clock(m.presence_due_at),
            scan=scan_at(m),
        ),
        {
            **seat_facts(m),
            "start": m.start,
            "until": m.presence_due_at,
            "place": place(m),
            "tip": "逾期将登记为暂离",
        },
        not_after=m.presence_due_at,
    )


MESSAGE: Final = MessageTemplate(
    Template.CHECK_IN_REMINDER, _("请确认在座"), check_in_reminder.MESSAGE.fields, render
)
