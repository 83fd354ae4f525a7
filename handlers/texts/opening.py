from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from typing import Final

from handlers.texts.console_labels import WHOLE_LIBRARY
from handlers.texts.labels import days_text
from languages.text import _, date_text, short_day_text
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import Catalog
from models.library.names import label_text
from models.policy.opening import OpeningKind, OpeningPlace, OpeningRule
from models.policy.opening_conflicts import ConflictKind

CLOSED: Final = _("闭馆")
WHOLE_DAY: Final = _("全天")
_MIDNIGHT: Final = time(0)
SOURCE_TEXT: Final[Mapping[OpeningKind, str]] = {
    OpeningKind.WEEK: _("每周时间"),
    OpeningKind.EXCEPTION: _("例外"),
    OpeningKind.CLOSURE: _("闭馆"),
}
"""Names of the kinds of rules from which a day's opening hours can come."""
NO_SOURCE: Final = _("没有安排")
UNUSED_WEEK: Final = _("按场馆")
"""Shown on the library's calendar where every venue has its own weekly hours."""
CUT_TEXT: Final = _("随场馆")
"""The mark on a day on which an area closes earlier than its own hours say, because its venue
does."""
DOT: Final = _(" · ")
INDEPENDENT: Final = _("独立开放")
WEEK_TEXT: Final[Mapping[str, str]] = {
    "own": _("{place}的每周时间：{week}"),
    "removed": _("{place}不再另有每周时间"),
    "independent": _("{week}（独立开放）"),
}
CONFLICT_TEXT: Final[Mapping[str, str]] = {
    ConflictKind.NO_EFFECT: _("新的时间完全不起作用：这些日子都已由下面的安排决定"),
    "overruled_by_closure": _("{days}{place}已闭馆{reason}，新的时间在那里不起作用"),
    ConflictKind.OVERRULED: _("{days}{place}已另定 {hours}{reason}，新的时间在那里不起作用"),
    ConflictKind.OVERRULES: _("{days}{place}原定的 {hours}{reason} 不再起作用"),
    ConflictKind.STAYS_OPEN: _("{days}{place}独立开放 {hours}{reason}，不受这次闭馆影响"),
    ConflictKind.OWN_WEEK: _("{place}另有每周时间，不受影响"),
    ConflictKind.CUT: _("{days}{place}只开放 {hours}：超出场馆开放时间的部分不起作用"),
    "cut_to_nothing": _("{days}{place}所在的场馆不开放{reason}，{place}的时间不起作用"),
    ConflictKind.ENDS_AT_MIDNIGHT: _("{days}{place}闭馆从 00:00 开始，前一晚只开放到 24:00"),
    "more": _("还有 {count} 处"),
}
"""Warnings about conflicts, shown before changed hours are saved."""


def clock_hours_text(opens: time | None, closes: time | None) -> str:
    """Hours as in a form: 07:00–22:30, 07:00–次日02:00, 全天, 闭馆."""
    if opens is None or closes is None:
        return CLOSED
    if opens == closes == _MIDNIGHT:
        return WHOLE_DAY
    if closes == _MIDNIGHT:
        return f"{opens:%H:%M}–24:00"
    first, last = f"{opens:%H:%M}", f"{closes:%H:%M}"
    if closes > opens:
        return f"{first}–{last}"
    return _("{opens}–次日{closes}", opens=first, closes=last)


def hours_of_day_text(zone: Zone, hours: TimeRange | None) -> str:
    """The hours of one day: 07:00–22:30, 07:00–次日02:00, 全天, 闭馆."""
    if hours is None:
        return CLOSED
    begin, end = zone.local(hours.start), zone.local(hours.end)
    if end.date() == begin.date():
        return f"{begin:%H:%M}–{end:%H:%M}"
    return clock_hours_text(begin.time(), end.time())


def in_brackets(reason: str) -> str:
    """The reason in brackets: （国庆）; empty without one."""
    return _("（{reason}）", reason=reason) if reason else ""


def weekly_text(days: list[tuple[time, time] | None]) -> list[tuple[str, str]]:
    """The opening hours of a week in words, as pairs of days and hours. Days with equal hours
    are one pair."""
    alike: dict[tuple[time, time] | None, set[int]] = {}
    for weekday, plan in enumerate(days):
        alike.setdefault(plan, set()).add(weekday)
    return [
        (days_text(frozenset(numbers)), clock_hours_text(*(plan or (None, None))))
        for plan, numbers in alike.items()
    ]


def short_days_text(first: date, last: date) -> str:
    """An interval of days: 3月5日, 3月5日至9日, 12月30日至1月2日."""
    begin = short_day_text(first)
    if first == last:
        return begin
    if (first.year, first.month) == (last.year, last.month):
        chinese = f"{begin}至{last.day}日"
    else:
        chinese = f"{begin}至{short_day_text(last)}"
    return date_text(chinese, "MMMd", first, last)


def days_in_words(first: date | None, last: date | None) -> str:
    """An interval of days, which may have no end: 3月5日起."""
    if first is None or last is None:
        day = first or last
        if day is None:
            return ""
        text = _("{day}起") if last is None else _("{day}前")
        return text.format(day=short_day_text(day))
    return short_days_text(first, last)


def rule_hours_text(rule: OpeningRule) -> str:
    """The hours that the rule sets, in words. A further word marks an area that does not follow
    its venue."""
    hours = clock_hours_text(rule.opens, rule.closes)
    return _("{hours} 独立开放", hours=hours) if rule.stands_alone else hours


def place_name(catalog: Catalog, place: OpeningPlace) -> str:
    """The place's name: 全馆, a venue's name, or an area's full name."""
    if place.area_id is not None:
        area = catalog.areas.get(place.area_id)
        return catalog.area_name(area) if area is not None else place.area_id
    if place.venue_id is not None:
        venue = catalog.venues.get(place.venue_id)
        return label_text(venue) if venue is not None else place.venue_id
    return WHOLE_LIBRARY
