"""Titles and texts of messages that other people cause: replies, decisions and announcements of the
staff, and friends who accept a seat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from languages.text import _
from models.fault_reports.entities import FaultKind
from models.reservations.room_booking import RoomState

JOINED: Final = "joined"
INVITED: Final = "invited"
ROOM: Final = "room"
"""The ends of the ids of messages to the askers of parties, to friends, and about rooms."""

TITLE_TEXT: Final[Mapping[str, str]] = {
    "feedback": _("服务台回复"),
    "fault": _("报修结果"),
    "appeal": _("申诉结果"),
    "waived": _("违约免除"),
    "suspension": _("暂停预约"),
    "renumbered": _("座位改号"),
    JOINED: _("同伴已接受"),
    INVITED: _("邀请您一起坐"),
    ROOM: _("研修间"),
}
MESSAGE_TEXT: Final[Mapping[str, str]] = {
    "feedback": _("您问：{question}\n\n答复：{answer}"),
    "fault_repaired": _("您报修的 {seat}（{kind}）已修好。图书馆：{answer}"),
    "fault_rejected": _("您报修的 {seat}（{kind}）已查看，不需要维修。图书馆：{answer}"),
    "appeal_granted": _("您对{violation}的申诉已通过，违约已免除。答复：{answer}"),
    "appeal_rejected": _("您对{violation}的申诉未予免除。答复：{answer}"),
    "waived": _("{violation}已由图书馆免除，原因：{reason}"),
    "suspended": _("图书馆已暂停您的预约，至 {until}，已有预约仍然有效。原因：{reason}"),
    "banned": _("图书馆已长期暂停您的预约，直到图书馆解除，已有预约仍然有效。原因：{reason}"),
    "released": _("图书馆已解除您的暂停预约，原因：{reason}"),
    "renumbered": _("您预约的座位改号：{was}号 现在是 {seat}，{span}，座位没有变。"),
    INVITED: _("{name}邀请您坐在一起：{seat}，{span}。座位为您保留到 {until}。"),
    JOINED: _("同伴接受了您的邀请：{seat}，{span}。"),
    "answer": _("图书馆：{answer}"),
    "violation": _("{day}的违约（{kind}）"),
}
ROOM_TEXT: Final[Mapping[RoomState, str]] = {
    RoomState.RESERVED: _("{room}，{span} 的申请已批准。"),
    RoomState.DECLINED: _("{room}，{span} 的申请没有获得批准。"),
    RoomState.RELEASED: _("{room}，{span}：确认参加的人不够，房间已释放。"),
    RoomState.CANCELLED: _("{room}，{span} 的预约已由预约人取消。"),
    RoomState.NO_SHOW: _("{room}，{span} 没有人签到，房间已释放。"),
}
ROOM_CHANGED: Final = _("{was}，{was_span} 的预约，预约人已改到 {room}，{span}。")
ROOM_CANCELLED: Final = _("{room}，{span} 的预约已由图书馆取消。")
MISSED_ROOM: Final = _("记违约一次。")
MISSED_ONCE_MORE: Final = _("当天已计一次违约，本次不计。")
SUSPENDED_FOR_ROOM: Final = _("预约资格暂停到 {until}。")
RENUMBERED_TIP: Final = "座位改号，位置没有变"
FAULT_TEXT: Final[Mapping[FaultKind, str]] = {
    FaultKind.CHAIR: _("座椅"),
    FaultKind.DESK: _("桌子"),
    FaultKind.SOCKET: _("插座"),
    FaultKind.LAMP: _("灯"),
    FaultKind.OTHER: _("其他"),
}
VIOLATION_TEXT: Final[Mapping[str, str]] = {
    "no_show": _("未按时签到"),
    "away_timeout": _("暂离超时"),
}
