from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from handlers.texts.labels import ROOM_STATE_TEXT
from handlers.texts.setup import MARK_TEXT_OF_STEP, PROFILE_FIELDS, STEP_TEXT
from languages.text import _, _n, _p
from models.code_sharing.service import MANY_USERS, READER_OUTSIDE
from models.identity.api_tokens import Scope
from models.library.entities import PresenceSource
from models.library.rooms import RequestAnswer
from models.reader_groups.entities import MembershipSource
from models.staff.audit import AuditAction, AuditKind
from models.violations.staff import FOREVER_TEXT

ROLE_TEXT: Final[Mapping[str, str]] = {
    "viewer": _("只读"),
    "librarian": _("馆员"),
    "administrator": _("管理员"),
    "reader": _p("column", "读者"),
}
YES_NO: Final[Mapping[bool, str]] = {True: _("是"), False: _("否")}

# --- the audit log --------------------------------------------------------------------------------
ACTION_LABELS: Final[Mapping[AuditAction, str]] = {
    AuditAction.CHECK_IN: _("到馆签到"),
    AuditAction.LEAVE: _("暂离"),
    AuditAction.FINISH: _("结束"),
    AuditAction.CANCEL: _("取消"),
    AuditAction.MOVE: _("换座"),
    AuditAction.ACCEPT_OFFER: _("代为接受"),
    AuditAction.DECLINE_OFFER: _("代为放弃"),
    AuditAction.END_PARTY: _("不再为同伴保留"),
    AuditAction.APPROVE_ROOM: _("同意研修间申请"),
    AuditAction.DECLINE_ROOM: _("谢绝研修间申请"),
    AuditAction.BLOCK_ROOM: _("占用研修间"),
    AuditAction.CHANGE_BLOCK: _("更改研修间占用"),
    AuditAction.END_BLOCK: _("取消研修间占用"),
    AuditAction.RESTORE_BLOCK: _("恢复研修间占用"),
    AuditAction.RESOLVE_REPORT: _("已清理"),
    AuditAction.REJECT_REPORT: _("没有被占"),
    AuditAction.WAIVE: _("免除违约"),
    AuditAction.WAIVE_ALL: _("批量免除"),
    AuditAction.DECIDE_APPEAL: _("答复申诉"),
    AuditAction.UNBIND: _("解除绑定"),
    AuditAction.BOOK: _("代为预约"),
    AuditAction.NOTICE: _("公告"),
    AuditAction.ANNOUNCE: _("通知读者"),
    AuditAction.ADD_DEVICE: _("新增设备"),
    AuditAction.ROTATE_KEY: _("更换密钥"),
    AuditAction.PAIR_KIOSK: _("配对屏幕"),
    AuditAction.RETRY_DELIVERIES: _("重发消息"),
    AuditAction.ADD_WEBHOOK: _("新增对外通知"),
    AuditAction.CHANGE_WEBHOOK: _("更改对外通知"),
    AuditAction.ENABLE_WEBHOOK: _("启用对外通知"),
    AuditAction.DISABLE_WEBHOOK: _("停用对外通知"),
    AuditAction.ROTATE_WEBHOOK: _("更换对外通知的密钥"),
    AuditAction.END_WEBHOOK_SECRET: _("对外通知的旧密钥失效"),
    AuditAction.DELETE_WEBHOOK: _("删除对外通知"),
    AuditAction.RETRY_WEBHOOK: _("再次发送对外通知"),
    AuditAction.SUSPEND: _("暂停预约"),
    AuditAction.RELEASE: _("解除暂停"),
    AuditAction.SET_ACCOMMODATION: _("更改特别关照"),
    AuditAction.ADD_VISITOR: _("登记访客"),
    AuditAction.CHANGE_VISIT: _("更改访客日期"),
    AuditAction.REVEAL_CODE: _("显示激活码"),
    AuditAction.ISSUE_REVIEW_CODE: _("发出审核访问码"),
    AuditAction.REVOKE_REVIEW_CODE: _("收回审核访问码"),
    AuditAction.USE_REVIEW_CODE: _("使用审核访问码"),
    AuditAction.CONFIRM_BINDING: _("确认绑定"),
    AuditAction.REFUSE_BINDING: _("拒绝绑定"),
    AuditAction.REPLY: _("答复留言"),
    AuditAction.FEEDBACK_NOTE: _("留言备注"),
    AuditAction.CANNED_ANSWER: _p("action", "常用答复"),
    AuditAction.CLOSE_FAULT: _("处理报修"),
    AuditAction.CHANGE_POLICY: _("更改规则"),
    AuditAction.CHANGE_PLAN: _("更改平面图"),
    AuditAction.ADD_AREA: _("新增区域"),
    AuditAction.CHANGE_AREA: _("更改区域"),
    AuditAction.RETIRE_AREA: _("停用区域"),
    AuditAction.BRING_BACK_AREA: _("恢复区域"),
    AuditAction.DELETE_AREA: _("删除区域"),
    AuditAction.CHANGE_DEVICE: _("更改设备"),
    AuditAction.ORDER_DEVICES: _("更改设备顺序"),
    AuditAction.RETIRE_DEVICE: _("停用设备"),
    AuditAction.BRING_BACK_DEVICE: _("恢复设备"),
    AuditAction.DELETE_DEVICE: _("删除设备"),
    AuditAction.CHANGE_PICTURE: _("更改底图"),
    AuditAction.CHANGE_VENUE: _("更改签到方式"),
    AuditAction.SAVE_GROUP: _("更改读者组"),
    AuditAction.DELETE_GROUP: _("删除读者组"),
    AuditAction.SET_MEMBERSHIP: _("更改读者的分组"),
    AuditAction.IMPORT_MEMBERS: _("导入名单"),
    AuditAction.GRANT_ROLE: _("更改馆员权限"),
    AuditAction.CREATE_API_TOKEN: _("创建 API 令牌"),
    AuditAction.REVOKE_API_TOKEN: _("撤销 API 令牌"),
    AuditAction.SECOND_FACTOR: _("设置动态口令"),
    AuditAction.RESET_SECOND_FACTOR: _("重置动态口令"),
    AuditAction.ADD_VENUE: _("新增场馆"),
    AuditAction.RENAME_VENUE: _("更改场馆名称"),
    AuditAction.ORDER_VENUES: _("更改场馆顺序"),
    AuditAction.REMOVE_VENUE: _("删除场馆"),
    AuditAction.RETIRE_VENUE: _("停用场馆"),
    AuditAction.RESTORE_VENUE: _("恢复场馆"),
    AuditAction.ADD_FEATURE: _("新增座位条件"),
    AuditAction.CHANGE_FEATURE: _("更改座位条件"),
    AuditAction.RETIRE_FEATURE: _("停用座位条件"),
    AuditAction.RESTORE_FEATURE: _("恢复座位条件"),
    AuditAction.ADD_ROOM: _("新增研修间"),
    AuditAction.CHANGE_ROOM: _("更改研修间"),
    AuditAction.RETIRE_ROOM: _("停用研修间"),
    AuditAction.RESTORE_ROOM: _("恢复研修间"),
    AuditAction.CHANGE_ROOM_CALENDAR: _("更改研修间的日历订阅"),
    AuditAction.ANNOUNCE_SEASON: _("公布学期座位"),
    AuditAction.START_FREEZE_SEASON: _("发起封存名单"),
    AuditAction.FREEZE_SEASON: _("封存名单"),
    AuditAction.START_DRAW_SEASON: _("发起抽签"),
    AuditAction.DRAW_SEASON: _("抽签"),
    AuditAction.ABORT_SEASON: _("中止学期座位"),
    AuditAction.TAKE_BACK_SEASON: _("收回学期座位"),
    AuditAction.CHANGE_PROFILE: _("更改图书馆信息"),
    AuditAction.SET_UP: _("首次设置"),
    AuditAction.RESOLVE_AFFECTED: _("处理受影响的预约"),
    AuditAction.LOOKED_UP: _("查看读者"),
    AuditAction.REVEAL_NUMBER: _("显示学号"),
    AuditAction.EXPORTED: _("导出"),
}
AUDIT_KIND_TEXT: Final[Mapping[AuditKind, str]] = {
    AuditKind.CHANGE: _("更改"),
    AuditKind.LOOK: _("查看"),
}
ROOM_TEXT: Final[Mapping[str, str]] = {
    "least": _("最少人数"),
    "most": _("最多人数"),
    "equipment": _("设备（用顿号隔开）"),
    "min_minutes": _("一次最短（分钟）"),
    "max_minutes": _("一次最长（分钟）"),
    "step_minutes": _("开始和结束的间隔（分钟，30 的倍数）"),
    "days_ahead": _("可提前预约（天）"),
    "bookings_a_week": _("每人每周最多（次，各研修间合计）"),
    "buffer_minutes": _("用完后空出多久，供整理"),
    "purpose_wanted": _("预约时要写用途"),
    "confirm_minutes": _("开始前多少分钟要有最少人数确认，不够就释放（留空则不要求）"),
    "unanswered": _("馆员同意（开始前一小时截止）"),
    "groups": _("只供这些读者组预约（都不选则人人可约）"),
}
"""The names of a study room's values, in its form and in the audit log."""
ROOM_ACTS: Final[Mapping[AuditAction, str]] = {
    AuditAction.CHECK_IN: _("代为签到"),
    AuditAction.FINISH: _("代为结束"),
    AuditAction.CANCEL: _("取消预约"),
}
"""The buttons of what the desk does for the people of a study room."""
FACTS: Final[Mapping[str, str]] = {
    **PROFILE_FIELDS,  # first, since other things have titles as well
    **ROOM_TEXT,
    "hours": _("开放时间"),
    "retired": _("已停用"),
    "state": _("状态"),
    "seat": _p("column", "座位"),
    "room": _("研修间"),
    "start": _("开始"),
    "end": _p("fact", "结束"),
    "blocked_days": _("占用的天数"),
    "waived": _p("fact", "免除"),
    "appeal_waits": _("申诉待处理"),
    "bound": _("已绑定"),
    "valid_until": _("有效至"),
    "suspended_until": _("暂停至"),
    "granted": _("有特别关照"),
    "card": _("登记了卡"),
    "first": _("从"),
    "last": _p("label", "到"),
    "reservation": _p("target", "预约"),
    "title": _("标题"),
    "body": _("正文"),
    "published_at": _p("fact", "发布"),
    "until": _("撤下"),
    "pinned": _("置顶"),
    "name": _("名称"),
    "floors": _("楼层名"),
    "repeated": _("同一请求重发"),
    "per_minute": _("每分钟次数"),
    "queued": _("重新排队"),
    "enabled": _p("fact", "启用"),
    "told": _("通知的读者"),
    "answered": _("已答复"),
    "version": _("规则版本"),
    "change": _p("fact", "内容"),
    "cancelled": _("取消的预约"),
    "offered": _("保留了另一座位"),
    "left": _("未能取消"),
    "rev": _("平面图版本"),
    "area": _("区域"),
    "floor": _("楼层"),
    "place": _("本层顺序"),
    "position": _("第几个"),
    "names": _("各语言的名称"),
    "icon": _("图标"),
    "filter": _("读者可按它筛选座位"),
    "venue": _p("label", "场馆"),
    "found": _("找到"),
    "by_number": _("按学号找到"),
    "by_card": _("按卡号找到"),
    "by_name": _("按姓名找到"),
    "by_part": _("按部分学号或姓名找到"),
    "format": _("文件"),
    "presence_sources": _("签到方式"),
    "shown_name": _("读者看到的名称"),
    "default": _("默认组"),
    "max_minutes": _("单次最长（分钟）"),
    "booking_window_days": _("可提前预约（天）"),
    "reserved_areas": _("专用区域"),
    "reserved_seats": _("专用座位"),
    "patterns": _("认证属性"),
    "group": _p("label", "读者组"),
    "members": _("更改的读者"),
    "role": _("角色"),
    "venues": _("场馆"),
    "order": _("顺序"),
    "step": _p("fact", "步骤"),
    "mark": _("进度"),
    "picture": _("底图"),
    "picture_place": _("底图位置"),
    "room_place": _("平面图上的位置"),
    "room_picture": _("照片"),
    "calendar_since": _("日历订阅地址生成于"),
    "browser": _("浏览器"),
    "since": _("密钥自"),
    "url": _("地址"),
    "description": _("说明"),
    "events": _("事件"),
    "personal": _("含个人信息"),
}
STATES: Final[Mapping[str, str]] = {
    **ROOM_STATE_TEXT,
    RequestAnswer.APPROVE: _("没有答复则同意"),
    RequestAnswer.DECLINE: _("没有答复则谢绝"),
    FOREVER_TEXT: _p("state", "长期"),
    **STEP_TEXT,
    **MARK_TEXT_OF_STEP,
    "open": _("待处理"),
    "repaired": _("已修好"),
    "rejected": _("不需要维修"),
}
TARGET_TEXT: Final[Mapping[str, str]] = {
    "reservation": _p("target", "预约"),
    "reader": _p("column", "读者"),
    "notice": _("公告"),
    "announcement": _("通知读者"),
    "kiosk": _("选座机"),
    "gate": _("闸机"),
    "venue": _p("label", "场馆"),
    "room": _("研修间"),
    "room-requests": _("研修间申请"),
    "violation": _p("target", "违约"),
    "violations": _("违约"),
    "question": _p("target", "留言"),
    "fault": _p("target", "报修"),
    "canned_answers": _("常用答复"),
    "rules": _("规则"),
    "readers": _("读者"),
    "seat": _p("column", "座位"),
    "deliveries": _("消息"),
    "webhook": _p("target", "对外通知"),
    "bookings": _p("bookings", "预约"),
    "group": _p("label", "读者组"),
    "feature": _("座位条件"),
    "profile": _("图书馆信息"),
    "setup": _("首次设置"),
    "venues": _("场馆"),
    "statistics": _("统计"),
    "api_token": _p("target", "API 令牌"),
}
PROGRAM_TEXT: Final = _("程序")
"""The role that the audit log shows for entries of a program."""
SCOPE_TEXT: Final[Mapping[Scope, str]] = {
    Scope.CATALOG_READ: _("查看场馆、区域、座位和公告"),
    Scope.OCCUPANCY_READ: _("查看空位"),
    Scope.RESERVATIONS_READ: _("查看全馆预约（读者用代号）"),
    Scope.RESERVATIONS_WRITE: _(
        "按学号代读者预约、签到、暂离、结束和取消；答复研修间申请，占用研修间"
    ),
    Scope.STATISTICS_READ: _("查看统计"),
}
MEMBERSHIP_SOURCE_TEXT: Final[Mapping[MembershipSource, str]] = {
    MembershipSource.CAMPUS: _("统一身份认证"),
    MembershipSource.FILE: _("名单"),
    MembershipSource.DESK: _("馆员登记"),
}

