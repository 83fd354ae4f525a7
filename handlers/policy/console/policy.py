"""The page of the policy. A change is saved after its effect on last week's bookings and on
affected bookings was confirmed."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from handlers.affected_bookings.console import open_question, resolution_from
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import LONGEST_REASON, PageRequest, form_reason, redirect
from handlers.policy.console.policy_form import OWN, PolicyChange, fields_of
from handlers.policy.console.policy_override_form import override_words, read_change
from handlers.staff.forms import require_current
from handlers.staff.layout import render, staff_context
from handlers.staff.sent_forms import refuse, typed_in
from handlers.texts.console import BETWEEN, NARROWER_GROUP, WRONG_TEXT
from handlers.texts.console_labels import REFUSAL_TEXT, SWITCH_TEXT
from handlers.texts.labels import NUMBER_TEXT
from languages.text import joined
from models.identity.roles import Role
from models.kernel.errors import Malformed
from models.policy.entities import Policy
from models.policy.errors import RulesChanged
from models.policy.staff import StaffPolicyAndPlans
from models.policy.validation import MAX_OVERRIDE_NAME, NUMBER_BOUNDS, settled
from models.policy_preview.service import PolicyPreviewService

_VERSIONS: Final = 10


async def policy(visit: PageRequest) -> web.StreamResponse:
    await visit[REFERENCE].refresh()  # another worker may have published a new policy
    return await _page(visit)


async def _page(visit: PageRequest, **more: Any) -> web.Response:
    reference, today = visit[REFERENCE], visit.zone.day(visit.now)
    current = settled(reference.policy, today)
    facts: dict[str, Any] = {
        "fields": fields_of(current),
        "numbers": NUMBER_TEXT,
        "bounds": NUMBER_BOUNDS,
        "switches": SWITCH_TEXT,
        "own": OWN,
        "areas": list(reference.catalog.known_areas),
        "sets": [
            (n, r, override_words(visit, r))
            for n, r in enumerate(reference.policy.rule_sets)
            if r in current.rule_sets
        ],
        "versions": await reference.policy_versions(_VERSIONS),
        "base": current.version,
        "changes": visit.may_in(None, Role.ADMINISTRATOR),
        "typed": {},
        "summary": [],
        "narrower": [],
        "impact": None,
        "comparison": None,
        "refusals": REFUSAL_TEXT,
        "done": "done" in visit.request.query,
        "longest": LONGEST_REASON,
        "longest_name": MAX_OVERRIDE_NAME,
    }
    return render(visit, "policy", **facts | more)


async def change_policy(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Changes the policy if the form confirms the effect on bookings; otherwise asks first."""
    reference = visit[REFERENCE]
    await reference.refresh()
    typed = typed_in(form)
    try:
        require_current(form, reference.policy.version, RulesChanged)
        change = read_change(visit, typed)
        if not change.summary:
            raise Malformed("base", WRONG_TEXT["nothing_changed"])
        if typed.get("edit"):
            return await _page(visit, typed=typed)
        question = await open_question(visit, form, change.policy, reference.catalog)
        if question is not None:
            return await _preview(visit, typed, change, question)
        await visit[StaffPolicyAndPlans].change_policy(
            staff_context(visit),
            change.policy,
            joined(change.summary, BETWEEN["changes"]),
            form_reason(form, "why"),
            resolution_from(form),
        )
    except (RulesChanged, Malformed) as error:
        refuse(visit, form, error)
        return await _page(visit, typed=typed)
    return redirect("/console/rules?done")


async def _preview(
    visit: PageRequest, typed: dict[str, str], change: PolicyChange, question: dict[str, Any]
) -> web.Response:
    comparison = await visit[PolicyPreviewService].compare_policies(change.comparison, visit.now)
    return await _page(
        visit,
        typed=typed,
        summary=change.summary,
        narrower=_narrower_groups(visit, *change.comparison),
        comparison=comparison,
        **question,
    )


def _narrower_groups(visit: PageRequest, before: Policy, after: Policy) -> list[str]:
    return [
        NARROWER_GROUP.format(
            group=group.name,
            rule=NUMBER_TEXT[name][0],
            own=own,
            library=getattr(after, name),
            unit=NUMBER_TEXT[name][1],
        )
        for group in visit[REFERENCE].groups.by_id.values()
        for name, own in group.limits.narrowed_by(before, after).items()
    ]
