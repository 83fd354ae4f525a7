"""The library has taken back a seat that it held for a reader: it cannot be used after all."""

from __future__ import annotations

from typing import Final

from notify.messages import called_off
from notify.messages.letter import Letter, Moment, span

TEMPLATE: Final = called_off.TEMPLATE
TITLE: Final = "保留的座位已不能使用"
FACTS: Final = called_off.FACTS


def write(m: Moment) -> Letter:
    return Letter(
        f"为您保留的 {m.seat}，{span(m.start, m.end)}，已不能使用，不再保留。"
        "请重新选座；如有疑问请联系服务台。",
        called_off.write(m).facts,
        not_after=m.end,
    )
