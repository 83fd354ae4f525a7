"""Texts of the dashboard: what needs somebody now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from handlers.texts.deliveries import CHANNEL_WORDS
from languages.text import _, _p
from models.backup.entities import BackupTrouble

ALARM_TEXT: Final[Mapping[str, str]] = {
    "trouble": _("{name}：{what}"),
    "silent": _("{name} 没有响应"),
    "no_presence": _(
        "{venue}近 7 天没有任何签到方式起过作用：到时未签到的座位照常释放，但不记违约"
    ),
}
"""The dashboard's alarms. In ``trouble``, the text comes from ``TROUBLE_TEXT`` if the
trouble is a known one."""
TROUBLE_TEXT: Final[Mapping[str, str]] = {
    "redis": _("Redis 连不上（预约不受影响）"),
    "occupancy": _("座位图更新迟缓"),
    "library": _("还没有座位数据"),
    "clock": _("这台服务器的时间不准，暂不办理预约和签到，请联系系统管理员"),
    "jobs": _("后台任务停住了，提醒和到期的座位可能延误，请联系系统管理员"),
    "cas": _("统一身份认证没有响应，期间的签到时限顺延"),
    "kiosks": _("签到设备没有响应，期间的签到时限顺延：见“设备”"),
    "gates": _("闸机的时间不准，过闸记录可能不算：见“设备”"),
    **{
        channel.value: _("{messages}暂停发送，恢复后自动补发：见“消息”", messages=words.messages)
        for channel, words in CHANNEL_WORDS.items()
    },
}
"""Texts for the troubles that the readiness check reports, by the trouble's kind."""
WAITING_TEXT: Final[Mapping[str, str]] = {
    "reports": _("座位被占"),
    "seats": _("待巡视的座位"),
    "appeals": _p("appeals", "申诉"),
    "rooms": _("研修间申请"),
    "questions": _("留言"),
    "faults": _p("reports", "报修"),
    "affected-bookings": _("受影响的预约"),
    "deliveries": _("发送失败的消息"),
    "devices": _("设备"),
    "trouble": _("系统"),
}
"""The kinds of what waits for the staff, by the page on which it is decided."""
TASK_TEXT: Final[Mapping[str, str]] = {
    **WAITING_TEXT,
    "affected-bookings": _p("bookings", "预约"),
    "deliveries": _("消息"),
    "backup": _("备份"),
}
"""The kinds, where the text beside them has the words of ``WAITING_TEXT``."""
BACKUP_TEXT: Final[Mapping[BackupTrouble, str]] = {
    BackupTrouble.MISSING: _("还没有备份：数据库一旦丢失，预约和读者都找不回来"),
    BackupTrouble.FAILED: _("最近一次备份没有成功"),
    BackupTrouble.OLD: _("备份太旧，没有更新的"),
    BackupTrouble.UNREHEARSED: _("备份从来没有试着恢复过"),
    BackupTrouble.REHEARSAL_FAILED: _("最近一次恢复演练没有成功"),
    BackupTrouble.REHEARSAL_OLD: _("备份很久没有试着恢复了"),
}
