"""运行使用规则: the policy in words."""

from __future__ import annotations

from aiohttp import web

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, render_page
from handlers.policy.presenter import opening_lines
from handlers.texts.policy import values_text
from models.kernel.time_range import local_date
from models.library.entities import CheckInWay
from models.policy.validation import settled


async def rules(visit: PageRequest) -> web.StreamResponse:
    """The current policy with its seasonal overrides, as readers need it."""
    reference, today = visit[REFERENCE], local_date(visit.now)
    policy = reference.policy
    max_stays: dict[int, list[str]] = {}
    for area in reference.catalog.bookable_areas:
        minutes = reference.policy_for(area.id, today).max_minutes
        max_stays.setdefault(minutes, []).append(area.name)
    check_in_ways: dict[CheckInWay, list[str]] = {}
    for venue in reference.catalog.venues.values():
        check_in_ways.setdefault(venue.check_in_way, []).append(venue.name)
    return render_page(
        visit.request,
        "policy/rules.html",
        reader=visit.reader,
        max_stays=max_stays,
        opening=opening_lines(reference.catalog, policy, today),
        check_in_ways=check_in_ways,
        rules=policy.resolve(None, today),
        overrides=[(o, values_text(o.values)) for o in settled(policy, today).rule_sets],
        areas=reference.catalog.areas,
    )
