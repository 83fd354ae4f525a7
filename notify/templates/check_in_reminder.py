"""The message sent at the start of a booking if its reader has not checked in."""

from __future__ import annotations

from typing import Final

from languages.text import _
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
        CheckInWay.KIOSK: _("签到码在：{kiosks}。", kiosks=m.kiosks),
        CheckInWay.KIOSK_OR_LABEL: _("签到码在：{kiosks}，座位上也有座位码。", kiosks=m.kiosks),
    }.get(m.way, "")
    return RenderedMessage(
        _(
            "{seat} 的预约 {start} 开始，请在 {check_in_until} 前{scan}签到。"
            "{codes}来不了请取消预约，把座位让给需要的同学。",
            seat=m.seat,
            start=clock(m.start),
            check_in_until=clock(m.check_in_until),
            scan=SCAN_SHORT[m.way],
            codes=codes,
        ),
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
    _("预约签到提醒"),
    (
        *SEAT_FACTS,
        "start",
        "until",
        "place",
        "tip",
    ),
    render,
)
