from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from models.library.names import CHINESE, Floor, name_in

DONE_TEXT: Final[Mapping[str, str]] = {
    "reserve": "预约成功",
    "change": "已更改预约",
    "cancel": "已取消预约",
    "leave": "已登记暂离",
    "extend": "续约成功",
    "shorten": "已提前结束时间，空出来的时间开放给其他同学",
    "finish": "已结束使用，座位已归还",
    "check_in": "签到成功",
    "return": "已返回，继续使用",
    "confirm": "已确认",
    "accept": "预约成功",
    "decline": "已放弃，继续候补",
    "wait": "已加入候补，有空位会保留至少 10 分钟并通知您",
    "alert": "有空位时会发消息告诉您；座位不保留，先到先得",
    "unwait": "已取消",
    "report": "已告诉图书馆，请选一个附近的空位",
    "stale": "这次预约的状态已经变了，下面是现在的情况",
}
REPORTED_TO_DESK: Final = "已告诉图书馆。时限照常：请{scan}后再报告，时限就停止"
"""Shown after an occupied-seat report without proof of presence. It asks for a scan, without
which the check-in deadline continues."""
REPORTED_ONCE_MORE: Final = "已告诉图书馆。今天停止时限的次数已用完，时限照常；需要换座请到服务台"
"""Shown after an occupied-seat report that does not stop the check-in deadline, because the
reader has used up the day's number of such reports."""

SHORT_TITLE: Final = "座位预约"
"""The name below an app icon if the library's own name is too long for it."""
DESCRIPTION: Final = "{name}座位预约：看空位、选座、签到、续约。"
"""The description for search engines and home screens."""

ANSWER_KIND: Final = "图书馆的答复和通知"
"""The name of the kind of messages that answer a reader or announce a change."""
KEPT_TEXT: Final[Mapping[str, str]] = {
    "reservations waitlist": "预约和候补",
    "violations suspensions": "违约、申诉、暂停预约",
    "messages message_consents message_choices deliveries email_addresses": "消息和消息设置",
    "gate_events kiosk_scans": "门禁和扫码记录",
    "feedback fault_reports": "留言和报修",
    "favourites": "常用座位",
    "calendar_feeds": "日历订阅",
    "bindings activation_codes review_codes sessions cards": "登录、绑定、校园卡",
    "accommodations": "为您作的安排",
    "audit": "馆员代办",
}
"""The names under which a reader sees their stored data, by the database collections."""
ERASURE_TEXT: Final[Mapping[str, str]] = {
    "suspended": "暂停预约期间不能清除，暂停结束后再来。",
    "violations": "您有还在计数的违约，现在不能自助清除；请到图书馆服务台提出。",
    "bookings": "您今天或以后有预约。请先取消或用完，第二天再来清除。",
    "staff": "您是图书馆工作人员，请先由管理员收回权限。",
}

ACTION_TEXT: Final[Mapping[str, tuple[str, str]]] = {
    "cancel": ("取消预约", "确定取消"),
    "leave": ("暂离", "确定暂离"),
    "finish": ("结束使用", "确认结束"),
    "accept": ("接受候补座位", "接受"),
    "decline": ("放弃候补座位", "放弃"),
    "report": ("座位被占", "报告图书馆"),
    "confirm": ("确认状态", "确认"),
    "extend": ("续约", "确定续约"),
    "shorten": ("提前到", "确定提前"),
}
"""The title of each action's confirmation page, and its button."""

START_NOW: Final = "现在"

PROPOSAL_TEXT: Final[Mapping[str, str]] = {
    "known": "您常坐的座位",
    "near": "离您常坐的 {no} 号最近",
    "roomy": "这里空位最多",
    "free": "可约",
    "taken": "已有人",
    "later": "{clock} 起",
    "today": "今天 {begin}",
    "tomorrow": "明天 {begin}",
}
"""Texts of the suggestions: why a seat is proposed, whether a favourite seat is free, and when
the last seat can be booked again."""
TOO_LONG: Final = "{period} 超过了这里一次最长的 {longest}，先约一段，到点前可以续约。"
"""Shown if the searched time is longer than one booking can be."""

SEARCH_HINTS: Final[Mapping[str, str]] = {
    "time_has_passed": "这个时间已过，请重新选择",
    "one_end_missing": "请同时选择开始和结束时间",
    "end_before_start": "结束时间要晚于开始时间",
}
"""The errors in the times of a search, by reason."""

SIGN_IN_TEXT: Final[Mapping[str, tuple[str, str]]] = {
    "welcome": ("欢迎使用座位预约", "登录后即可选座、签到，并获取小程序的激活码。"),
    "welcome_without_wechat": ("欢迎使用座位预约", "登录后即可选座、签到。"),
    "ticket_refused": ("登录凭据已失效", "请重新登录；如反复出现，请关闭浏览器后再试。"),
    "cas_unavailable": ("统一身份认证暂不可用", "请稍后再试，或到服务台办理。"),
    "several": ("请选择登录方式", "用您所在单位的账号登录。"),
    "another_fails": ("这种登录方式暂时连不上", "请稍后再试，或用另一种方式登录，或到服务台办理。"),
    "logged_out_elsewhere": ("您已在别处退出登录", "请重新登录。"),
}
"""The heading and the text of pages for visitors without a session."""
SIGN_IN_HEADINGS: Final[Mapping[str, str]] = {
    "clock_wrong": "暂时不能登录",
    "entry_refused": "没有登录成功",
    "entry_unavailable": "{campus_app}暂时连不上",
}
"""Headings of the page after a sign-in was refused, by error code."""
REFUSED_HEADING: Final = "这一步没有完成"
PAGE_NOT_SHOWN: Final = "这一页暂时没有打开"
"""The heading of the error page if a page cannot be viewed for a while."""

_FLOORS: Final = "零一二三四五六七八九"


def floor_text(floor: Floor) -> str:
    """The floor's own name, or 二层 or 地下一层."""
    number = abs(floor.number)
    words = _FLOORS[number] if number < len(_FLOORS) else str(number)
    return name_in(floor, CHINESE) or f"{'地下' if floor.number < 0 else ''}{words}层"


def seat_no_text(no: str) -> str:
    return f"{no} 号"


PROOF_NUMBERS: Final[Mapping[str, str]] = {
    "acknowledged": "确认的操作",
    "bugs": "放进去的错误",
    "calls": "检查的调用",
    "days": "天",
    "faults": "故障",
    "found": "查出的错误",
    "late": "拒绝之后才到的预约",
    "operations": "操作",
    "readers": "读者",
    "runs": "运行次数",
    "scenarios": "情形",
    "seats": "座位",
    "states": "不同的状态",
    "steps": "步骤",
    "unknown": "没有回答的操作",
}
