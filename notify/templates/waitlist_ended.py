"""The message sent when a waitlist entry ends without an offer: its seats are out of use, its
reader is suspended, or it is an alert and a seat is free."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from languages.text import _
from models.kernel.zone import Zone
from models.messages.entities import Template
from models.readers.entities import FOREVER
from models.waitlist.entities import EndReason, WaitlistEnd, WaitlistEntry
from notify.templates.rendering import RenderedMessage, day_clock, span

TEMPLATE: Final = Template.MOVED
TITLE: Final = _("候补已结束")
ALERT_TITLE: Final = _("空位提醒")
_FREE: Final = _("{area}，{span} 有空位了。座位没有为您保留，先到先得，请尽快预约。")
_FREE_TIP: Final = "有空位了，先到先得"
_NEWS_FOR: Final = timedelta(minutes=30)
"""The message about a free seat is sent at most this long after its event."""
_BANNED: Final = _("您的预约资格已长期暂停，解除前不能候补；已有的预约不受影响。")
_REASON: Final[Mapping[EndReason, str]] = {
    EndReason.NO_SEATS: _("等候的座位当天已全部停用或撤除。请选择其他座位或时间。"),
    EndReason.SUSPENDED: _("您的预约资格暂停至 {until}，在此期间不能候补；已有的预约不受影响。"),
}
_TIP: Final[Mapping[EndReason, str]] = {
    EndReason.NO_SEATS: "候补已结束，座位已停用",
    EndReason.SUSPENDED: "候补已结束，预约资格暂停",
}


def title_of(end: WaitlistEnd) -> str:
    return ALERT_TITLE if end.reason is EndReason.SEAT_FREE else TITLE


def template_of(end: WaitlistEnd) -> Template:
    """The WeChat template of the message. For a free seat: the template of offers, to which
    readers with an alert have consented."""
    return Template.OFFER if end.reason is EndReason.SEAT_FREE else TEMPLATE


def render(
    zone: Zone, area: str, short_area: str, entry: WaitlistEntry, end: WaitlistEnd
) -> RenderedMessage:
    """Writes the message. ``area`` is the area's full name; ``short_area`` fits a WeChat field."""
    begin, over = zone.local(entry.start), zone.local(entry.end)
    place = {"seat": short_area, "seat_no": ""}
    if end.reason is EndReason.SEAT_FREE:
        news_until = min(entry.end, end.at + _NEWS_FOR)
        return RenderedMessage(
            _FREE.format(area=area, span=span(begin, over)),
            {**place, "period": entry.start, "until": news_until, "tip": _FREE_TIP},
            not_after=news_until,
        )
    banned = end.suspended_until == FOREVER
    until = end.suspended_until
    spoken = day_clock(zone.local(until)) if until is not None else ""
    reason = _BANNED if banned else _REASON[end.reason].format(until=spoken)
    return RenderedMessage(
        _(
            "您在 {area}，{span} 的候补已结束：{reason}",
            area=area,
            span=span(begin, over),
            reason=reason,
        ),
        {**place, "start": entry.start, "tip": _TIP[end.reason]},
        not_after=entry.end,
    )
