"""Checked in: until when the seat is the reader's."""

from __future__ import annotations

from typing import Final

from models.message import Template
from notify.messages.letter import Letter, Moment, clock

TEMPLATE: Final = Template.CHECKED_IN
TITLE: Final = "签到成功"
FACTS: Final = (
    "seat",
    "at",
    "result",
    "end",
    "tip",
)


def write(m: Moment) -> Letter:
    wait = ""
    if m.usable_from and m.checked_in_at and m.usable_from > m.checked_in_at:
        wait = f"{clock(m.usable_from)} 起可入座，"
    return Letter(
        f"{m.seat} 签到成功，{wait}可使用到 {clock(m.end)}。离开座位请先点“暂离”。",
        {
            "seat": m.seat,
            "at": m.at,
            "result": "成功",
            "end": m.end,
            "tip": f"{clock(m.usable_from)}起可入座" if wait else "离开请先点暂离",
        },
        not_after=m.end,
    )
