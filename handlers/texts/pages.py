from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from languages.text import Text, _, _p, spelled
from models.library.names import Floor, label_text
from models.seat_map.seating import Seating

DONE_TEXT: Final[Mapping[str, str]] = {
    "reserve": _("预约成功"),
    "change": _("已更改预约"),
    "cancel": _("已取消预约"),
    "leave": _("已登记暂离"),
    "extend": _("续约成功"),
    "shorten": _("已提前结束时间，空出来的时间开放给其他同学"),
    "finish": _("已结束使用，座位已归还"),
    "check_in": _("签到成功"),
    "return": _("已返回，继续使用"),
    "confirm": _("已确认"),
    "accept": _("预约成功"),
    "decline": _("已放弃，继续候补"),
    "withdraw": _("已退出，不再参加"),
    "alone": _("为同伴保留的座位已放开"),
    "wait": _("已加入候补，有空位会保留至少 10 分钟并通知您"),
    "alert": _("有空位时会发消息告诉您；座位不保留，先到先得"),
    "unwait": _("已取消"),
    "report": _("已告诉图书馆，请选一个附近的空位"),
    "stale": _("这次预约的状态已经变了，下面是现在的情况"),
}
SAYS_MORE: Final = frozenset({"alert", "report", "wait"})
"""The actions whose sentence says more than the state that the page shows."""
REPORTED_TO_DESK: Final = _("已告诉图书馆。时限照常：请{scan}后再报告，时限就停止")
"""Shown after an occupied-seat report without proof of presence. It asks for a scan, without
which the check-in deadline continues."""
REPORTED_ONCE_MORE: Final = _(
    "已告诉图书馆。今天停止时限的次数已用完，时限照常；需要换座请到服务台"
)
"""Shown after an occupied-seat report that does not stop the check-in deadline, because the
reader has used up the day's number of such reports."""

SCAN_LABEL: Final = _("扫码签到")
"""The words below the code of a seat label."""
SHORT_TITLE: Final = _("座位预约")
"""The name below an app icon if the library's own name is too long for it."""
DESCRIPTION: Final = _("{name}座位预约：看空位、选座、签到、续约。")
"""The description for search engines and home screens."""

ANSWER_KIND: Final = _("图书馆的答复和通知")
"""The name of the kind of messages that answer a reader or announce a change."""
KEPT_TEXT: Final[Mapping[str, str]] = {
    "reservations waitlist": _("预约和候补"),
    "violations suspensions": _("违约、申诉、暂停预约"),
    "messages message_consents message_choices deliveries email_addresses": _("消息和消息设置"),
    "gate_events kiosk_scans": _("门禁和扫码记录"),
    "season_applications": _("学期座位和储物柜的申请"),
    "feedback fault_reports": _("留言和报修"),
    "favourites": _("常用座位"),
    "calendar_feeds": _("日历订阅"),
    "bindings activation_codes review_codes sessions cards": _("登录、绑定、校园卡"),
    "accommodations": _("为您作的安排"),
    "audit": _("馆员代办"),
}
"""The names under which a reader sees their stored data, by the database collections."""
STAY_STARTS: Final = _("开始使用的时刻")
ERASURE_TEXT: Final[Mapping[str, str]] = {
    "suspended": _("暂停预约期间不能清除，暂停结束后再来。"),
    "violations": _("您有还在计数的违约，现在不能自助清除；请到图书馆服务台提出。"),
    "bookings": _("您今天或以后有预约。请先取消或用完，第二天再来清除。"),
    "staff": _("您是图书馆工作人员，请先由管理员收回权限。"),
}

ACTION_TEXT: Final[Mapping[str, tuple[str, str]]] = {
    "cancel": (_("取消预约"), _("确定取消")),
    "leave": (_("暂离"), _("确定暂离")),
    "finish": (_("结束使用"), _("确认结束")),
    "accept": (_("接受候补座位"), _("接受")),
    "decline": (_("放弃候补座位"), _("放弃")),
    "report": (_("座位被占"), _("报告图书馆")),
    "confirm": (_("确认状态"), _("确认")),
    "extend": (_("续约"), _("确定续约")),
    "shorten": (_("提前到"), _("确定提前")),
}
"""The title of each action's confirmation page, and its button."""

TYPED_REFUSAL: Final[Mapping[str, str]] = {
    "qr_invalid": _("数字不对。请输入座位所在场馆的屏幕上现在的六位数字"),
    "qr_expired": _("这六位数字已更换，请输入屏幕上现在的数字"),
    "qr_used": _("这六位数字您已用过，请等屏幕上出现新的数字"),
    "too_many_attempts": _("输错的次数太多，暂时不能输入数字。请扫码签到，或到服务台办理"),
}
"""Refusals of a kiosk's typed digits, where those of a scan say 扫描."""

START_NOW: Final = _("现在")

