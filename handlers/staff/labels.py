"""TODO docstring."""

from __future__ import annotations

from typing import Final

from handlers.texts.labels import STATE_TEXT

VERBS: Final = {
    "check_in": "到馆签到",
    "leave": "暂离",
    "finish": "结束",
    "cancel": "取消",
    "move": "换座",
    "resolve": "已清理",
    "waive": "免除违约",
    "waive_all": "批量免除",
    "settle_appeal": "答复申诉",
    "unbind": "解除绑定",
    "book": "代为预约",
    "notice": "公告",
    "device": "新增设备",
    "rotate": "更换密钥",
    "retry": "重发消息",
    "suspend": "暂停预约",
    "release": "解除暂停",
    "allow": "更改特别关照",
    "visitor": "登记访客",
    "stay": "更改访客日期",
    "code": "显示激活码",
    "bind": "确认绑定",
    "refuse_binding": "拒绝绑定",
    "answer": "答复留言",
    "rules": "更改规则",
    "plan": "更改平面图",
    "area": "新增区域",
    "misfits": "处理受影响的预约",
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
