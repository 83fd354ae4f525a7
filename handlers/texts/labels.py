from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from models.identity.entities import SessionKind
from models.readers.entities import SuspensionReason
from models.reservations.state_machine import ReservationState
from models.violations.entities import ANSWER_BY_GATE

STATE_TEXT: Final[Mapping[ReservationState, str]] = {
    ReservationState.RESERVED: "已预约",
    ReservationState.IN_USE: "使用中",
    ReservationState.AWAY: "暂离",
    ReservationState.FINISHED: "结束使用",
    ReservationState.COMPLETED: "完成",
    ReservationState.CANCELLED: "已取消",
    ReservationState.NO_SHOW: "失约",
    ReservationState.AWAY_EXPIRED: "暂离超时",
    ReservationState.OFFERED: "待接受",
    ReservationState.OFFER_EXPIRED: "未接受",
}
UNCONFIRMED_STATE: Final = "{state}·待确认"
"""The text for a state that a gate has set and the reader has yet to confirm."""
WEEKDAYS: Final = "一二三四五六日"
SEAT_TEXT: Final[Mapping[str, Mapping[str, str]]] = {
    "moment": {
        "free": "当前无人",
        "occupied": "当前有人",
        "away": "当前暂离",
        "disabled": "禁用",
        "mine": "我的座位",
    },
    "time": {
        "free": "该时段可约",
        "occupied": "该时段已约",
        "away": "该时段已约",
        "disabled": "禁用",
        "mine": "我的座位",
    },
    "day": {
        "free": "有可约时段",
        "occupied": "全天已约",
        "away": "全天已约",
        "disabled": "禁用",
        "mine": "我的座位",
    },
}
"""The words for a seat's state. The first key says for which time: ``moment`` for the present,
``time`` for a chosen time, ``day`` for a whole day."""
FEATURE_TEXT: Final[Mapping[str, str]] = {
    "power": "电源",
    "window": "靠窗",
    "computer": "电脑",
    "accessible": "无障碍",
}
FIXTURE_TEXT: Final[Mapping[str, str]] = {
    "bookshelf": "书架",
    "door": "入口",
    "kiosk": "选座机",
    "window": "窗",
    "pillar": "",
}
EVENT_TEXT: Final[Mapping[str, str]] = {
    "reserve": "预约",
    "change": "更改座位或时间",
    "cancel": "取消",
    "check_in": "签到",
    "leave": "暂离",
    "return": "返回",
    "extend": "续约",
    "shorten": "提前结束时间",
    "finish": "结束使用",
    "complete": "到时结束",
    "miss": "未按时签到",
    "time_out": "暂离超时，座位释放",
    "outage": "服务中断，时限顺延",
    "confirm": "确认状态",
    "hold": "为您保留座位",
    "accept": "接受保留的座位",
    "lapse": "未接受，不再保留",
    "report": "报告座位被占",
    "resolve": "座位已清理",
    "reject": "馆员查看后，座位没有被占",
    "unreached": "核实通知没有送达，由馆员查看",
    "doubt": "其他读者反映座位无人",
    "prove": "已证明在座",
}
SESSION_TEXT: Final[Mapping[SessionKind, str]] = {
    SessionKind.WEB: "浏览器",
    SessionKind.WX: "微信小程序",
    SessionKind.KIOSK: "选座机",
}
"""Names of sessions whose device is unknown, by the session's kind."""
EFFECT_TEXT: Final[Mapping[str, str]] = {
    "check_in": "协助签到",
    "leave": "协助暂离",
    "return": "协助返回",
    "late": "补传，不影响座位",
}

APPEAL_ANSWER_TEXT: Final[Mapping[str, str]] = {ANSWER_BY_GATE: "闸机记录显示您已到馆"}
"""The answers to appeals that the service has settled by itself."""


def days_text(weekdays: frozenset[int]) -> str:
    """Days of the week in words: 每天, 周一至周五, 周一、周三."""
    days = sorted(weekdays)
    if len(days) == 7:
        return "每天"
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"周{WEEKDAYS[days[0]]}至周{WEEKDAYS[days[-1]]}"
    return "、".join(f"周{WEEKDAYS[day]}" for day in days)


def day_text(day: date) -> str:
    """The day as 9月8日 周一."""
    return f"{day.month}月{day.day}日 周{WEEKDAYS[day.weekday()]}"


def day_choice_text(day: date, today: date) -> str:
    """The day relative to today: 明天 9月9日, 周三 9月10日."""
    near = {0: "今天", 1: "明天"}.get((day - today).days, f"周{WEEKDAYS[day.weekday()]}")
    return f"{near} {day.month}月{day.day}日"


def period_text(period: timedelta) -> str:
    """The period in years (3 年) if it is whole years of 365 days, otherwise in days (180 天)."""
    years, days = divmod(period.days, 365)
    return f"{years} 年" if years and not days else f"{period.days} 天"


def hours_text(minutes: int) -> str:
    """The duration as 1.5 小时."""
    return f"{minutes / 60:g} 小时"


NUMBER_TEXT: Final[Mapping[str, tuple[str, str]]] = {
    "step_minutes": ("预约步长", "分钟"),
    "min_minutes": ("单次最短时长", "分钟"),
    "max_minutes": ("单次最长时长", "分钟"),
    "daily_booking_limit": ("每人每天预约", "次"),
    "check_in_before_minutes": ("开始前可签到", "分钟"),
    "check_in_after_minutes": ("开始后可签到", "分钟"),
    "leave_minutes": ("暂离", "分钟"),
    "meal_leave_minutes": ("用餐时暂离", "分钟"),
    "extend_within_minutes": ("结束前可续约", "分钟"),
    "max_extensions": ("最多续约", "次"),
    "booking_window_days": ("可提前预约", "天"),
    "ending_soon_minutes": ("结束前提醒", "分钟"),
    "leave_reminder_minutes": ("暂离到期前提醒", "分钟"),
    "presence_check_minutes": ("被反映无人后的返回时限", "分钟"),
    "kiosk_code_seconds": ("动态码更换", "秒"),
    "violations_limit": ("暂停前允许违约", "次"),
    "violations_window_days": ("违约统计", "天"),
    "suspension_days": ("暂停预约", "天"),
}
"""Name and unit of each number in the policy, by the name of the value."""


SUSPENDED_FOR: Final = "{days} 天内累计违约 {violations} 次"


def suspension_reason_text(reason: SuspensionReason) -> str:
    """The reason of a suspension in words; empty if it is not known."""
    if reason.violations is None:
        return reason.words
    return SUSPENDED_FOR.format(days=reason.days, violations=reason.violations)
