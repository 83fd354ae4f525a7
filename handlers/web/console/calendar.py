"""The console's calendar: closures and other hours, by dates, and what becomes of the bookings they
hit. What is to be changed is shown first; nothing changes before it is confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any, Final

from aiohttp import web

from handlers import deeds
from handlers.messages import text_of
from handlers.web.console.frame import acting, clock_of, day_of, shown
from handlers.web.console.misfits import NOT_ASKED, fate_in, hit
from handlers.web.pages import LONGEST_REASON as LONGEST_WHY
from handlers.web.pages import Form, Visit, counted, reason_in, redirect, text_in
from models.booking import calendar, misfits
from models.errors import Malformed, NotFound, RulesChanged
from models.library import AreaId, VenueId
from models.plain import is_plain
from models.policy import OpeningRule, Policy
from models.reader import ADMINISTRATOR, may
from models.timerange import local_date

LONGEST_REASON: Final = 50
_FARTHEST: Final = timedelta(days=730)
_SHOWN: Final = 20
FIELDS: Final = ("kind", "first", "last", "place", "opens", "closes", "reason")


@dataclass(frozen=True, slots=True)
class Line:
    """A dated rule as the page shows it. ``number`` is its place among all rules."""

    number: int
    first: date
    last: date
    place: str
    hours: str
    reason: str


def _page(visit: Visit, status: int = 200, **more: Any) -> web.Response:
    facts = {
        "lines": _lines(visit),
        "places": _places(visit),
        "base": visit.services.desk.policy.version,
        "changes": may(visit.reader.kind, ADMINISTRATOR),
        "typed": {},
        "wrong": "",
        "done": "done" in visit.request.query,
        "longest": LONGEST_REASON,
        "longest_why": LONGEST_WHY,
        "hit": None,
    }
    return shown(visit, "calendar", status=status, **facts | more)


def _lines(visit: Visit) -> list[Line]:
    today = local_date(visit.now)
    return sorted(
        (
            _line(visit, number, rule)
            for number, rule in enumerate(visit.services.desk.policy.opening)
            if rule.last is not None and rule.last >= today
        ),
        key=lambda line: (line.first, line.number),
    )


def _line(visit: Visit, number: int, rule: OpeningRule) -> Line:
    library = visit.services.desk.library
    place = "全馆"
    if rule.area_id is not None:
        area = library.areas.get(rule.area_id)
        place = area.full_name if area is not None else rule.area_id
    elif rule.venue_id is not None:
        venue = library.venues.get(rule.venue_id)
        place = venue.name if venue is not None else rule.venue_id
    hours = "闭馆"
    if rule.opens is not None and rule.closes is not None:
        hours = f"{rule.opens:%H:%M}–{rule.closes:%H:%M}"
    assert rule.last is not None
    return Line(number, rule.first or rule.last, rule.last, place, hours, rule.reason)


def _places(visit: Visit) -> list[tuple[str, str]]:
    library = visit.services.desk.library
    venues = [(f"v:{v.id}", v.name) for v in library.venues.values()]
    areas = [(f"a:{a.id}", a.full_name) for a in library.areas.values()]
    return [("", "全馆"), *venues, *areas]


async def opening(visit: Visit) -> web.StreamResponse:
    await visit.services.desk.refresh()  # another worker may have been told something new
    return _page(visit)


async def change_opening(visit: Visit, form: Form) -> web.StreamResponse:
    """What the form asks for: shown with what it hits, or done where it was confirmed."""
    desk = visit.services.desk
    await desk.refresh()  # another worker may have been told something new
    typed = {name: text_in(form, name) for name in (*FIELDS, "number")}
    try:
        if text_in(form, "base") != str(desk.policy.version):
            raise RulesChanged()
        new, said = _next(visit, form, typed)
        rows = await misfits.affected(desk, new, desk.library, visit.now)
        found, confirmed = hit(desk.library, rows), text_in(form, "confirmed")
        if not confirmed or (found.count and not text_in(form, "bookings")):
            wrong = NOT_ASKED if confirmed else ""
            return _page(visit, typed=typed, said=said, hit=found, wrong=wrong)
        why, fate = reason_in(form, "why"), fate_in(form)
        await deeds.change_rules(acting(visit), new, said, why, fate)
    except RulesChanged as error:
        counted(visit.request, error)
        return _page(visit, 409, typed=typed, wrong=text_of(error.code, error.details))
    except Malformed as error:
        return _page(visit, 400, typed=typed, wrong=str(error.details["reason"]))
    return redirect("/console/calendar?done")


def _next(visit: Visit, form: Form, typed: Mapping[str, str]) -> tuple[Policy, str]:
    """The next version of the rules, and what is new in it. Raises: Malformed, NotFound."""
    policy = visit.services.desk.policy
    if text_in(form, "deed") == "remove":
        number = typed["number"]
        if not (number.isascii() and number.isdecimal() and len(number) < 5):
            raise NotFound()
        new = calendar.without_rule(policy, int(number))
        return new, f"删除：{_words(_line(visit, int(number), policy.opening[int(number)]))}"
    rule = _rule(visit, typed)
    return calendar.with_rule(policy, rule), _words(_line(visit, -1, rule))


def _words(line: Line) -> str:
    days = f"{line.first}" if line.first == line.last else f"{line.first} 至 {line.last}"
    return f"{days} {line.place} {line.hours}{f'（{line.reason}）' if line.reason else ''}"


def _rule(visit: Visit, typed: Mapping[str, str]) -> OpeningRule:
    first, last = day_of(typed["first"], "first"), day_of(typed["last"] or typed["first"], "last")
    today = local_date(visit.now)
    if not today <= last or not first <= last <= today + _FARTHEST:
        raise Malformed("last", "请填写从今天起两年以内的日期，结束不早于开始")
    opens = closes = None
    if typed["kind"] == "open":
        opens, closes = _time(typed["opens"]), _time(typed["closes"])
        if opens >= closes:
            raise Malformed("closes", "闭馆时间应晚于开馆时间")
    elif typed["kind"] != "closed":
        raise Malformed("kind", "请选择闭馆或开放时间")
    reason = typed["reason"]
    if len(reason) > LONGEST_REASON or not is_plain(reason):
        raise Malformed("reason", f"原因最多 {LONGEST_REASON} 字")
    if opens is None and not reason:
        raise Malformed("reason", "请写明闭馆原因，读者会看到")
    if typed["place"] not in dict(_places(visit)):
        raise Malformed("place", "请选择范围")
    kind, _, id = typed["place"].partition(":")
    venue_id = VenueId(id) if kind == "v" else None
    area_id = AreaId(id) if kind == "a" else None
    return OpeningRule(
        opens,
        closes,
        first,
        last,
        venue_id=venue_id,
        area_id=area_id,
        reason=reason,
        priority=calendar.SPECIAL,
    )


def _time(text: str) -> time:
    found = clock_of(text, "opens")
    if found.minute % 30:
        raise Malformed("opens", "时间以半小时为单位")
    return found
