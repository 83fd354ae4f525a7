"""The console's words: operations, facts of the audit log, states and roles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from handlers.texts.labels import STATE_TEXT
from models.staff.audit import AuditAction

ACTION_LABELS: Final[Mapping[AuditAction, str]] = {
    AuditAction.CHECK_IN: "到馆签到",
    AuditAction.LEAVE: "暂离",
    AuditAction.FINISH: "结束",
    AuditAction.CANCEL: "取消",
    AuditAction.MOVE: "换座",
    AuditAction.RESOLVE_REPORT: "已清理",
    AuditAction.WAIVE: "免除违约",
    AuditAction.WAIVE_ALL: "批量免除",
    AuditAction.DECIDE_APPEAL: "答复申诉",
    AuditAction.UNBIND: "解除绑定",
    AuditAction.BOOK: "代为预约",
    AuditAction.NOTICE: "公告",
    AuditAction.ADD_DEVICE: "新增设备",
    AuditAction.ROTATE_KEY: "更换密钥",
    AuditAction.RETRY_DELIVERIES: "重发消息",
    AuditAction.SUSPEND: "暂停预约",
    AuditAction.RELEASE: "解除暂停",
    AuditAction.SET_ACCOMMODATION: "更改特别关照",
    AuditAction.ADD_VISITOR: "登记访客",
    AuditAction.CHANGE_VISIT: "更改访客日期",
    AuditAction.REVEAL_CODE: "显示激活码",
    AuditAction.CONFIRM_BINDING: "确认绑定",
    AuditAction.REFUSE_BINDING: "拒绝绑定",
    AuditAction.REPLY: "答复留言",
    AuditAction.CHANGE_POLICY: "更改规则",
    AuditAction.CHANGE_PLAN: "更改平面图",
    AuditAction.ADD_AREA: "新增区域",
    AuditAction.RESOLVE_AFFECTED: "处理受影响的预约",
}
FACTS: Final = {
    "state": "状态",
    "seat": "座位",
    "start": "开始",
    "end": "结束",
    "waived": "免除",
    "appeal_waits": "申诉待处理",
    "bound": "已绑定",
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
    "queued": "重新排队",
    "answered": "已答复",
    "version": "规则版本",
    "change": "内容",
    "cancelled": "取消的预约",
    "offered": "保留了另一座位",
    "left": "未能取消",
    "rev": "平面图版本",
    "area": "区域",
    "floor": "楼层",
}
STATES: Final = {state.value: text for state, text in STATE_TEXT.items()}
ROLE_TEXT: Final = {"viewer": "只读", "librarian": "馆员", "administrator": "管理员"}
