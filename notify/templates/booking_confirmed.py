"""The message sent after a booking, and after a change of its seat or time."""

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
    clock_period,
    seat_facts,
    span,
)

_FREED: Final = _("逾期座位将释放。")
_COUNTED: Final = _("逾期未签到记违约一次。")
_BY: Final = {
    way: scan if way is CheckInWay.GATE else _("到馆{scan}", scan=scan)
    for way, scan in SCAN_SHORT.items()
}


def render(m: MessageContext) -> RenderedMessage:
    until = clock(m.check_in_until)
    # If check-in is open already, its opening time would lie in the past.
    when = (
        _("{until} 前", until=until)
        if m.at >= m.check_in_from
        else _("{begin}–{until} ", begin=clock(m.check_in_from), until=until)
    )
    return RenderedMessage(
        _(
            "{seat}，{span}。请在 {when}{by}签到，{late}",
            seat=m.seat,
            span=span(m.start, m.end),
            when=when,
            by=_BY[m.way],
            late=_FREED if m.penalty_waived else _COUNTED,
        ),
        {
            **seat_facts(m),
            "period": clock_period(m.start, m.end),
            "receipt": m.receipt,
            "status": "已预约",
            "tip": f"请在{until}前签到",
            "start": m.start,
            "end": m.end,
            "until": m.check_in_until,
        },
        not_after=m.check_in_until,
    )


MESSAGE: Final = MessageTemplate(
    Template.RESERVED,
    _("座位预约成功"),
    (
        *SEAT_FACTS,
        "period",
        "receipt",
        "status",
        "tip",
        "start",
        "end",
        "until",
    ),
    render,
)
