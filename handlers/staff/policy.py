"""The rules' numbers: all of them, those of single areas, and those of some days.

A change is shown first with what it would have done to the last week and which bookings it hits;
nothing changes before that is confirmed. Each change is a version of its own.
"""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from handlers import deeds
from handlers.http.forms import Form
from handlers.http.pages import (
    LONGEST_REASON,
    PageRequest,
    count_error,
    form_reason,
    form_text,
    redirect,
)
from handlers.staff.affected_bookings import NOT_ASKED, impact_of, resolution_from
from handlers.staff.layout import render, staff_context
from handlers.staff.policy_form import (
    BOUNDS,
    LONGEST_NAME,
    OF_DAYS,
    OWN,
    REFUSALS,
    SWITCHES,
    _name_of,
    _next,
    _spoken,
    _typed_of,
)
from handlers.texts.errors import text_of
from handlers.texts.labels import NUMBER_TEXT, numbers_text
from models.affected_bookings import impact
from models.identity.roles import ADMINISTRATOR, has_role
from models.kernel.errors import InvalidRequest
from models.kernel.time_range import local_date
from models.policy.entities import Policy, PolicyOverride
from models.policy.errors import RulesChanged
from models.policy_preview import service as policy_preview_service

_VERSIONS: Final = 10


async def rules(visit: PageRequest) -> web.StreamResponse:
    await visit.services.desk.refresh()  # another worker may have been told something new
    return await _page(visit)


async def _page(visit: PageRequest, status: int = 200, **more: Any) -> web.Response:
    desk, today = visit.services.desk, local_date(visit.now)
    facts = {
        "fields": _typed_of(desk.policy),
        "numbers": NUMBER_TEXT,
        "bounds": BOUNDS,
        "switches": SWITCHES,
        "own": OWN,
        "of_days": OF_DAYS,
        "areas": list(desk.library.areas.values()),
        "sets": [
            (n, r, _set_words(visit, r))
            for n, r in enumerate(desk.policy.rule_sets)
            if r.last >= today
        ],
        "versions": await desk.policies.versions(_VERSIONS),
        "base": desk.policy.version,
        "changes": has_role(visit.reader.category, ADMINISTRATOR),
        "typed": {},
        "wrong": "",
        "said": [],
        "hit": None,
        "compared": None,
        "refusals": REFUSALS,
        "done": "done" in visit.request.query,
        "longest": LONGEST_REASON,
        "longest_name": LONGEST_NAME,
    }
    return render(visit, "policy", status=status, **facts | more)


async def change_rules(visit: PageRequest, form: Form) -> web.StreamResponse:
    """What the form asks for: shown with what it would have done, or done where confirmed."""
    services, desk = visit.services, visit.services.desk
    await desk.refresh()
    typed = {name: form_text(form, name) for name in form if name not in ("csrf", "key")}
    try:
        if typed.get("base") != str(desk.policy.version):
            raise RulesChanged()
        change = _next(visit, typed)
        if not change.said:
            raise InvalidRequest("base", "没有需要保存的更改")
        if typed.get("edit"):
            return await _page(visit, typed=typed)
        rows = await impact.find_affected(desk, change.policy, desk.library, visit.now)
        hits, confirmed = impact_of(desk.library, rows), bool(typed.get("confirmed"))
        if not confirmed or (hits.count and not typed.get("bookings")):
            compared = await policy_preview_service.compare_policies(
                desk, change.compared, visit.now, not services.sandbox
            )
            return await _page(
                visit,
                typed=typed,
                said=change.said,
                hit=hits,
                wrong=NOT_ASKED if confirmed else "",
                compared=compared,
            )
        reason, fate = form_reason(form, "why"), resolution_from(form)
        await deeds.change_rules(
            staff_context(visit), change.policy, "；".join(change.said), reason, fate
        )
    except RulesChanged as error:
        count_error(visit.request, error)
        return await _page(visit, 409, typed=typed, wrong=text_of(error.code, error.details))
    except InvalidRequest as error:
        return await _page(visit, 400, typed=typed, wrong=str(error.details["reason"]))
    return redirect("/console/rules?done")


def _explain(error: ValueError) -> str:
    if "half hour" in str(error):
        return "预约步长应为半小时的整数倍"
    return "单次最短时长不能超过单次最长时长"


def _differences(visit: PageRequest, old: Policy, new: Policy) -> list[str]:
    before, after = _typed_of(old), _typed_of(new)
    said = []
    for name in dict.fromkeys((*after, *before)):
        was, now = before.get(name, ""), after.get(name, "")
        if was != now:
            said.append(f"{_name_of(visit, name)}：{_spoken(name, was)} → {_spoken(name, now)}")
    return said


# --- numbers of some days -------------------------------------------------------------------------
def _set_words(visit: PageRequest, rules: PolicyOverride) -> str:
    library = visit.services.desk.library
    area = library.areas.get(rules.area_id) if rules.area_id is not None else None
    place = area.full_name if area is not None else rules.area_id or "全馆"
    days = f"{rules.first} 至 {rules.last}" if rules.first != rules.last else f"{rules.first}"
    return f"{days} {place}：{'，'.join(numbers_text(rules.values))}"
