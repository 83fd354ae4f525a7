"""Suspended: until when, and why."""

from __future__ import annotations

from typing import Final

from models.messages.entities import Template
from notify.templates.rendering import MessageContext, MessageTemplate, RenderedMessage, day_clock


def render(m: MessageContext) -> RenderedMessage:
    w = m.window
    return RenderedMessage(
        f"{w.days} 天内累计违约 {w.limit} 次，{day_clock(m.suspended_until)} 前不能预约新座位；"
        "已有的预约不受影响。",
        {
            "until": m.suspended_until,
            "reason": f"{w.days}天内累计违约{w.limit}次",
            "tip": "已有的预约不受影响",
        },
        not_after=m.suspended_until,
    )


MESSAGE: Final = MessageTemplate(
    Template.SUSPENDED,
    "预约资格暂停",
    (
        "until",
        "reason",
        "tip",
    ),
    render,
)
