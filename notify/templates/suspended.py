"""Suspended: until when, and why."""

from __future__ import annotations

from typing import Final

from models.messages.entities import Template
from notify.templates.rendering import MessageContext, RenderedMessage, day_clock

TEMPLATE: Final = Template.SUSPENDED
TITLE: Final = "预约资格暂停"
FACTS: Final = (
    "until",
    "reason",
    "tip",
)


def write(m: MessageContext) -> RenderedMessage:
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
