"""The library has taken a seat away and holds another one for its reader."""

from __future__ import annotations

from typing import Final

from notify.messages import offer
from notify.messages.letter import Letter, Moment, day_clock, span

TEMPLATE: Final = offer.TEMPLATE
TITLE: Final = "为您保留了另一个座位"
FACTS: Final = offer.FACTS


def write(m: Moment) -> Letter:
    return Letter(
        f"原来的座位不能使用了，图书馆为您保留 {m.seat}，{span(m.start, m.end)}，"
        f"到 {day_clock(m.held_until)} 为止。请在“我的预约”中接受；不需要请放弃。",
        offer.write(m).facts,
        not_after=m.held_until,
    )
