"""TODO docstring."""

from __future__ import annotations

from aiohttp import web

from handlers.http.pages import PageRequest, render_page
from handlers.texts.labels import days_text, numbers_text
from models.kernel.time_range import local_date


async def rules(visit: PageRequest) -> web.StreamResponse:
    desk = visit.services.desk
    today = local_date(visit.now)
    stays: dict[int, list[str]] = {}
    for area in desk.library.bookable_areas:
        stays.setdefault(desk.policy_for(area.id, today).max_minutes, []).append(area.name)
    opening = [
        (days_text(rule.weekdays), f"{rule.opens:%H:%M}–{rule.closes:%H:%M}", rule)
        for rule in desk.policy.opening
        if rule.opens is not None and rule.closes is not None and rule.area_id is None
    ]
    return render_page(
        visit.request,
        "policy/rules.html",
        reader=visit.reader,
        stays=stays,
        opening=opening,
        rules=desk.policy.resolve(None, today),
        sets=[(r, numbers_text(r.values)) for r in desk.policy.rule_sets if r.last >= today],
        areas=desk.library.areas,
    )