# --- devices, plans, notices, the patrol, code sharing --------------------------------------------
SOURCE_TEXT: Final[Mapping[PresenceSource, str]] = {
    PresenceSource.KIOSK: _("选座机和查询机（扫码、刷卡）"),
    PresenceSource.GATE: _("闸机"),
    PresenceSource.DESK: _("服务台"),
    PresenceSource.SEAT_LABEL: _("座位码"),
}
SOURCE_NOTE_TEXT: Final[Mapping[PresenceSource, str]] = {
    PresenceSource.DESK: _("馆员随时可以代为签到；不选则不算作场馆的签到方式"),
    PresenceSource.SEAT_LABEL: _(
        "安全性弱：码是固定的，拍下来的人不在馆内也能签到，只宜小型分馆使用"
    ),
}
LABELS_ALONE_TEXT: Final = _(
    "这里只有座位码证明到馆。任何能开网页的屏幕（旧平板也可以）都能在下面添加为选座机，"
    "它的码不断更换，"
    "有了它就可以不选座位码；没有屏幕时，请馆员常“巡视”，人不在的座位点“暂离”，逾期释放。"
)
KIOSK_TEXT: Final[Mapping[str, str]] = {"seat_kiosk": _("选座机"), "query_terminal": _("查询机")}
MARK_TEXT: Final[Mapping[str, str]] = {
    "wall": _("墙壁"),
    "window": _("窗户"),
    "bookshelf": _("书架"),
    "door": _("门"),
    "pillar": _("柱子"),
    "kiosk": _("选座机"),
}
NOTICE_TEXT: Final[Mapping[str, str]] = {
    "to_come": _("未到发布时间"),
    "over": _("已撤下"),
    "shown": _("显示中"),
}
PATROL_TEXT: Final[Mapping[str, str]] = {
    "free": _("无人"),
    "occupied": _("有读者报告座位被占"),
    "doubted": _("有读者反映座位无人"),
    "disabled": _("停用 {reason}"),
    "not_checked_in": _("未签到"),
    "booked_from": _("{start} 起有预约"),
    "party": _("为同伴保留"),
}


