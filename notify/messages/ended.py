"""Finished or completed: from when to when, and how long."""

from __future__ import annotations

from typing import Final

from models.message import Template
from notify.messages.letter import Letter, Moment, clock

TEMPLATE: Final = Template.ENDED
TITLE: Final = "使用结束"
FACTS: Final = (
    "seat",
    "start",
    "end",
    "duration",
    "tip",
)


def write(m: Moment) -> Letter:
    begin = m.usable_from or m.start
    if m.checked_in_at is not None:
        begin = max(begin, m.checked_in_at)
    minutes = max(0, int((m.ended_at - begin).total_seconds()) // 60) if m.ended_at else 0
    hours, rest = divmod(minutes, 60)
    spoken = (f"{hours} 小时 " if hours else "") + f"{rest} 分钟"
    return Letter(
        f"{m.seat} 使用结束：{clock(begin)}–{clock(m.ended_at)}，共 {spoken}。请带走个人物品。",
        {
            "seat": m.seat,
            "start": begin,
            "end": m.ended_at,
            "duration": f"{hours}h{rest:02d}m",
            "tip": "请带走个人物品",
        },
        not_after=None,
    )
