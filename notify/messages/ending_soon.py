"""Twenty minutes before the end."""

from __future__ import annotations

from typing import Final

from models.message import Template
from notify.messages.letter import Letter, Moment, clock

TEMPLATE: Final = Template.ENDING_SOON
TITLE: Final = "座位即将到时"
FACTS: Final = (
    "seat",
    "end",
    "extend_until",
    "tip",
)


def write(m: Moment) -> Letter:
    return Letter(
        f"{m.seat} 将于 {clock(m.end)} 到时。需要继续使用请在 {clock(m.end)} 前点“续约”；"
        "离开时请带走个人物品。",
        {
            "seat": m.seat,
            "end": m.end,
            "extend_until": m.end,
            "tip": "需要继续使用请及时续约",
        },
        not_after=m.end,
    )
