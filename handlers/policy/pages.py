"""运行使用规则: the policy in words."""

from __future__ import annotations

from aiohttp import web

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, render_page
from handlers.texts.labels import days_text, numbers_text
from models.kernel.time_range import local_date
from models.library.entities import CheckInWay


async def rules(visit: PageRequest) -> web.StreamResponse:
    """The current policy with its seasonal overrides, as readers need it."""
    reference, today = visit[REFERENCE], local_date(visit.now)
    policy = reference.policy
    max_stays: dict[int, list[str]] = {}
    for area in reference.catalog.bookable_areas:
        minutes = reference.policy_for(area.id, today, visit.reader).max_minutes
        max_stays.setdefault(minutes, []).append(area.name)
    check_in_ways: dict[CheckInWay, list[str]] = {}
    for venue in reference.catalog.venues.values():
        check_in_ways.setdefault(venue.check_in_way, []).append(venue.name)
    opening = [
        (days_text(rule.weekdays), f"{rule.opens:%H:%M}–{rule.closes:%H:%M}", rule)
        for rule in policy.opening
        if rule.opens is not None and rule.closes is not None and rule.area_id is None
    ]
    return render_page(
        visit.request,
        "policy/rules.html",
        reader=visit.reader,
        max_stays=max_stays,
        opening=opening,
        check_in_ways=check_in_ways,
        rules=reference.with_groups(policy.resolve(None, today), visit.reader, None, today),
        overrides=[(o, numbers_text(o.values)) for o in policy.rule_sets if o.last >= today],
        areas=reference.catalog.areas,
    )
