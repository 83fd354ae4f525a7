"""The message sent ten minutes before a temporary leave must end."""

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
)


def render(m: MessageContext) -> RenderedMessage:
    return RenderedMessage(
        _(
            "{seat} 的暂离 {return_by} 到时，请及时返回并扫码；逾期座位将释放。",
            seat=m.seat,
            return_by=clock(m.return_by),
        ),
        {
            **seat_facts(m),
            "return_by": m.return_by,
            "tip": "逾期未返回座位将释放",
        },
        not_after=m.return_by,
    )


MESSAGE: Final = MessageTemplate(
    Template.LEAVE_REMINDER,
    _("暂离即将超时"),
    (
        *SEAT_FACTS,
        "return_by",
        "tip",
    ),
    render,
)
