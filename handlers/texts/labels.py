from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from languages.text import Text, _, _n, _p, date_text, joined, short_day_text
from models.identity.entities import SessionKind
from models.readers.entities import SuspensionReason
from models.reservations.room_booking import RoomState
from models.reservations.state_machine import ReservationState
from models.violations.entities import ANSWER_BY_GATE

STATE_TEXT: Final[Mapping[ReservationState, str]] = {
    ReservationState.RESERVED: _("已预约"),
    ReservationState.IN_USE: _("使用中"),
    ReservationState.AWAY: _p("state", "暂离"),
    ReservationState.FINISHED: _("结束使用"),
    ReservationState.COMPLETED: _("完成"),
    ReservationState.CANCELLED: _("已取消"),
    ReservationState.NO_SHOW: _("失约"),
    ReservationState.AWAY_EXPIRED: _("暂离超时"),
    ReservationState.OFFERED: _("待接受"),
    ReservationState.OFFER_EXPIRED: _("未接受"),
}
ROOM_STATE_TEXT: Final[Mapping[str, str]] = {
    **{state.value: text for state, text in STATE_TEXT.items()},
    RoomState.REQUESTED: _("待审批"),
    RoomState.DECLINED: _("未获批准"),
    RoomState.RELEASED: _("人数不足，已释放"),
}
"""The states of a room's booking: those of a reservation, and three that only rooms know."""
UNCONFIRMED_STATE: Final = _("{state}·待确认")
"""The text for a state that a gate has set and the reader has yet to confirm."""
WEEKDAYS: Final = (
    _("周一"),
    _("周二"),
    _("周三"),
    _("周四"),
    _("周五"),
    _("周六"),
    _("周日"),
)
SEAT_TEXT: Final[Mapping[str, Mapping[str, str]]] = {
    "moment": {
        "free": _("当前无人"),
        "occupied": _("当前有人"),
        "away": _("当前暂离"),
        "disabled": _("禁用"),
        "mine": _("我的座位"),
    },
    "time": {
        "free": _("该时段可约"),
        "occupied": _("该时段已约"),
        "away": _("该时段已约"),
        "disabled": _("禁用"),
        "mine": _("我的座位"),
    },
    "day": {
        "free": _("有可约时段"),
        "occupied": _("全天已约"),
        "away": _("全天已约"),
        "disabled": _("禁用"),
        "mine": _("我的座位"),
    },
}
"""The words for a seat's state. The first key says for which time: ``moment`` for the present,
``time`` for a chosen time, ``day`` for a whole day."""
ROOM_ON_PLAN_TEXT: Final[Mapping[str, str]] = {
    "free": _p("a room", "空闲"),
    "taken": _p("a room", "已约"),
    "closed": _("闭馆"),
}
FEATURE_TEXT: Final[Mapping[str, str]] = {
    "power": _("电源"),
    "window": _("靠窗"),
    "computer": _("电脑"),
    "accessible": _("无障碍"),
}
FIXTURE_TEXT: Final[Mapping[str, str]] = {
    "bookshelf": _("书架"),
    "door": _("入口"),
    "kiosk": _("选座机"),
    "window": _("窗"),
    "pillar": "",
}
EVENT_TEXT: Final[Mapping[str, str]] = {
    "reserve": _p("event", "预约"),
    "change": _("更改座位或时间"),
    "cancel": _p("event", "取消"),
    "check_in": _p("event", "签到"),
    "leave": _p("event", "暂离"),
    "return": _p("event", "返回"),
    "extend": _p("event", "续约"),
    "shorten": _("提前结束时间"),
    "finish": _("结束使用"),
    "complete": _("到时结束"),
    "miss": _("未按时签到"),
    "time_out": _("暂离超时，座位释放"),
    "outage": _("服务中断，时限顺延"),
    "confirm": _("确认状态"),
    "hold": _("为您保留座位"),
    "accept": _("接受保留的座位"),
    "lapse": _("未接受，不再保留"),
    "report": _("报告座位被占"),
    "resolve": _("座位已清理"),
    "reject": _("馆员查看后，座位没有被占"),
    "unreached": _("核实通知没有送达，由馆员查看"),
    "doubt": _("其他读者反映座位无人"),
    "prove": _("已证明在座"),
}
ROOM_EVENT_TEXT: Final[Mapping[str, str]] = {
    **EVENT_TEXT,
    "request": _p("event", "申请"),
    "approve": _p("event", "批准"),
    "decline": _("未获批准"),
    "change": _("更改房间或时间"),
    "miss": _("没有人签到，房间释放"),
    "release": _("确认的人不够，房间释放"),
}
"""The events of a booking of a room."""
SESSION_TEXT: Final[Mapping[SessionKind, str]] = {
    SessionKind.WEB: _("浏览器"),
    SessionKind.WX: _("微信小程序"),
    SessionKind.KIOSK: _("选座机"),
}
"""Names of sessions whose device is unknown, by the session's kind."""
EFFECT_TEXT: Final[Mapping[str, str]] = {
    "check_in": _("协助签到"),
    "leave": _("协助暂离"),
    "return": _("协助返回"),
    "late": _("补传，不影响座位"),
}

