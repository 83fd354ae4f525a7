"""运行使用规则: the policy in words."""

from __future__ import annotations

from aiohttp import web

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest
from handlers.http.rendering import render_page
from handlers.http.wording import rules_html
from models.kernel.time_range import local_date


async def rules(visit: PageRequest) -> web.StreamResponse:
    """The current policy with its seasonal overrides, in the library's wording."""
    reference = visit[REFERENCE]
    return render_page(
        visit.request,
        "policy/rules.html",
        reader=visit.reader,
        rules=rules_html(
            reference, local_date(visit.now), reference.profile.rules_text, visit.reader
        ),
    )
