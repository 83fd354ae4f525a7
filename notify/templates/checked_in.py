from __future__ import annotations

from typing import Final

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
        wait = f"{clock(m.available_from)} 起可入座，"
    by_gate = m.pending_confirmation == "check_in"
    text = (
        f"闸机识别到您已入馆，{m.seat} 已为您签到，{wait}可使用到 {later_clock(m.at, m.end)}。"
        "请在“我的预约”中确认；不使用请点“结束”，把座位让给需要的同学。"
        if by_gate
        else f"{m.seat} 签到成功，{wait}可使用到 {later_clock(m.at, m.end)}。离开座位请先点“暂离”。"
    )
    tip = "请在我的预约中确认" if by_gate else "离开请先点暂离"
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
    "签到成功",
    (
        *SEAT_FACTS,
        "at",
        "result",
        "end",
        "tip",
    ),
    render,
)
