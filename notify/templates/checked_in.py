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
    later_clock,
    seat_facts,
)


def render(m: MessageContext) -> RenderedMessage:
    wait = ""
    if m.available_from and m.checked_in_at and m.available_from > m.checked_in_at:
        wait = _("{available_from} 起可入座，", available_from=clock(m.available_from))
    by_gate = m.pending_confirmation == "check_in"
    text = (
        _(
            "闸机识别到您已入馆，{seat} 已为您签到，{wait}可使用到 {end}。请在“我的预约”中确认；"
            "不使用请点“结束”，把座位让给需要的同学。",
            seat=m.seat,
            wait=wait,
            end=later_clock(m.at, m.end),
        )
        if by_gate
        else _(
            "{seat} 签到成功，{wait}可使用到 {end}。离开座位请先点“暂离”。",
            seat=m.seat,
            wait=wait,
            end=later_clock(m.at, m.end),
        )
    )
    tip = _("请在我的预约中确认") if by_gate else _("离开请先点暂离")
    return RenderedMessage(
        text,
        {
            **seat_facts(m),
            "at": m.at,
            "result": "成功",
            "end": m.end,
            "tip": f"{clock(m.available_from)}起可入座" if wait and not by_gate else tip,
        },
        not_after=m.end,
    )


MESSAGE: Final = MessageTemplate(
    Template.CHECKED_IN,
    _("签到成功"),
    (
        *SEAT_FACTS,
        "at",
        "result",
        "end",
        "tip",
    ),
    render,
)
