"""The phrases that fill the placeholders in the rules, and sentences on values of the policy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import time
from typing import Any, Final

from handlers.texts.labels import days_text
from handlers.texts.opening import WHOLE_DAY, clock_hours_text
from handlers.texts.pages import floor_text
from handlers.texts.policy import meal_times_text
from languages.text import CountedText, Text, _, _n, _p, joined, spelled
from models.library.entities import Area, Catalog, CheckInWay, Venue
from models.library.names import Floor, label_text
from models.policy.opening import OpeningPlace

_Count = Callable[[int], CountedText]


def _minutes(n: int) -> CountedText:
    return _n("{n} 分钟", n)


def _days(n: int) -> CountedText:
    return _n("{n} 天", n)


COUNTED: Final[Mapping[str, _Count]] = {
    "min_minutes": _minutes,
    "daily_booking_limit": lambda n: _n("{n} 次预约", n),
    "check_in_before_minutes": _minutes,
    "check_in_after_minutes": _minutes,
    "leave_minutes": _minutes,
    "meal_leave_minutes": _minutes,
    "extend_within_minutes": _minutes,
    "max_extensions": lambda n: _n("{n} 次", n),
    "booking_window_days": _days,
    "violations_limit": lambda n: _n("{n} 次违约", n),
    "violations_window_days": _days,
    "suspension_days": _days,
}
"""The numbers of the rules with what they count, by the name of the value."""
_NUMBERS: Final[Mapping[str, _Count]] = {
    "step_minutes": lambda n: _n("预约步长 {n} 分钟", n),
    "min_minutes": lambda n: _n("单次最短时长 {n} 分钟", n),
    "max_minutes": lambda n: _n("单次最长时长 {n} 分钟", n),
    "daily_booking_limit": lambda n: _n("每人每天预约 {n} 次", n),
    "party_people": lambda n: _n("最多 {n} 人一起坐", n),
    "parties_a_day": lambda n: _n("每人每天为同伴留座 {n} 次", n),
    "party_share_percent": lambda n: _n("一起坐最多占区域座位的 {n}%", n),
    "check_in_before_minutes": lambda n: _n("开始前可签到 {n} 分钟", n),
    "check_in_after_minutes": lambda n: _n("开始后可签到 {n} 分钟", n),
    "leave_minutes": lambda n: _n("暂离 {n} 分钟", n),
    "meal_leave_minutes": lambda n: _n("用餐时暂离 {n} 分钟", n),
    "extend_within_minutes": lambda n: _n("结束前可续约 {n} 分钟", n),
    "max_extensions": lambda n: _n("最多续约 {n} 次", n),
    "booking_window_days": lambda n: _n("可提前预约 {n} 天", n),
    "ending_soon_minutes": lambda n: _n("结束前提醒 {n} 分钟", n),
    "leave_reminder_minutes": lambda n: _n("暂离到期前提醒 {n} 分钟", n),
    "presence_check_minutes": lambda n: _n("被反映无人后的返回时限 {n} 分钟", n),
    "kiosk_code_seconds": lambda n: _n("动态码更换 {n} 秒", n),
    "violations_limit": lambda n: _n("暂停前允许违约 {n} 次", n),
    "violations_window_days": lambda n: _n("违约统计 {n} 天", n),
    "suspension_days": lambda n: _n("暂停预约 {n} 天", n),
}
_SWITCHES: Final[Mapping[str, tuple[Text, Text]]] = {
    "opening_draw": (_("放号瞬间不抽签"), _p("in a sentence", "放号瞬间抽签定先后")),
    "away_timeout_is_violation": (_("暂离超时不记违约"), _p("in a sentence", "暂离超时记违约")),
    "accessible_only": (_("无障碍座位人人可约"), _p("in a sentence", "无障碍座位只供登记的读者")),
    "hall_display": (_("大厅屏和门口屏关闭"), _("大厅屏和门口屏打开")),
    "public_occupancy": (_("不公开空座数"), _("公开各区域的空座数")),
    "filter_by_window": (_("不能按靠窗筛选"), _("可按靠窗筛选")),
    "filter_by_power": (_("不能按电源筛选"), _("可按电源筛选")),
}
"""The sentences for a switch that is off and for one that is on."""
_TIMES: Final[Mapping[str, tuple[Text, Text]]] = {
    "booking_opens_at": (_("放号时间不限"), _("放号时间 {times}")),
    "meal_times": (_p("in a sentence", "没有用餐时间"), _("用餐时间 {times}")),
}
"""The sentences without times and with times."""
CHECK_IN_BY: Final[Mapping[CheckInWay, Text]] = {
    CheckInWay.KIOSK: _("到选座机或查询机扫描动态二维码签到"),
    CheckInWay.KIOSK_OR_LABEL: _("到选座机、查询机扫码或扫座位码签到"),
    CheckInWay.SEAT_LABEL: _("扫座位码签到"),
    CheckInWay.GATE: _("从闸机入馆签到"),
    CheckInWay.DESK: _("到服务台签到"),
}
NAMES: Final = "、"
CLAUSES: Final = "，"
PARTS: Final = "；"
"""The separators of names, of clauses on one thing, and of the parts of a list."""
OPENED: Final = _("{days}{place}{hours} 开放{reason}")
CLOSED: Final = _("{days}{place}闭馆{reason}")
AT_PLACE: Final = _(" {place} ")
REASON: Final = _("（{reason}）")
OPENING: Final = _p("in the rules", "{lines}")
BOOKING_OPENS: Final = _("；{clock} 起开放后一天")
OPENING_DRAW: Final = _("，开放后最初十秒内的请求抽签定先后，早点一下、多点几下都没有用")
AWAY_TIMEOUT: Final = _("，暂离超时也记一次")
STAY: Final = _("{areas} {length}")
ALL_AREAS: Final = _("各区")
OF_PLACE: Final = _("{place}：{text}")
OF_VENUES: Final = _("{venues}{way}")
IN_VENUE: Final = _("{venue} {areas}")
SENTENCE: Final = _("{text}。")
OVERRIDE: Final = _("{first} 至 {last}（{name}）{place}{numbers}。")
OVERRIDE_FROM: Final = _("{first} 起（{name}）{place}{numbers}。")
OVERRIDE_PLACE: Final = _p("before the rules of a place", "{place}：")


def rule_text(name: str, value: Any) -> Text:
    """A value of the policy as a sentence for readers: 单次最长时长 120 分钟."""
    if name in _NUMBERS:
        return _NUMBERS[name](value)
    if name in _SWITCHES:
        return _SWITCHES[name][bool(value)]
    without, with_times = _TIMES[name]
    if not value:
        return without
    times = meal_times_text(value) if name == "meal_times" else f"{value:%H:%M}"
    return with_times.format(times=times)


def weekdays_text(weekdays: frozenset[int]) -> Text:
    return _p("in a sentence", "每天") if len(weekdays) == 7 else days_text(weekdays)


def opening_hours_text(opens: time | None, closes: time | None) -> str:
    hours = clock_hours_text(opens, closes)
    return _p("in a sentence", "全天") if hours == WHOLE_DAY else hours


def place_text(catalog: Catalog, place: OpeningPlace) -> str:
    """The venue or area in words; an area with its venue if the library has several."""
    area = catalog.areas.get(place.area_id) if place.area_id is not None else None
    if area is not None:
        return catalog.area_name(area)
    return label_text(catalog.venues[place.venue_id]) if place.venue_id is not None else ""


def area_text(venue: Venue, area: Area) -> Text:
    """The area with its floor, among areas of several floors: Galerie（二层）."""
    name = label_text(area)
    if "层" in name:
        return name
    return _("{area}（{floor}）", area=name, floor=floor_text(venue.floor(area.floor)))


def floors_text(floors: Iterable[Floor]) -> Text:
    """All areas of these floors: 二层、三层各区."""
    return _("{floors}各区", floors=joined(map(floor_text, floors), NAMES))


def hours_span_text(hours: str) -> Text:
    """Hours such as 4–6. In Chinese the message around them has the unit."""
    return spelled(hours, "{hours} 小时", hours=hours)


def meals_text(meals: Iterable[tuple[time, time]]) -> Text:
    return joined((f"{a:%H:%M}–{b:%H:%M}" for a, b in meals), NAMES)
