"""The page of opening hours. A change is saved after its calendar, its conflicts and the
affected bookings were confirmed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from handlers.affected_bookings.console import open_question, resolution_from
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import LONGEST_REASON, PageRequest, form_reason, redirect
from handlers.policy.console.opening_form import (
    FIELDS,
    OpeningChange,
    read_change,
    week_fields,
    week_of,
)
from handlers.policy.console.opening_words import (
    calendar_month,
    conflicts_text,
    place_in,
    places_of,
    value_of,
)
from handlers.staff.forms import require_current
from handlers.staff.layout import render, staff_context
from handlers.staff.sent_forms import refuse, typed_in
from handlers.texts.labels import WEEKDAYS
from handlers.texts.opening import place_name, rule_hours_text, weekly_text
from models.identity.roles import Role
from models.kernel.errors import Malformed
from models.library.entities import Catalog, VenueId
from models.policy.errors import RulesChanged
from models.policy.opening import OpeningKind, OpeningPlace, OpeningRule
from models.policy.opening_conflicts import find_conflicts
from models.policy.opening_rules import (
    is_library_week_unused,
    own_week,
    places_with_week,
    venue_of,
)
from models.policy.staff import StaffPolicyAndPlans
from models.policy.validation import MAX_AHEAD, MAX_OPENING_REASON

_MONTH: Final = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Line:
    """An exception or closure on the page. ``number``: its index in the policy's opening rules."""

    number: int
    first: date
    last: date | None
    kind: str
    place: str
    hours: str
    reason: str


def _page(
    visit: PageRequest,
    place: OpeningPlace,
    day: date,
    change: OpeningChange | None = None,
    **more: Any,
) -> web.Response:
    reference, typed = visit[REFERENCE], more.get("typed", {})
    catalog, policy = reference.catalog, reference.policy
    fields = week_fields(visit, place)
    own = [p for p in places_with_week(policy) if p.narrowness]
    shown_policy = change.policy if change is not None else policy
    facts: dict[str, Any] = {
        "lines": _lines(visit),
        "places": places_of(catalog),
        "at": value_of(place),
        "at_name": place_name(catalog, place),
        "is_area": place.area_id is not None,
        "calendar": calendar_month(visit.zone, catalog, shown_policy, place, day),
        "today": visit.zone.day(visit.now),
        "weekdays": WEEKDAYS,
        "week": weekly_text(week_of(fields)),
        "week_form": typed if typed.get("operation") == "week" else fields,
        "independent": bool(fields.get("independent")),
        "has_own_week": any(own_week(policy, place)),
        "week_unused": not place.narrowness and is_library_week_unused(policy, catalog),
        "own_weeks": [(value_of(p), place_name(catalog, p)) for p in own],
        "base": policy.version,
        "changes": visit.may_in(None, Role.ADMINISTRATOR),
        "typed": {},
        "done": "done" in visit.request.query,
        "longest": MAX_OPENING_REASON,
        "longest_why": LONGEST_REASON,
        "impact": None,
        "conflicts": [],
    }
    return render(visit, "opening_hours", **facts | more)


def _lines(visit: PageRequest) -> list[tuple[str, list[Line]]]:
    """The coming exceptions and closures by venue, after those of the whole library, with a heading
    for each. With a single venue they are one group, without a heading."""
    catalog, today = visit[REFERENCE].catalog, visit.zone.day(visit.now)
    several = catalog.has_several_venues
    groups: dict[VenueId | None, list[Line]] = {id: [] for id in (None, *catalog.venues)}
    for number, rule in enumerate(visit[REFERENCE].policy.opening):
        if rule.kind is not OpeningKind.WEEK and (rule.last is None or rule.last >= today):
            venue = venue_of(catalog, rule.place) if several else None
            groups.setdefault(venue, []).append(_line(catalog, number, rule))
    return [
        (
            place_name(catalog, OpeningPlace(venue_id=venue)) if several else "",
            sorted(lines, key=lambda line: (line.first, line.number)),
        )
        for venue, lines in groups.items()
        if lines
    ]


def _line(catalog: Catalog, number: int, rule: OpeningRule) -> Line:
    first, last = rule.first or rule.last, rule.last
    assert first is not None
    area = catalog.areas.get(rule.place.area_id) if rule.place.area_id is not None else None
    place = catalog.full_name(area) if area is not None else place_name(catalog, rule.place)
    return Line(number, first, last, rule.kind.value, place, rule_hours_text(rule), rule.reason)


def _month_in(visit: PageRequest) -> date:
    """A day in the query's month; today if the query names no month, or one too far away."""
    today = visit.zone.day(visit.now)
    match = _MONTH.fullmatch(visit.request.query.get("month", ""))
    if match is None:
        return today
    month = date(int(match[1]), int(match[2]), 1)
    return month if abs(month - today) <= MAX_AHEAD + MAX_AHEAD / 12 else today


async def opening_hours(visit: PageRequest) -> web.StreamResponse:
    await visit[REFERENCE].refresh()  # another worker may have published a new policy
    place = place_in(visit[REFERENCE].catalog, visit.request.query.get("at", ""))
    return _page(visit, place or OpeningPlace(), _month_in(visit))


async def change_opening(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Changes opening hours if the form confirms the effect on bookings; otherwise asks first."""
    reference = visit[REFERENCE]
    await reference.refresh()
    typed = typed_in(form, FIELDS)
    try:
        require_current(form, reference.policy.version, RulesChanged)
        change = read_change(visit, typed)
        question = await open_question(visit, form, change.policy, reference.catalog)
        if question is not None:
            return _question(visit, typed, change, question)
        why, resolution = form_reason(form, "why"), resolution_from(form)
        await visit[StaffPolicyAndPlans].change_policy(
            staff_context(visit), change.policy, change.summary, why, resolution
        )
    except (RulesChanged, Malformed) as error:
        place = place_in(reference.catalog, typed["at"]) or OpeningPlace()
        refuse(visit, form, error)
        return _page(visit, place, visit.zone.day(visit.now), typed=typed)
    target = {"at": value_of(change.place), "month": f"{change.day:%Y-%m}"}
    return redirect(f"/console/calendar?done&{urlencode(target)}")


def _question(
    visit: PageRequest, typed: dict[str, str], change: OpeningChange, question: dict[str, Any]
) -> web.Response:
    reference = visit[REFERENCE]
    venues = {area.id: area.venue_id for area in reference.catalog.areas.values()}
    conflicts = find_conflicts(
        visit.zone, reference.policy, change.policy, venues, visit.zone.day(visit.now)
    )
    return _page(
        visit,
        change.place,
        change.day,
        change,
        typed=typed,
        summary=change.summary,
        conflicts=conflicts_text(visit.zone, reference.catalog, conflicts),
        **question,
    )