APPEAL_ANSWER_TEXT: Final[Mapping[str, str]] = {ANSWER_BY_GATE: _("闸机记录显示您已到馆")}
"""The answers to appeals that the service has settled by itself."""


def days_text(weekdays: frozenset[int]) -> Text:
    """Days of the week in words: 每天, 周一至周五, 周一、周三."""
    days = sorted(weekdays)
    if len(days) == 7:
        return _("每天")
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return _("{first}至{last}", first=WEEKDAYS[days[0]], last=WEEKDAYS[days[-1]])
    return joined((WEEKDAYS[day] for day in days), "、")


def day_text(day: date) -> Text:
    """The day as 9月8日 周一."""
    chinese = f"{day.month}月{day.day}日 {WEEKDAYS[day.weekday()]}"
    return date_text(chinese, "MMMEd", day)


def day_choice_text(day: date, today: date) -> Text:
    """The day relative to today: 明天 9月9日, 周三 9月10日."""
    near = {0: _("今天"), 1: _("明天")}.get((day - today).days, WEEKDAYS[day.weekday()])
    return _("{near} {day}", near=near, day=short_day_text(day))


def period_text(period: timedelta) -> Text:
    """The period in years (3 年) if it is whole years of 365 days, otherwise in days (180 天)."""
    years, days = divmod(period.days, 365)
    return _n("{n} 年", years) if years and not days else _n("{n} 天", period.days)


def hours_text(minutes: int) -> Text:
    """The duration as 1.5 小时."""
    hours = f"{minutes / 60:g}"
    return _("{hours} 小时", hours=hours)


NUMBER_TEXT: Final[Mapping[str, tuple[str, str]]] = {
    "step_minutes": (_("预约步长"), _("分钟")),
    "min_minutes": (_("单次最短时长"), _("分钟")),
    "max_minutes": (_("单次最长时长"), _("分钟")),
    "daily_booking_limit": (_("每人每天预约"), _p("unit", "次")),
    "party_people": (_("最多一起坐"), _p("unit", "人")),
    "parties_a_day": (_("每人每天为同伴留座"), _p("unit", "次")),
    "party_share_percent": (_("一起坐最多占区域座位"), "%"),
    "check_in_before_minutes": (_("开始前可签到"), _("分钟")),
    "check_in_after_minutes": (_("开始后可签到"), _("分钟")),
    "leave_minutes": (_p("number", "暂离"), _("分钟")),
    "meal_leave_minutes": (_("用餐时暂离"), _("分钟")),
    "extend_within_minutes": (_("结束前可续约"), _("分钟")),
    "max_extensions": (_("最多续约"), _p("unit", "次")),
    "booking_window_days": (_("可提前预约"), _p("unit", "天")),
    "ending_soon_minutes": (_("结束前提醒"), _("分钟")),
    "leave_reminder_minutes": (_("暂离到期前提醒"), _("分钟")),
    "presence_check_minutes": (_("被反映无人后的返回时限"), _("分钟")),
    "kiosk_code_seconds": (_("动态码更换"), _("秒")),
    "violations_limit": (_("暂停前允许违约"), _p("unit", "次")),
    "violations_window_days": (_("违约统计"), _p("unit", "天")),
    "suspension_days": (_("暂停预约"), _p("unit", "天")),
}
"""Name and unit of each number in the policy, by the name of the value."""


SUSPENDED_FOR: Final = _("{days} 天内累计违约 {violations} 次")


def suspension_reason_text(reason: SuspensionReason) -> str:
    """The reason of a suspension in words; empty if it is not known."""
    if reason.violations is None:
        return reason.words
    return SUSPENDED_FOR.format(days=reason.days, violations=reason.violations)
