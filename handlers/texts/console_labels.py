from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from handlers.texts.deliveries import CHANNEL_WORDS
from handlers.texts.labels import STATE_TEXT
from handlers.texts.setup import MARK_TEXT_OF_STEP, PROFILE_FIELDS, STEP_TEXT
from models.code_sharing.service import MANY_USERS, READER_OUTSIDE
from models.identity.api_tokens import Scope
from models.library.entities import PresenceSource
from models.reader_groups.entities import MembershipSource
from models.staff.audit import AuditAction, AuditKind
from models.violations.staff import FOREVER_TEXT

ROLE_TEXT: Final[Mapping[str, str]] = {
    "viewer": "只读",
    "librarian": "馆员",
    "administrator": "管理员",
    "reader": "读者",
}
YES_NO: Final[Mapping[bool, str]] = {True: "是", False: "否"}

# --- the audit log --------------------------------------------------------------------------------
ACTION_LABELS: Final[Mapping[AuditAction, str]] = {
    AuditAction.CHECK_IN: "到馆签到",
    AuditAction.LEAVE: "暂离",
    AuditAction.FINISH: "结束",
    AuditAction.CANCEL: "取消",
    AuditAction.MOVE: "换座",
    AuditAction.ACCEPT_OFFER: "代为接受",
    AuditAction.DECLINE_OFFER: "代为放弃",
    AuditAction.RESOLVE_REPORT: "已清理",
    AuditAction.REJECT_REPORT: "没有被占",
    AuditAction.WAIVE: "免除违约",
    AuditAction.WAIVE_ALL: "批量免除",
    AuditAction.DECIDE_APPEAL: "答复申诉",
    AuditAction.UNBIND: "解除绑定",
    AuditAction.BOOK: "代为预约",
    AuditAction.NOTICE: "公告",
    AuditAction.ANNOUNCE: "通知读者",
    AuditAction.ADD_DEVICE: "新增设备",
    AuditAction.ROTATE_KEY: "更换密钥",
    AuditAction.PAIR_KIOSK: "配对屏幕",
    AuditAction.RETRY_DELIVERIES: "重发消息",
    AuditAction.ADD_WEBHOOK: "新增对外通知",
    AuditAction.CHANGE_WEBHOOK: "更改对外通知",
    AuditAction.ENABLE_WEBHOOK: "启用对外通知",
    AuditAction.DISABLE_WEBHOOK: "停用对外通知",
    AuditAction.ROTATE_WEBHOOK: "更换对外通知的密钥",
    AuditAction.END_WEBHOOK_SECRET: "对外通知的旧密钥失效",
    AuditAction.DELETE_WEBHOOK: "删除对外通知",
    AuditAction.RETRY_WEBHOOK: "再次发送对外通知",
    AuditAction.SUSPEND: "暂停预约",
    AuditAction.RELEASE: "解除暂停",
    AuditAction.SET_ACCOMMODATION: "更改特别关照",
    AuditAction.ADD_VISITOR: "登记访客",
    AuditAction.CHANGE_VISIT: "更改访客日期",
    AuditAction.REVEAL_CODE: "显示激活码",
    AuditAction.ISSUE_REVIEW_CODE: "发出审核访问码",
    AuditAction.REVOKE_REVIEW_CODE: "收回审核访问码",
    AuditAction.USE_REVIEW_CODE: "使用审核访问码",
    AuditAction.CONFIRM_BINDING: "确认绑定",
    AuditAction.REFUSE_BINDING: "拒绝绑定",
    AuditAction.REPLY: "答复留言",
    AuditAction.FEEDBACK_NOTE: "留言备注",
    AuditAction.CANNED_ANSWER: "常用答复",
    AuditAction.CLOSE_FAULT: "处理报修",
    AuditAction.CHANGE_POLICY: "更改规则",
    AuditAction.CHANGE_PLAN: "更改平面图",
    AuditAction.ADD_AREA: "新增区域",
    AuditAction.CHANGE_AREA: "更改区域",
    AuditAction.RETIRE_AREA: "停用区域",
    AuditAction.BRING_BACK_AREA: "恢复区域",
    AuditAction.DELETE_AREA: "删除区域",
    AuditAction.CHANGE_DEVICE: "更改设备",
    AuditAction.ORDER_DEVICES: "更改设备顺序",
    AuditAction.RETIRE_DEVICE: "停用设备",
    AuditAction.BRING_BACK_DEVICE: "恢复设备",
    AuditAction.DELETE_DEVICE: "删除设备",
    AuditAction.CHANGE_PICTURE: "更改底图",
    AuditAction.CHANGE_VENUE: "更改签到方式",
    AuditAction.SAVE_GROUP: "更改读者组",
    AuditAction.DELETE_GROUP: "删除读者组",
    AuditAction.SET_MEMBERSHIP: "更改读者的分组",
    AuditAction.IMPORT_MEMBERS: "导入名单",
    AuditAction.GRANT_ROLE: "更改馆员权限",
    AuditAction.CREATE_API_TOKEN: "创建 API 令牌",
    AuditAction.REVOKE_API_TOKEN: "撤销 API 令牌",
    AuditAction.SECOND_FACTOR: "设置动态口令",
    AuditAction.RESET_SECOND_FACTOR: "重置动态口令",
    AuditAction.ADD_VENUE: "新增场馆",
    AuditAction.RENAME_VENUE: "更改场馆名称",
    AuditAction.ORDER_VENUES: "更改场馆顺序",
    AuditAction.REMOVE_VENUE: "删除场馆",
    AuditAction.RETIRE_VENUE: "停用场馆",
    AuditAction.RESTORE_VENUE: "恢复场馆",
    AuditAction.CHANGE_PROFILE: "更改图书馆信息",
    AuditAction.SET_UP: "首次设置",
    AuditAction.RESOLVE_AFFECTED: "处理受影响的预约",
    AuditAction.LOOKED_UP: "查看读者",
    AuditAction.REVEAL_NUMBER: "显示学号",
    AuditAction.EXPORTED: "导出",
}
AUDIT_KIND_TEXT: Final[Mapping[AuditKind, str]] = {
    AuditKind.CHANGE: "更改",
    AuditKind.LOOK: "查看",
}
FACTS: Final[Mapping[str, str]] = {
    "state": "状态",
    "seat": "座位",
    "start": "开始",
    "end": "结束",
    "waived": "免除",
    "appeal_waits": "申诉待处理",
    "bound": "已绑定",
    "valid_until": "有效至",
    "suspended_until": "暂停至",
    "granted": "有特别关照",
    "card": "登记了卡",
    "first": "从",
    "last": "到",
    "reservation": "预约",
    "title": "标题",
    "body": "正文",
    "published_at": "发布",
    "until": "撤下",
    "pinned": "置顶",
    "name": "名称",
    "names": "其他语言",
    "floors": "楼层名",
    "repeated": "同一请求重发",
    "per_minute": "每分钟次数",
    "queued": "重新排队",
    "enabled": "启用",
    "told": "通知的读者",
    "answered": "已答复",
    "version": "规则版本",
    "change": "内容",
    "cancelled": "取消的预约",
    "offered": "保留了另一座位",
    "left": "未能取消",
    "rev": "平面图版本",
    "area": "区域",
    "floor": "楼层",
    "place": "本层顺序",
    "venue": "场馆",
    "found": "找到",
    "by_number": "按学号找到",
    "by_card": "按卡号找到",
    "by_name": "按姓名找到",
    "by_part": "按部分学号或姓名找到",
    "format": "文件",
    "presence_sources": "签到方式",
    "shown_name": "读者看到的名称",
    "default": "默认组",
    "max_minutes": "单次最长（分钟）",
    "booking_window_days": "可提前预约（天）",
    "reserved_areas": "专用区域",
    "reserved_seats": "专用座位",
    "patterns": "认证属性",
    "group": "读者组",
    "members": "更改的读者",
    "role": "角色",
    "venues": "场馆",
    "order": "顺序",
    "step": "步骤",
    "mark": "进度",
    **PROFILE_FIELDS,
    "picture": "底图",
    "picture_place": "底图位置",
    "browser": "浏览器",
    "since": "密钥自",
    "url": "地址",
    "description": "说明",
    "events": "事件",
    "personal": "含个人信息",
}
STATES: Final[Mapping[str, str]] = {
    **{state.value: text for state, text in STATE_TEXT.items()},
    FOREVER_TEXT: "长期",
    **STEP_TEXT,
    **MARK_TEXT_OF_STEP,
    "open": "待处理",
    "repaired": "已修好",
    "rejected": "不需要维修",
}
TARGET_TEXT: Final[Mapping[str, str]] = {
    "reservation": "预约",
    "reader": "读者",
    "notice": "公告",
    "announcement": "通知读者",
    "kiosk": "选座机",
    "gate": "闸机",
    "venue": "场馆",
    "violation": "违约",
    "violations": "违约",
    "question": "留言",
    "fault": "报修",
    "canned_answers": "常用答复",
    "rules": "规则",
    "readers": "读者",
    "seat": "座位",
    "deliveries": "消息",
    "webhook": "对外通知",
    "bookings": "预约",
    "group": "读者组",
    "profile": "图书馆信息",
    "setup": "首次设置",
    "venues": "场馆",
    "statistics": "统计",
    "api_token": "API 令牌",
}
PROGRAM_TEXT: Final = "程序"
"""The role that the audit log shows for entries of a program."""
SCOPE_TEXT: Final[Mapping[Scope, str]] = {
    Scope.CATALOG_READ: "查看场馆、区域、座位和公告",
    Scope.OCCUPANCY_READ: "查看空位",
    Scope.RESERVATIONS_READ: "查看全馆预约（读者用代号）",
    Scope.RESERVATIONS_WRITE: "按学号代读者预约、签到、暂离、结束和取消",
    Scope.STATISTICS_READ: "查看统计",
}
MEMBERSHIP_SOURCE_TEXT: Final[Mapping[MembershipSource, str]] = {
    MembershipSource.CAMPUS: "统一身份认证",
    MembershipSource.FILE: "名单",
    MembershipSource.DESK: "馆员登记",
}

