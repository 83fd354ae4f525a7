"""The console's calendar: closures and other hours, by dates, and what becomes of the bookings they
hit. What is to be changed is shown first; nothing changes before it is confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any, Final

from aiohttp import web

from handlers import deeds
from handlers.http.forms import Form
from handlers.http.pages import LONGEST_REASON as LONGEST_WHY
from handlers.http.pages import PageRequest, count_error, form_reason, form_text, redirect
from handlers.staff.affected_bookings import NOT_ASKED, impact_of, resolution_from
from handlers.staff.form_fields import clock_of, day_of
from handlers.staff.layout import render, staff_context
from handlers.texts.errors import text_of
from models.affected_bookings import impact
from models.identity.roles import ADMINISTRATOR, has_role
from models.kernel.errors import InvalidRequest, NotFound
from models.kernel.text import is_printable_line
from models.kernel.time_range import local_date
from models.library.entities import AreaId, VenueId
from models.policy import service as policy_service
from models.policy.entities import OpeningRule, Policy
from models.policy.errors import RulesChanged

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


def _page(visit: PageRequest, status: int = 200, **more: Any) -> web.Response:
    facts = {
        "lines": _lines(visit),
        "places": _places(visit),
        "base": visit.services.desk.policy.version,
        "changes": has_role(visit.reader.category, ADMINISTRATOR),
        "typed": {},
        "wrong": "",
        "done": "done" in visit.request.query,
        "longest": LONGEST_REASON,
        "longest_why": LONGEST_WHY,
        "hit": None,
    }
    return render(visit, "opening_hours", status=status, **facts | more)


def _lines(visit: PageRequest) -> list[Line]:
    today = local_date(visit.now)
    return sorted(
        (
            _line(visit, number, rule)
            for number, rule in enumerate(visit.services.desk.policy.opening)
            if rule.last is not None and rule.last >= today
        ),
        key=lambda line: (line.first, line.number),
    )


def _line(visit: PageRequest, number: int, rule: OpeningRule) -> Line:
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


def _places(visit: PageRequest) -> list[tuple[str, str]]:
    library = visit.services.desk.library
    venues = [(f"v:{v.id}", v.name) for v in library.venues.values()]
    areas = [(f"a:{a.id}", a.full_name) for a in library.areas.values()]
    return [("", "全馆"), *venues, *areas]


async def opening(visit: PageRequest) -> web.StreamResponse:
    await visit.services.desk.refresh()  # another worker may have been told something new
    return _page(visit)


async def change_opening(visit: PageRequest, form: Form) -> web.StreamResponse:
    """What the form asks for: shown with what it hits, or done where it was confirmed."""
    desk = visit.services.desk
    await desk.refresh()  # another worker may have been told something new
    typed = {name: form_text(form, name) for name in (*FIELDS, "number")}
    try:
        if form_text(form, "base") != str(desk.policy.version):
            raise RulesChanged()
        new, said = _next(visit, form, typed)
        rows = await impact.find_affected(desk, new, desk.library, visit.now)
        found, confirmed = impact_of(desk.library, rows), form_text(form, "confirmed")
        if not confirmed or (found.count and not form_text(form, "bookings")):
            wrong = NOT_ASKED if confirmed else ""
            return _page(visit, typed=typed, said=said, hit=found, wrong=wrong)
        why, fate = form_reason(form, "why"), resolution_from(form)
        await deeds.change_rules(staff_context(visit), new, said, why, fate)
    except RulesChanged as error:
        count_error(visit.request, error)
        return _page(visit, 409, typed=typed, wrong=text_of(error.code, error.details))
    except InvalidRequest as error:
        return _page(visit, 400, typed=typed, wrong=str(error.details["reason"]))
    return redirect("/console/calendar?done")


def _next(visit: PageRequest, form: Form, typed: Mapping[str, str]) -> tuple[Policy, str]:
    """The next version of the rules, and what is new in it. Raises: InvalidRequest, NotFound."""
    policy = visit.services.desk.policy
    if form_text(form, "deed") == "remove":
        number = typed["number"]
        if not (number.isascii() and number.isdecimal() and len(number) < 5):
            raise NotFound()
        new = policy_service.remove_opening_rule(policy, int(number))
        return new, f"删除：{_words(_line(visit, int(number), policy.opening[int(number)]))}"
    rule = _rule(visit, typed)
    return policy_service.add_opening_rule(policy, rule), _words(_line(visit, -1, rule))


def _words(line: Line) -> str:
    days = f"{line.first}" if line.first == line.last else f"{line.first} 至 {line.last}"
    return f"{days} {line.place} {line.hours}{f'（{line.reason}）' if line.reason else ''}"


def _rule(visit: PageRequest, typed: Mapping[str, str]) -> OpeningRule:
    first, last = day_of(typed["first"], "first"), day_of(typed["last"] or typed["first"], "last")
    today = local_date(visit.now)
    if not today <= last or not first <= last <= today + _FARTHEST:
        raise InvalidRequest("last", "请填写从今天起两年以内的日期，结束不早于开始")
    opens = closes = None
    if typed["kind"] == "open":
        opens, closes = _time(typed["opens"]), _time(typed["closes"])
        if opens >= closes:
            raise InvalidRequest("closes", "闭馆时间应晚于开馆时间")
    elif typed["kind"] != "closed":
        raise InvalidRequest("kind", "请选择闭馆或开放时间")
    reason = typed["reason"]
    if len(reason) > LONGEST_REASON or not is_printable_line(reason):
        raise InvalidRequest("reason", f"原因最多 {LONGEST_REASON} 字")
    if opens is None and not reason:
        raise InvalidRequest("reason", "请写明闭馆原因，读者会看到")
    if typed["place"] not in dict(_places(visit)):
        raise InvalidRequest("place", "请选择范围")
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
        priority=policy_service.DATED_PRIORITY,
    )


def _time(text: str) -> time:
    found = clock_of(text, "opens")
    if found.minute % 30:
        raise InvalidRequest("opens", "时间以半小时为单位")
    return found
