from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TABLE_TEXT: Final[Mapping[str, str]] = {
    "days": "每天",
    "areas": "各区域",
    "hours": "各时段",
    "weekdays": "每周各时段",
    "seats": "座位各时段",
}
"""Titles of the statistics' tables, which are also the names of the sheets in an XLSX file."""
COLUMN_TEXT: Final[Mapping[str, str]] = {
    "day": "日期",
    "weekday": "星期",
    "venue": "场馆",
    "floor": "楼层",
    "area": "区域",
    "hour": "时段",
    "seat": "座位",
    "utilisation": "使用率",
    "no_show_rate": "失约率",
    "booked": "预约",
    "checked_in": "签到",
    "cancelled": "取消",
    "no_show": "失约",
    "away_expired": "暂离超时",
    "used_hours": "使用小时",
    "note": "说明",
}
NO_DATA: Final = "无数据"
CLOSED_DAY: Final = "闭馆"
HOUR: Final = "{hour:02}–{next:02} 时"
WEEKDAY: Final = "周{name}"