def fault_reports_text(count: int) -> str:
    return _n("有 {n} 个报修", count)


CODE_SHARING_TEXT: Final[Mapping[str, str]] = {
    READER_OUTSIDE: _("闸机显示读者当时不在馆内"),
    MANY_USERS: _("同一个码有许多读者使用"),
}
"""The reasons for which a check-in looks like code sharing, in words."""

# --- the policy and the opening hours -------------------------------------------------------------
WHOLE_LIBRARY: Final = _("全馆")
AS_WHOLE_LIBRARY: Final = _("同全馆")
UNLIMITED: Final = _p("number", "不限")
SWITCH_TEXT: Final[Mapping[str, str]] = {
    "opening_draw": _("放号瞬间抽签定先后"),
    "away_timeout_is_violation": _("暂离超时记违约"),
    "accessible_only": _("无障碍座位只供登记的读者"),
    "hall_display": _("大厅屏和门口屏：不登录也能看各区域的空座数、各研修间是否空闲"),
    "public_occupancy": _("公开数据：其他网站也能读各区域的空座数"),
    "filter_by_window": _("读者可按靠窗筛选"),
    "filter_by_power": _("读者可按电源筛选"),
}
POLICY_SECTIONS: Final[Mapping[str, tuple[str, Sequence[str]]]] = {
    "booking": (
        _p("section", "预约"),
        [
            *("step_minutes", "min_minutes", "max_minutes", "daily_booking_limit"),
            *("booking_window_days", "booking_opens_at", "opening_draw", "accessible_only"),
            *("party_people", "parties_a_day", "party_share_percent"),
        ],
    ),
    "check-in": (
        _p("section", "签到"),
        [
            *("check_in_before_minutes", "check_in_after_minutes"),
            *("presence_check_minutes", "kiosk_code_seconds"),
        ],
    ),
    "leave": (
        _("暂离与续约"),
        [
            *("leave_minutes", "meal_leave_minutes", "meal_times", "leave_reminder_minutes"),
            *("extend_within_minutes", "max_extensions", "ending_soon_minutes"),
        ],
    ),
    "violations": (
        _("违约与暂停"),
        [
            *("violations_limit", "violations_window_days", "suspension_days"),
            "away_timeout_is_violation",
        ],
    ),
    "screens": (
        _("筛选与公开"),
        ["filter_by_window", "filter_by_power", "hall_display", "public_occupancy"],
    ),
}
"""The sections of the page of rules: what each is about, and the names of its values."""
POLICY_TIME_TEXT: Final[Mapping[str, str]] = {
    "booking_opens_at": _("放号时间"),
    "meal_times": _("用餐时间"),
}
REFUSAL_TEXT: Final[Mapping[str, str]] = {
    "closed": _("未开放"),
    "outside_horizon": _("预约过早"),
    "not_open_yet": _("未到放号时间"),
    "in_the_past": _("已过时间"),
    "off_grid": _("不在整点或步长上"),
    "too_short": _("时间太短"),
    "too_long": _("时间太长"),
    "daily_limit": _("超过每天次数"),
}
"""Names of the rules by which a changed policy would have refused last week's bookings, by error
code."""

# --- the export -----------------------------------------------------------------------------------
EXPORT_SHEET: Final = _p("bookings", "预约")
EXPORT_HEADER: Final = (
    *(
        _("日期"),
        _p("label", "场馆"),
        _("楼层"),
        _("区域"),
        _p("column", "座位"),
        _("状态"),
        _("预约时间"),
    ),
    *(
        _("开始"),
        _p("fact", "结束"),
        _p("figure", "签到"),
        _p("column", "离开"),
        _p("label", "读者组"),
        _("读者代号"),
    ),
)
ROOM_EXPORT_SHEET: Final = _("研修间")
ROOM_EXPORT_HEADER: Final = (
    *(_("日期"), _p("label", "场馆"), _("楼层"), _("研修间"), _("状态"), _("预约时间")),
    *(_("开始"), _p("fact", "结束"), _p("figure", "签到"), _p("column", "离开")),
    *(_("确认人数"), _p("label", "读者组"), _("读者代号")),
)
