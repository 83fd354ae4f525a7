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
    by_gate = m.pending_confirmation == "leave"
    return RenderedMessage(
        _(
            "闸机识别到您已离馆，{seat} 已登记暂离，请在 {return_by} 前返回；逾期座位将释放，"
            "不记违约。如未离馆，请扫码返回。",
            seat=m.seat,
            return_by=clock(m.return_by),
        )
        if by_gate
        else _(
            "{seat} 已暂离，请在 {return_by} 前返回并扫码；逾期座位将释放。",
            seat=m.seat,
            return_by=clock(m.return_by),
        ),
        {
            **seat_facts(m),
            "left_at": m.left_at,
            "return_by": m.return_by,
            "status": "暂离中",
            "tip": "如未离馆请扫码返回" if by_gate else "逾期未返回座位将释放",
        },
        not_after=m.return_by,
    )


MESSAGE: Final = MessageTemplate(
    Template.LEAVE,
    _("暂离登记"),
    (
        *SEAT_FACTS,
        "left_at",
        "return_by",
        "status",
        "tip",
    ),
    render,
)
