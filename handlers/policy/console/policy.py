"""The page of the policy. A change is saved after its effect on last week's bookings and on
affected bookings was confirmed."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from handlers.affected_bookings.console import open_question, resolution_from
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import LONGEST_REASON, PageRequest, form_reason, redirect
from handlers.policy.console.opening_words import places_of
from handlers.policy.console.policy_form import OWN, PolicyChange, fields_of, venues_with_form
from handlers.policy.console.policy_override_form import override_words, read_change
from handlers.staff.forms import require_current
from handlers.staff.layout import render, staff_context
from handlers.staff.sent_forms import refuse, typed_in
from handlers.texts.console import BETWEEN, NARROWER_GROUP, WRONG_TEXT
from handlers.texts.console_labels import POLICY_SECTIONS, REFUSAL_TEXT, SWITCH_TEXT
from handlers.texts.labels import NUMBER_TEXT
from handlers.texts.opening import place_name
from languages.text import joined
from models.identity.roles import Role
from models.kernel.errors import Malformed
from models.policy.entities import VENUE_OVERRIDABLE, Policy, PolicyOverride
from models.policy.errors import RulesChanged
from models.policy.opening import OpeningPlace
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
        "sections": POLICY_SECTIONS,
        "by_area": OWN,
        "areas": list(reference.catalog.known_areas),
        "venues": venues_with_form(current, reference.catalog),
        "own_venues": current.venues.keys(),
        "of_venue": VENUE_OVERRIDABLE,
        "places": places_of(reference.catalog),
        "sets": [
            (n, r, override_words(visit, r), not _is_in_use(visit, r))
            for n, r in enumerate(reference.policy.rule_sets)
            if r in current.rule_sets and r.venue_id in (None, *reference.catalog.venues)
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


def _is_in_use(visit: PageRequest, override: PolicyOverride) -> bool:
    venue_id = override.venue_id
    return venue_id is None or visit[REFERENCE].catalog.venue_in_use(venue_id) is not None


def _narrower_groups(visit: PageRequest, before: Policy, after: Policy) -> list[str]:
    """Warnings of the groups with a limit that becomes stricter than the library's or, where a
    venue has another one, than the venue's."""
    reference, day = visit[REFERENCE], visit.zone.day(visit.now)
    library = after.resolve(None, None, day)
    lines = list[str]()
    for venue_id in (None, *(venue.id for venue in reference.catalog.venues_in_use)):
        old, new = (policy.resolve(venue_id, None, day) for policy in (before, after))
        for group in reference.groups.by_id.values():
            for name, own in group.limits.narrowed_by(old, new).items():
                limit = getattr(new, name)
                exempt = name == "max_minutes" and after.has_own(name, venue_id, None, day)
                if exempt or (venue_id is not None and limit == getattr(library, name)):
                    continue
                rule, unit = NUMBER_TEXT[name]
                place = place_name(reference.catalog, OpeningPlace(venue_id))
                lines.append(
                    NARROWER_GROUP.format(
                        group=group.name, rule=rule, own=own, unit=unit, place=place, library=limit
                    )
                )
    return lines
