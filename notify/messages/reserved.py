"""Booked, or changed: where, when, and until when to check in."""

from __future__ import annotations

from typing import Final

from models.message import Template
from notify.messages.letter import Letter, Moment, clock, span

TEMPLATE: Final = Template.RESERVED
TITLE: Final = "座位预约成功"
FACTS: Final = (
    "seat",
    "period",
    "receipt",
    "status",
    "tip",
    "start",
    "end",
    "until",
)


def write(m: Moment) -> Letter:
    text = (
        f"{m.seat}，{span(m.start, m.end)}。"
        f"请在 {clock(m.check_in_from)}–{clock(m.check_in_until)} 到馆扫码签到，"
        "逾期未签到记违约一次。"
    )
    if m.excused:
        text = (
            f"{m.seat}，{span(m.start, m.end)}。"
            f"请在 {clock(m.check_in_until)} 前到馆扫码签到，逾期座位将释放。"
        )
    return Letter(
        text,
        {
            "seat": m.seat,
            "period": f"{clock(m.start)}~{clock(m.end)}",
            "receipt": m.receipt,
            "status": "已预约",
            "tip": f"请在{clock(m.check_in_until)}前签到",
            "start": m.start,
            "end": m.end,
            "until": m.check_in_until,
        },
        not_after=m.end,
    )
