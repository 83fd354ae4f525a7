"""The policy's numbers: all of them, those of single areas, and those of some days.

A change is shown first with what it would have done to the last week and which bookings it affects;
nothing changes before that is confirmed. Each change is a version of its own.
"""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from handlers import keys
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import LONGEST_REASON, PageRequest, form_reason, redirect
from handlers.staff.affected_bookings import open_question, resolution_from
from handlers.staff.forms import refusal, typed_in
from handlers.staff.layout import render, staff_context
from handlers.staff.policy_form import (
    OF_DAYS,
    OWN,
    SWITCHES,
    PolicyChange,
    fields_of,
    override_words,
    read_change,
)
from handlers.texts.labels import NUMBER_TEXT
from models.identity.roles import ADMINISTRATOR, has_role
from models.kernel.errors import InvalidRequest
from models.kernel.time_range import local_date
from models.policy.errors import RulesChanged
from models.policy.validation import MAX_OVERRIDE_NAME, NUMBER_BOUNDS

_VERSIONS: Final = 10
REFUSALS: Final = {
    "closed": "未开放",
    "outside_horizon": "预约过早",
    "not_open_yet": "未到放号时间",
    "in_the_past": "已过时间",
    "off_grid": "不在整点或步长上",
    "too_short": "时间太短",
    "too_long": "时间太长",
    "daily_limit": "超过每天次数",
}


async def policy(visit: PageRequest) -> web.StreamResponse:
    """The current policy, and its form."""
    await visit[REFERENCE].refresh()  # another worker may have published a new one
    return await _page(visit)


async def _page(visit: PageRequest, **more: Any) -> web.Response:
    reference, today = visit[REFERENCE], local_date(visit.now)
    current = reference.policy
    facts: dict[str, Any] = {
        "fields": fields_of(current),
        "numbers": NUMBER_TEXT,
        "bounds": NUMBER_BOUNDS,
        "switches": SWITCHES,
        "own": OWN,
        "of_days": OF_DAYS,
        "areas": list(reference.catalog.areas.values()),
        "sets": [
            (n, r, override_words(visit, r))
            for n, r in enumerate(current.rule_sets)
            if r.last >= today
        ],
        "versions": await reference.policy_versions(_VERSIONS),
        "base": current.version,
        "changes": has_role(visit.reader.category, ADMINISTRATOR),
        "typed": {},
        "wrong": "",
        "summary": [],
        "impact": None,
        "comparison": None,
        "refusals": REFUSALS,
        "done": "done" in visit.request.query,
        "longest": LONGEST_REASON,
        "longest_name": MAX_OVERRIDE_NAME,
    }
    return render(visit, "policy", **facts | more)


async def change_policy(visit: PageRequest, form: Form) -> web.StreamResponse:
    """What the form asks for: shown with what it would have done, or done where confirmed."""
    reference = visit[REFERENCE]
    await reference.refresh()
    typed = typed_in(form)
    try:
        if typed.get("base") != str(reference.policy.version):
            raise RulesChanged()
        change = read_change(visit, typed)
        if not change.summary:
            raise InvalidRequest("base", "没有需要保存的更改")
        if typed.get("edit"):
            return await _page(visit, typed=typed)
        question = await open_question(visit, form, change.policy, reference.catalog)
        if question is not None:
            return await _preview(visit, typed, change, question)
        await visit[keys.STAFF_POLICY_AND_PLANS].change_policy(
            staff_context(visit),
            change.policy,
            "；".join(change.summary),
            form_reason(form, "why"),
            resolution_from(form),
        )
    except (RulesChanged, InvalidRequest) as error:
        return await _page(visit, **refusal(visit, error, typed))
    return redirect("/console/rules?done")


async def _preview(
    visit: PageRequest, typed: dict[str, str], change: PolicyChange, question: dict[str, Any]
) -> web.Response:
    comparison = await visit[keys.POLICY_PREVIEW].compare_policies(change.comparison, visit.now)
    return await _page(
        visit, typed=typed, summary=change.summary, comparison=comparison, **question
    )
