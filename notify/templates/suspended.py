from __future__ import annotations

from datetime import datetime
from typing import Final

from languages.text import _
from models.messages.entities import Template
from models.readers.entities import FOREVER
from notify.templates.rendering import MessageContext, MessageTemplate, RenderedMessage, day_clock


def render(m: MessageContext) -> RenderedMessage:
    w = m.window
    return RenderedMessage(
        _(
            "{days} 天内累计违约 {limit} 次，{until} 前不能预约新座位；已有的预约不受影响。",
            days=w.days,
            limit=w.limit,
            until=day_clock(m.suspended_until),
        ),
        {
            "until": m.suspended_until,
            "reason": f"{w.days}天内累计违约{w.limit}次",
            "tip": "已有的预约不受影响",
        },
        not_after=m.suspended_until,
    )


def by_the_library(until: datetime | None, now: datetime) -> dict[str, object]:
    """The facts for WeChat's template about a suspension by the staff, without the reason.
    ``until`` is its end; None if the staff have ended the suspension."""
    if until is None:
        return {"until": now, "reason": "图书馆已解除暂停", "tip": "现在可以预约"}
    tip = "长期暂停，至图书馆解除" if until == FOREVER else "已有的预约不受影响"
    return {"until": until, "reason": "由图书馆暂停，原因见消息", "tip": tip}


MESSAGE: Final = MessageTemplate(
    Template.SUSPENDED,
    _("预约资格暂停"),
    (
        "until",
        "reason",
        "tip",
    ),
    render,
)