# --- the dashboard --------------------------------------------------------------------------------
TROUBLE_TEXT: Final[Mapping[str, str]] = {
    "redis": "Redis 连不上（预约不受影响）",
    "occupancy": "座位图更新迟缓",
    "library": "还没有座位数据",
    "clock": "这台服务器的时间不准，暂不办理预约和签到，请联系系统管理员",
    **{
        channel.value: f"{words.messages}暂停发送，恢复后自动补发：见“消息”"
        for channel, words in CHANNEL_WORDS.items()
    },
}
"""Texts for the troubles that the readiness check reports, by the trouble's name."""
WAITING_TEXT: Final[Mapping[str, str]] = {
    "reports": "座位被占",
    "seats": "待巡视的座位",
    "appeals": "申诉",
    "questions": "留言",
    "faults": "报修",
    "affected-bookings": "受影响的预约",
    "deliveries": "发送失败的消息",
}

# --- devices, plans, notices, the patrol, code sharing --------------------------------------------
SOURCE_TEXT: Final[Mapping[PresenceSource, str]] = {
    PresenceSource.KIOSK: "选座机和查询机（扫码、刷卡）",
    PresenceSource.GATE: "闸机",
    PresenceSource.DESK: "服务台",
    PresenceSource.SEAT_LABEL: "座位码",
}
SOURCE_NOTE_TEXT: Final[Mapping[PresenceSource, str]] = {
    PresenceSource.DESK: "馆员随时可以代为签到；不选则不算作场馆的签到方式",
    PresenceSource.SEAT_LABEL: "安全性弱：码是固定的，拍下来的人不在馆内也能签到，只宜小型分馆使用",
}
LABELS_ALONE_TEXT: Final = (
    "这里只有座位码证明到馆。任何能开网页的屏幕（旧平板也可以）都能在下面添加为选座机，它的码不断更换，"
    "有了它就可以不选座位码；没有屏幕时，请馆员常“巡视”，人不在的座位点“暂离”，逾期释放。"
)
KIOSK_TEXT: Final[Mapping[str, str]] = {"seat_kiosk": "选座机", "query_terminal": "查询机"}
MARK_TEXT: Final[Mapping[str, str]] = {
    "wall": "墙壁",
    "window": "窗户",
    "bookshelf": "书架",
    "door": "门",
    "pillar": "柱子",
    "kiosk": "选座机",
}
NOTICE_TEXT: Final[Mapping[str, str]] = {
    "to_come": "未到发布时间",
    "over": "已撤下",
    "shown": "显示中",
}
PATROL_TEXT: Final[Mapping[str, str]] = {
    "free": "无人",
    "fault": "有 {count} 个报修",
    "occupied": "有读者报告座位被占",
    "doubted": "有读者反映座位无人",
    "disabled": "停用 {reason}",
    "not_checked_in": "未签到",
    "booked_from": "{start} 起有预约",
}
CODE_SHARING_TEXT: Final[Mapping[str, str]] = {
    READER_OUTSIDE: "闸机显示读者当时不在馆内",
    MANY_USERS: "同一个码有许多读者使用",
}
"""The reasons for which a check-in looks like code sharing, in words."""

