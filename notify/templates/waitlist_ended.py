"""A waitlist entry has ended before its time: its seats are gone, or its reader is suspended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from models.messages.entities import Template
from models.readers.entities import FOREVER
from models.waitlist.entities import EndReason, WaitlistEnd, WaitlistEntry
from notify.templates.rendering import RenderedMessage, day_clock, span

TEMPLATE: Final = Template.MOVED
TITLE: Final = "候补已结束"
_BANNED: Final = "您的预约资格已长期暂停，解除前不能候补；已有的预约不受影响。"
_REASON: Final[Mapping[EndReason, str]] = {
    EndReason.NO_SEATS: "等候的座位当天已全部停用或撤除。请选择其他座位或时间。",
    EndReason.SUSPENDED: "您的预约资格暂停至 {until}，在此期间不能候补；已有的预约不受影响。",
}
_TIP: Final[Mapping[EndReason, str]] = {
    EndReason.NO_SEATS: "候补已结束，座位已停用",
    EndReason.SUSPENDED: "候补已结束，预约资格暂停",
}


def render(area: str, entry: WaitlistEntry, end: WaitlistEnd) -> RenderedMessage:
    """The message; ``area`` is the place as readers know it."""
    banned = end.suspended_until == FOREVER
    reason = _BANNED if banned else _REASON[end.reason].format(until=day_clock(end.suspended_until))
    return RenderedMessage(
        f"您在 {area}，{span(entry.start, entry.end)} 的候补已结束：{reason}",
        {"seat": area, "start": entry.start, "tip": _TIP[end.reason]},
        not_after=entry.end,
    )
