"""The message sent at the start of a booking if its reader has not checked in."""

from __future__ import annotations

from typing import Final

from models.library.entities import CheckInWay
from models.messages.entities import Template
from notify.templates.rendering import (
    SCAN_SHORT,
    SEAT_FACTS,
    MessageContext,
    MessageTemplate,
    RenderedMessage,
    clock,
    place,
    seat_facts,
)


def render(m: MessageContext) -> RenderedMessage:
    codes = {
        CheckInWay.KIOSK: f"签到码在：{m.kiosks}。",
        CheckInWay.KIOSK_OR_LABEL: f"签到码在：{m.kiosks}，座位上也有座位码。",
    }.get(m.way, "")
    return RenderedMessage(
        f"{m.seat} 的预约 {clock(m.start)} 开始，"
        f"请在 {clock(m.check_in_until)} 前{SCAN_SHORT[m.way]}签到。"
        f"{codes}来不了请取消预约，把座位让给需要的同学。",
        {
            **seat_facts(m),
            "start": m.start,
            "until": m.check_in_until,
            "place": place(m),
            "tip": f"{clock(m.check_in_until)}前未签到将释放座位",
        },
        not_after=m.check_in_until,
    )


MESSAGE: Final = MessageTemplate(
    Template.CHECK_IN_REMINDER,
    "预约签到提醒",
    (
        *SEAT_FACTS,
        "start",
        "until",
        "place",
        "tip",
    ),
    render,
)