# --- the policy and the opening hours -------------------------------------------------------------
WHOLE_LIBRARY: Final = "全馆"
AS_WHOLE_LIBRARY: Final = "同全馆"
UNLIMITED: Final = "不限"
SWITCH_TEXT: Final[Mapping[str, str]] = {
    "opening_draw": "放号瞬间抽签定先后",
    "away_timeout_is_violation": "暂离超时记违约",
    "accessible_only": "无障碍座位只供登记的读者",
    "hall_display": "大厅屏：不登录也能看各区域的空座数",
    "public_occupancy": "公开数据：其他网站也能读各区域的空座数",
    "filter_by_window": "读者可按靠窗筛选",
    "filter_by_power": "读者可按电源筛选",
}
POLICY_TIME_TEXT: Final[Mapping[str, str]] = {
    "booking_opens_at": "放号时间",
    "meal_times": "用餐时间",
}
REFUSAL_TEXT: Final[Mapping[str, str]] = {
    "closed": "未开放",
    "outside_horizon": "预约过早",
    "not_open_yet": "未到放号时间",
    "in_the_past": "已过时间",
    "off_grid": "不在整点或步长上",
    "too_short": "时间太短",
    "too_long": "时间太长",
    "daily_limit": "超过每天次数",
}
"""Names of the rules by which a changed policy would have refused last week's bookings, by error
code."""

# --- the export -----------------------------------------------------------------------------------
EXPORT_SHEET: Final = "预约"
EXPORT_HEADER: Final = (
    *("日期", "场馆", "楼层", "区域", "座位", "状态", "预约时间"),
    *("开始", "结束", "签到", "离开", "读者组", "读者代号"),
)
