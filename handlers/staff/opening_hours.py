"""Opening hours by dates: closures and other hours, and what becomes of the affected bookings.

A change is shown first; nothing changes before it is confirmed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Any, Final

from aiohttp import web

from handlers import keys
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import LONGEST_REASON, PageRequest, form_reason, form_text, redirect
from handlers.staff.affected_bookings import open_question, resolution_from
from handlers.staff.forms import clock_of, day_of, refusal, typed_in
from handlers.staff.layout import render, staff_context
from handlers.texts.console import CHANGE_TEXT, WRONG_TEXT, days_between
from handlers.texts.console_labels import CLOSED, WHOLE_LIBRARY
from models.identity.roles import Role
from models.kernel.errors import InvalidRequest, NotFound
from models.kernel.text import is_printable_line
from models.kernel.time_range import local_date
from models.library.entities import AreaId, VenueId
from models.policy.entities import OpeningRule, Policy
from models.policy.errors import RulesChanged
from models.policy.opening_rules import DATED_PRIORITY, add_opening_rule, remove_opening_rule
from models.policy.validation import MAX_OPENING_REASON, is_opening_time, is_plannable

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


def _page(visit: PageRequest, **more: Any) -> web.Response:
    facts: dict[str, Any] = {
        "lines": _lines(visit),
        "places": _places(visit),
        "base": visit[REFERENCE].policy.version,
        "changes": visit.may(Role.ADMINISTRATOR),
        "typed": {},
        "wrong": "",
        "done": "done" in visit.request.query,
        "longest": MAX_OPENING_REASON,
        "longest_why": LONGEST_REASON,
        "impact": None,
    }
    return render(visit, "opening_hours", **facts | more)


def _lines(visit: PageRequest) -> list[Line]:
    today = local_date(visit.now)
    return sorted(
        (
            _line(visit, number, rule)
            for number, rule in enumerate(visit[REFERENCE].policy.opening)
            if rule.last is not None and rule.last >= today
        ),
        key=lambda line: (line.first, line.number),
    )


def _line(visit: PageRequest, number: int, rule: OpeningRule) -> Line:
    catalog = visit[REFERENCE].catalog
    place = WHOLE_LIBRARY
    if rule.area_id is not None:
        area = catalog.areas.get(rule.area_id)
        place = area.full_name if area is not None else rule.area_id
    elif rule.venue_id is not None:
        venue = catalog.venues.get(rule.venue_id)
        place = venue.name if venue is not None else rule.venue_id
    hours = CLOSED
    if rule.opens is not None and rule.closes is not None:
        hours = f"{rule.opens:%H:%M}–{rule.closes:%H:%M}"
    assert rule.last is not None
    return Line(number, rule.first or rule.last, rule.last, place, hours, rule.reason)


def _places(visit: PageRequest) -> list[tuple[str, str]]:
    catalog = visit[REFERENCE].catalog
    venues = [(f"v:{v.id}", v.name) for v in catalog.venues.values()]
    areas = [(f"a:{a.id}", a.full_name) for a in catalog.areas_in_use]
    return [("", WHOLE_LIBRARY), *venues, *areas]


async def opening_hours(visit: PageRequest) -> web.StreamResponse:
    """The dated rules from today on."""
    await visit[REFERENCE].refresh()  # another worker may have published a new policy
    return _page(visit)


async def change_opening(visit: PageRequest, form: Form) -> web.StreamResponse:
    """What the form asks for: shown with its impact, or done where it was confirmed."""
    reference = visit[REFERENCE]
    await reference.refresh()
    typed = typed_in(form, (*FIELDS, "number"))
    try:
        if form_text(form, "base") != str(reference.policy.version):
            raise RulesChanged()
        new, summary = _next_policy(visit, form, typed)
        question = await open_question(visit, form, new, reference.catalog)
        if question is not None:
            return _page(visit, typed=typed, summary=summary, **question)
        why, resolution = form_reason(form, "why"), resolution_from(form)
        await visit[keys.STAFF_POLICY_AND_PLANS].change_policy(
            staff_context(visit), new, summary, why, resolution
        )
    except (RulesChanged, InvalidRequest) as error:
        return _page(visit, **refusal(visit, error, typed))
    return redirect("/console/calendar?done")


def _next_policy(visit: PageRequest, form: Form, typed: Mapping[str, str]) -> tuple[Policy, str]:
    """The next version of the policy, and what is new in it. Raises: InvalidRequest, NotFound."""
    policy = visit[REFERENCE].policy
    if form_text(form, "operation") == "remove":
        number = typed["number"]
        if not (number.isascii() and number.isdecimal() and len(number) < 5):
            raise NotFound()
        new = remove_opening_rule(policy, int(number))
        removed = _words(_line(visit, int(number), policy.opening[int(number)]))
        return new, CHANGE_TEXT["opening_removed"].format(opening=removed)
    rule = _rule(visit, typed)
    return add_opening_rule(policy, rule), _words(_line(visit, -1, rule))


def _words(line: Line) -> str:
    return CHANGE_TEXT["opening_with_reason" if line.reason else "opening"].format(
        days=days_between(line.first, line.last),
        place=line.place,
        hours=line.hours,
        reason=line.reason,
    )


def _rule(visit: PageRequest, typed: Mapping[str, str]) -> OpeningRule:
    first, last = day_of(typed["first"], "first"), day_of(typed["last"] or typed["first"], "last")
    if not is_plannable(first, last, local_date(visit.now)):
        raise InvalidRequest("last", WRONG_TEXT["not_plannable"])
    opens = closes = None
    if typed["kind"] == "open":
        opens, closes = _time(typed["opens"]), _time(typed["closes"])
        if opens >= closes:
            raise InvalidRequest("closes", WRONG_TEXT["closes_before_opens"])
    elif typed["kind"] != "closed":
        raise InvalidRequest("kind", WRONG_TEXT["opening_kind_missing"])
    reason = typed["reason"]
    if len(reason) > MAX_OPENING_REASON or not is_printable_line(reason):
        wrong = WRONG_TEXT["opening_reason_length"].format(most=MAX_OPENING_REASON)
        raise InvalidRequest("reason", wrong)
    if opens is None and not reason:
        raise InvalidRequest("reason", WRONG_TEXT["closure_reason_missing"])
    if typed["place"] not in dict(_places(visit)):
        raise InvalidRequest("place", WRONG_TEXT["place_missing"])
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
        priority=DATED_PRIORITY,
    )


def _time(text: str) -> time:
    found = clock_of(text, "opens")
    if not is_opening_time(found):
        raise InvalidRequest("opens", WRONG_TEXT["not_half_hours"])
    return found