PROPOSAL_TEXT: Final[Mapping[str, str]] = {
    "known": _("您常坐的座位"),
    "near": _("离您常坐的 {no} 号最近"),
    "roomy": _("这里空位最多"),
    "free": _("可约"),
    "taken": _("已有人"),
    "later": _("{clock} 起"),
    "today": _("今天 {begin}"),
    "tomorrow": _("明天 {begin}"),
}
"""Texts of the suggestions: why a seat is proposed, whether a favourite seat is free, and when
the last seat can be booked again."""
ROOM_DONE_TEXT: Final[Mapping[str, str]] = {
    "book": _("已提交"),
    "change": _("已更改"),
    "cancel": _("已取消"),
    "finish": _("已结束使用，房间已归还"),
    "check-in": _("签到成功"),
    "confirm": _("您已确认参加"),
}
SEATING_TEXT: Final[Mapping[Seating, Text]] = {
    Seating.OPPOSITE: _("面对面"),
    Seating.SIDE_BY_SIDE: _("并排"),
    Seating.ONE_TABLE: _("同桌"),
    Seating.ONE_ROW: _("同一排"),
    Seating.NEAR: _("邻近"),
}
NOT_YET: Final[Mapping[str, str]] = {
    "book": _("您登录了，还没有预约：请再点一次“立即预约”。"),
    "change": _("您登录了，还没有更改：请再点一次“更改预约”。"),
}
"""Shown after a sign-in to a reader whose session had ended when they sent the form."""
TOO_LONG: Final = _("{period} 超过了这里一次最长的 {longest}，先约一段，到点前可以续约。")
"""Shown if the searched time is longer than one booking can be."""

SEARCH_HINTS: Final[Mapping[str, str]] = {
    "time_has_passed": _("这个时间已过，请重新选择"),
    "one_end_missing": _("请同时选择开始和结束时间"),
    "end_before_start": _("结束时间要晚于开始时间"),
}
"""The errors in the times of a search, by reason."""

SIGN_IN_TEXT: Final[Mapping[str, tuple[str, str]]] = {
    "welcome": (_("欢迎使用座位预约"), _("登录后即可选座、签到，并获取小程序的激活码。")),
    "welcome_without_wechat": (_("欢迎使用座位预约"), _("登录后即可选座、签到。")),
    "ticket_refused": (_("登录凭据已失效"), _("请重新登录；如反复出现，请关闭浏览器后再试。")),
    "cas_unavailable": (_("统一身份认证暂不可用"), _("请稍后再试，或到服务台办理。")),
    "several": (_("请选择登录方式"), _("用您所在单位的账号登录。")),
    "another_fails": (
        _("这种登录方式暂时连不上"),
        _("请稍后再试，或用另一种方式登录，或到服务台办理。"),
    ),
    "logged_out_elsewhere": (_("您已在别处退出登录"), _("请重新登录。")),
}
"""The heading and the text of pages for visitors without a session."""
SIGN_IN_HEADINGS: Final[Mapping[str, str]] = {
    "clock_wrong": _("暂时不能登录"),
    "entry_refused": _("没有登录成功"),
    "entry_unavailable": _("{campus_app}暂时连不上"),
}
"""Headings of the page after a sign-in was refused, by error code."""
REFUSED_HEADING: Final = _("这一步没有完成")
PAGE_NOT_SHOWN: Final = _("这一页暂时没有打开")
"""The heading of the error page if a page cannot be viewed for a while."""

_FLOORS: Final = "零一二三四五六七八九"


def floor_text(floor: Floor) -> Text:
    """The floor's own name, or 二层 or 地下一层."""
    if floor.name or floor.names:
        return label_text(floor)
    number = abs(floor.number)
    words = _FLOORS[number] if number < len(_FLOORS) else str(number)
    if floor.number < 0:
        return spelled("地下" + words + "层", "地下{number}层", number=number)
    return spelled(words + "层", "{number}层", number=number)


def seat_no_text(no: str) -> Text:
    return _("{no} 号", no=no) if no.isdecimal() else _p("letters", "{no} 号", no=no)


PASS_TEXT: Final[Mapping[str, str]] = {
    "reserved": _("{since}–{until} {check_in_by}签到"),
    "reported": _("不计签到时限"),
    "in_use": _("可用到 {clock}"),
    "presence": _("请在 {clock} 前扫码确认在座"),
    "away": _("请在 {clock} 前返回"),
}
"""The reader's next step, as the pass on a device says it, by state."""
PROOF_NUMBERS: Final[Mapping[str, str]] = {
    "acknowledged": _("确认的操作"),
    "bugs": _("放进去的错误"),
    "calls": _("检查的调用"),
    "days": _("天"),
    "faults": _("故障"),
    "found": _("查出的错误"),
    "late": _("拒绝之后才到的预约"),
    "operations": _("操作"),
    "readers": _("读者"),
    "runs": _("运行次数"),
    "scenarios": _("情形"),
    "schools": _("学校"),
    "seats": _("座位"),
    "states": _("不同的状态"),
    "steps": _("步骤"),
    "unknown": _("没有回答的操作"),
}
