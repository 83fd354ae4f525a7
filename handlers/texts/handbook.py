from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from languages.text import _, _p

TOPICS: Final[Mapping[str, tuple[str, str]]] = {
    "/console": ("daily-desk", _("今日")),
    "/console/seats": ("daily-desk", _("巡视")),
    "/console/reports": ("daily-desk", _("座位被占")),
    "/console/faults": ("daily-desk", _p("reports", "报修")),
    "/console/appeals": ("daily-desk", _("申诉与违约")),
    "/console/rooms": ("daily-desk", _p("rooms", "研修间")),
    "/console/questions": ("daily-desk", _("留言")),
    "/console/canned-answers": ("daily-desk", _("留言")),
    "/console/groups": ("rules", _("谁能坐哪里")),
    "/console/staff": ("setup", _p("handbook", "馆员")),
    "/console/api-tokens": ("setup", _("API 令牌")),
    "/console/setup": ("setup", _("首次设置")),
    "/console/library": ("setup", _("图书馆信息")),
    "/console/venues": ("setup", _("场馆")),
    "/console/features": ("setup", _("座位条件")),
    "/console/room-settings": ("setup", _p("rooms", "研修间")),
    "/console/plans/import": ("setup", _("楼层和座位")),
    "/console/readers": ("daily-desk", _("读者")),
    "/console/reservations": ("daily-desk", _("代读者操作")),
    "/console/seat-history": ("privacy", _("谁在什么时候坐过这里")),
    "/console/code-sharing": ("daily-desk", _("疑似代签到")),
    "/console/calendar": ("rules", _("开放时间")),
    "/console/affected-bookings": ("rules", _("受影响的预约")),
    "/console/rules": ("rules", _("数字和开关")),
    "/console/plans": ("setup", _("楼层和座位")),
    "/console/devices": ("setup", _("选座机、查询机和闸机")),
    "/console/seasons": ("exam-weeks", _("学期座位和储物柜")),
    "/console/notices": ("exam-weeks", _("公告")),
    "/console/alerts": ("daily-desk", _("邮件提醒")),
    "/console/announcements": ("exam-weeks", _("通知读者")),
    "/console/statistics": ("daily-desk", _("统计")),
    "/console/deliveries": ("broken", _("消息没有送到")),
    "/console/backup": ("broken", _("备份")),
    "/console/webhooks": ("setup", _("对外通知")),
    "/console/audit": ("privacy", _("操作记录")),
    "/console/handbook": ("README", _("每一处都一样的事")),
}
"""The chapter and section that explain a console page, by the page's path or a prefix of it.
/console/backup is no page: the lines about backups on the first page lead to its section."""
