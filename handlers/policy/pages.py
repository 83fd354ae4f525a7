from __future__ import annotations

from aiohttp import web

from handlers.http.keys import REFERENCE
from handlers.http.language import language_of
from handlers.http.pages import PageRequest
from handlers.http.rendering import render_page
from handlers.http.wording import rules_html


async def rules(visit: PageRequest) -> web.StreamResponse:
    """运行使用规则: the current policy with its overrides, in the library's wording."""
    reference, today = visit[REFERENCE], visit.zone.day(visit.now)
    own, language = reference.profile.rules_text, language_of(visit.request)
    rules = rules_html(reference, today, own, visit.reader, language)
    drawn = any(policy.opening_draw for policy in reference.policies_on(today))
    return render_page(
        visit.request, "policy/rules.html", reader=visit.reader, rules=rules, drawn=drawn
    )
