from __future__ import annotations

from aiohttp import web

from handlers.http.keys import REFERENCE
from handlers.http.language import language_of
from handlers.http.pages import PageRequest
from handlers.http.rendering import render_page
from handlers.http.wording import rules_html, rules_in_english
from languages.catalogue import CHINESE


async def rules(visit: PageRequest) -> web.StreamResponse:
    """运行使用规则: the current policy with its overrides, in the library's wording."""
    reference, today = visit[REFERENCE], visit.zone.day(visit.now)
    own = reference.profile.rules_text
    if not own and language_of(visit.request) is not CHINESE:
        rules = rules_in_english(reference, today, visit.reader)
    else:
        rules = rules_html(reference, today, own, visit.reader)
    return render_page(visit.request, "policy/rules.html", reader=visit.reader, rules=rules)
