from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TOPICS: Final[Mapping[str, tuple[str, str]]] = {
    "/console": ("daily-desk", "今日"),
    "/console/seats": ("daily-desk", "巡视"),
    "/console/reports": ("daily-desk", "座位被占"),
    "/console/faults": ("daily-desk", "报修"),
    "/console/appeals": ("daily-desk", "申诉与违约"),
    "/console/questions": ("daily-desk", "留言"),
    "/console/canned-answers": ("daily-desk", "留言"),
    "/console/groups": ("rules", "谁能坐哪里"),
    "/console/staff": ("setup", "馆员"),
    "/console/api-tokens": ("setup", "API 令牌"),
    "/console/setup": ("setup", "首次设置"),
    "/console/library": ("setup", "图书馆信息"),
    "/console/venues": ("setup", "场馆"),
    "/console/features": ("setup", "座位条件"),
    "/console/plans/import": ("setup", "楼层和座位"),
    "/console/readers": ("daily-desk", "读者"),
    "/console/reservations": ("daily-desk", "代读者操作"),
    "/console/seat-history": ("privacy", "谁在什么时候坐过这里"),
    "/console/code-sharing": ("daily-desk", "疑似代签到"),
    "/console/calendar": ("rules", "开放时间"),
    "/console/affected-bookings": ("rules", "受影响的预约"),
    "/console/rules": ("rules", "数字和开关"),
    "/console/plans": ("setup", "楼层和座位"),
    "/console/devices": ("setup", "选座机、查询机和闸机"),
    "/console/notices": ("exam-weeks", "公告"),
    "/console/alerts": ("daily-desk", "邮件提醒"),
    "/console/announcements": ("exam-weeks", "通知读者"),
    "/console/statistics": ("daily-desk", "统计"),
    "/console/deliveries": ("broken", "消息没有送到"),
    "/console/webhooks": ("setup", "对外通知"),
    "/console/audit": ("privacy", "操作记录"),
    "/console/handbook": ("README", "每一处都一样的事"),
}
"""The chapter and section that explain a console page, by the page's path or a prefix of it."""
