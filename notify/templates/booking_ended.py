from __future__ import annotations

from datetime import timedelta
from typing import Final

from languages.text import _
from models.kernel.time_range import floor_minute
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

WORTH: Final = timedelta(hours=4)
"""A message about a stay's end is sent at most this long after the end; later it would disturb."""


def render(m: MessageContext) -> RenderedMessage:
    # In whole minutes, as the times are shown: 14:00–16:10 is 2 hours 10, whatever the seconds.
    begin = floor_minute(max(m.available_from or m.start, m.checked_in_at or m.start))
    end = floor_minute(m.ended_at or m.end)
    minutes = max(0, int((end - begin).total_seconds()) // 60)
    hours, rest = divmod(minutes, 60)
    length = (
        _("{hours} 小时 {minutes} 分钟")
        if hours and rest
        else (_("{hours} 小时") if hours else _("{minutes} 分钟"))
    )
    spoken = _("不到 1 分钟")
    if minutes:
        spoken = _("共 {length}", length=length.format(hours=hours, minutes=rest))
    return RenderedMessage(
        _(
            "{seat} 使用结束：{begin}–{end}，{spoken}。请带走个人物品。",
            seat=m.seat,
            begin=clock(begin),
            end=later_clock(begin, end),
            spoken=spoken,
        ),
        {
            **seat_facts(m),
            "start": begin,
            "end": end,
            "duration": f"{hours}h{rest:02d}m",
            "tip": "请带走个人物品",
        },
        not_after=m.at + WORTH,
    )


MESSAGE: Final = MessageTemplate(
    Template.ENDED,
    _("使用结束"),
    (
        *SEAT_FACTS,
        "start",
        "end",
        "duration",
        "tip",
    ),
    render,
)
