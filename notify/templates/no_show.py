from __future__ import annotations

from typing import Final

from languages.text import _, joined
from models.messages.entities import Template
from models.readers.entities import FOREVER
from notify.templates.rendering import (
    A_DAY,
    SEAT_FACTS,
    MessageContext,
    MessageTemplate,
    RenderedMessage,
    clock,
    day_clock,
    seat_facts,
    span,
)


def render(m: MessageContext) -> RenderedMessage:
    what = _(
        "{seat}，{span} 的预约未在 {check_in_until} 前签到，座位已释放。",
        seat=m.seat,
        span=span(m.start, m.end),
        check_in_until=clock(m.check_in_until),
    )
    more = (
        _("您今天还有 {others} 个预约，来不了请在“我的预约”中取消。", others=m.others)
        if m.others
        else ""
    )
    return RenderedMessage(
        joined((what, standing(m), more)),
        {
            "kind": "预约未签到",
            "at": m.ended_at,
            **seat_facts(m),
            "count": m.window.count,
            "limit": m.window.limit,
            "tip": tip(m),
        },
        not_after=m.at + A_DAY,
    )


def standing(m: MessageContext) -> str:
    """A sentence about the violation and its consequences for the reader."""
    w = m.window
    if not m.violation:
        return _("本次不记违约。")
    if not m.counted:
        return _("当天已记过违约，本次不再累计。")
    if m.suspended_until is not None:
        banned = m.suspended_until == FOREVER
        until = _("图书馆解除") if banned else _("{until} ", until=day_clock(m.suspended_until))
        return _(
            "记违约一次（第 {count}/{limit} 次），{until}前不能预约。",
            count=w.count,
            limit=w.limit,
            until=until,
        )
    return _(
        "记违约一次（第 {count}/{limit} 次），{days} 天内累计 {limit} 次将暂停预约。",
        count=w.count,
        limit=w.limit,
        days=w.days,
    )


def tip(m: MessageContext) -> str:
    if not m.violation:
        return "本次不记违约"
    if not m.counted:
        return "当天已记过违约，不再累计"
    if m.suspended_until is not None:
        banned = m.suspended_until == FOREVER
        return "长期暂停预约" if banned else f"暂停预约至{day_clock(m.suspended_until)}"
    return f"{m.window.days}天内累计{m.window.limit}次将暂停预约"


MESSAGE: Final = MessageTemplate(
    Template.NO_SHOW,
    _("未签到通知"),
    (
        "kind",
        "at",
        *SEAT_FACTS,
        "count",
        "limit",
        "tip",
    ),
    render,
)
