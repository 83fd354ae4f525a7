from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from languages.text import _, _p

TABLE_TEXT: Final[Mapping[str, str]] = {
    "days": _("每天"),
    "areas": _("各区域"),
    "hours": _("各时段"),
    "weekdays": _("每周各时段"),
    "seats": _("座位各时段"),
    "rooms": _("各研修间"),
    "room_months": _("研修间每月"),
}
"""Titles of the statistics' tables, which are also the names of the sheets in an XLSX file."""
COLUMN_TEXT: Final[Mapping[str, str]] = {
    "day": _("日期"),
    "weekday": _("星期"),
    "venue": _("场馆"),
    "floor": _("楼层"),
    "area": _("区域"),
    "hour": _("时段"),
    "seat": _p("column", "座位"),
    "utilisation": _("使用率"),
    "no_show_rate": _("失约率"),
    "booked": _p("bookings", "预约"),
    "checked_in": _p("figure", "签到"),
    "cancelled": _p("figure", "取消"),
    "no_show": _("失约"),
    "away_expired": _("暂离超时"),
    "used_hours": _("使用小时"),
    "room": _("研修间"),
    "month": _("月份"),
    "booked_rate": _("预约占开放时间"),
    "declined": _p("figure", "谢绝"),
    "released": _p("figure", "释放"),
    "booked_hours": _("预约小时"),
    "group": _("平均人数"),
    "note": _p("column", "说明"),
}
NO_DATA: Final = _("无数据")
CLOSED_DAY: Final = _("闭馆")
HOUR: Final = _("{hour:02}–{next:02} 时")
