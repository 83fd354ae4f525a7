"""The default wording of a library's rules and of the line at the top of its pages. Values of
the policy fill its placeholders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from languages.text import Text, _, joined

DEFAULT_NAMES: Final[Mapping[str, str]] = {
    "name": "图书馆",
    "title": "图书馆座位预约系统",
    "campus_app": "校园应用",
    "mini_program": "座位预约",
    "menu": "图书馆",
}
DEFAULT_CONTACT: Final = "开馆时间可到图书馆服务台咨询"

RUNNING_LINE: Final = _(
    "有效预约的读者享有座位优先使用权 · "
    "不同区域最长时间不同，一次最多 {最长小时} 小时 · "
    "请在开始前 {签到提前分钟} 分钟至开始后 {签到推迟分钟} 分钟内扫码签到，否则记违约一次 · "
    "暂时离开请先暂离，提前离开请结束使用"
)
"""The default text of the line at the top of every page."""
_LINE_END: Final = "\n"
_WINDOW: Final = _(
    "- 可预约今天和此后 {可约天数} 天的座位{放座说明}。有效预约的读者享有座位优先使用权。"
)
_SHORT_WINDOWS: Final = (
    _("- 可预约今天的座位。有效预约的读者享有座位优先使用权。"),
    _("- 可预约今天和明天的座位{放座说明}。有效预约的读者享有座位优先使用权。"),
)


def default_rules(booking_window: int = 2) -> Text:
    """The default rules of use, Markdown with placeholders, for a booking window of so many days.
    A list item is left out if it is empty once its placeholders are filled in, and so is a section
    without items. The clause on meal times is left out if the policy has none."""
    lines = (
        _("# 运行使用规则(暂行)"),
        "",
        _("## 开放与预约"),
        "",
        _("- {开放时间}。"),
        _SHORT_WINDOWS[booking_window] if booking_window < 2 else _WINDOW,
        _("- 一次至少 {最短分钟} 分钟；最长时间：{各区域最长时间}。"),
        _("- 每人每天最多 {每天次数} 次预约，取消的不计。"),
        "- {特定日期规则}",
        "",
        _("## 签到、暂离与续约"),
        "",
        _("- 开始前 {签到提前分钟} 分钟至开始后 {签到推迟分钟} 分钟内，{签到方式}。"),
        _(
            "- 暂离不超过 {暂离分钟} 分钟；{用餐时间} 期间不超过 {用餐暂离分钟} 分钟。"
            "返回时请再次扫码，逾期座位释放。"
        ),
        _("- 结束前 {续约提前分钟} 分钟内可续约，最多 {续约次数} 次。"),
        _("- 提前离开请结束使用，把座位留给其他同学。"),
        "",
        _("## 违约"),
        "",
        _("- 预约后未按时签到记违约一次{暂离超时说明}；每天最多计一次。"),
        _("- {违约统计天数} 天内满 {违约次数} 次，暂停预约 {暂停天数} 天，已有预约仍然有效。"),
        "",
        _("## 场馆和区域的不同规定"),
        "",
        "- {场馆和区域规则}",
        "",
    )
    return joined(lines, _LINE_END)


RULES_TEXT: Final = str(default_rules())
"""The default rules of use in Chinese, as administrators edit them."""

PLACEHOLDERS: Final[Mapping[str, tuple[str, str]]] = {
    "longest_hours": ("最长小时", _("一次最长的小时数；各区域不同时写作 4–6")),
    "check_in_before": ("签到提前分钟", _("开始前多少分钟起可以签到")),
    "check_in_after": ("签到推迟分钟", _("开始后多少分钟内要签到")),
    "opening": ("开放时间", _("每周的开放时间")),
    "booking_window": ("可约天数", _("今天以后还能约几天")),
    "booking_opens": ("放座说明", _("几点放出后一天的座位，有没有抽签")),
    "shortest": ("最短分钟", _("一次至少的分钟数")),
    "longest_by_area": ("各区域最长时间", _("每个区域一次最长多久")),
    "daily_limit": ("每天次数", _("每人每天最多几次")),
    "overrides": ("特定日期规则", _("今后某些日期的规则；没有就不显示")),
    "differences": (
        "场馆和区域规则",
        _("与其余不同的场馆和区域；没有就不显示，没有写到也会附在最后"),
    ),
    "check_in_ways": ("签到方式", _("各场馆怎样签到")),
    "leave": ("暂离分钟", _("暂离的分钟数")),
    "meal_times": ("用餐时间", _("用餐的时间段；没有就不显示那半句")),
    "meal_leave": ("用餐暂离分钟", _("用餐时间暂离的分钟数")),
    "extend_within": ("续约提前分钟", _("结束前多少分钟内可以续约")),
    "max_extensions": ("续约次数", _("最多续约几次")),
    "away_timeout": ("暂离超时说明", _("暂离超时是否也记违约")),
    "violations_window": ("违约统计天数", _("违约按多少天统计")),
    "violations_limit": ("违约次数", _("满几次暂停预约")),
    "suspension": ("暂停天数", _("暂停预约的天数")),
}
"""The name of each placeholder in Chinese and an explanation for administrators, by the
placeholder's code."""
PAUSES: Final = "；;，,"
ENDS: Final = "。."
"""The characters that end a sentence. ``PAUSES``: the characters that separate its clauses."""
PLACEHOLDER_NAMES: Final = frozenset(name for name, _says in PLACEHOLDERS.values())
