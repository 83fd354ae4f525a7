"""Titles and texts of messages that the staff cause: replies, decisions, announcements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from models.fault_reports.entities import FaultKind

TITLE_TEXT: Final[Mapping[str, str]] = {
    "feedback": "服务台回复",
    "fault": "报修结果",
    "appeal": "申诉结果",
    "waived": "违约免除",
    "suspension": "暂停预约",
    "renumbered": "座位改号",
}
MESSAGE_TEXT: Final[Mapping[str, str]] = {
    "feedback": "您问：{question}\n\n答复：{answer}",
    "fault_repaired": "您报修的 {seat}（{kind}）已修好。图书馆：{answer}",
    "fault_rejected": "您报修的 {seat}（{kind}）已查看，不需要维修。图书馆：{answer}",
    "appeal_granted": "您对{violation}的申诉已通过，违约已免除。答复：{answer}",
    "appeal_rejected": "您对{violation}的申诉未予免除。答复：{answer}",
    "waived": "{violation}已由图书馆免除，原因：{reason}",
    "suspended": "图书馆已暂停您的预约，至 {until}，已有预约仍然有效。原因：{reason}",
    "banned": "图书馆已长期暂停您的预约，直到图书馆解除，已有预约仍然有效。原因：{reason}",
    "released": "图书馆已解除您的暂停预约，原因：{reason}",
    "renumbered": "您预约的座位改号：{was}号 现在是 {seat}，{span}，座位没有变。",
    "violation": "{month}月{day}日的违约（{kind}）",
}
RENUMBERED_TIP: Final = "座位改号，位置没有变"
FAULT_TEXT: Final[Mapping[FaultKind, str]] = {
    FaultKind.CHAIR: "座椅",
    FaultKind.DESK: "桌子",
    FaultKind.SOCKET: "插座",
    FaultKind.LAMP: "灯",
    FaultKind.OTHER: "其他",
}
VIOLATION_TEXT: Final[Mapping[str, str]] = {"no_show": "未按时签到", "away_timeout": "暂离超时"}
