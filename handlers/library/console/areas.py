"""An area's settings: name, floor and order, retirement, deletion."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from handlers.affected_bookings.console import open_question, resolution_from
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, form_reason, redirect
from handlers.staff.forms import decode, require_current
from handlers.staff.layout import render, staff_context
from handlers.staff.names_form import typed_names
from handlers.texts.console import CHANGE_TEXT
from languages.catalogue import LANGUAGES
from models.identity.roles import Role
from models.kernel.errors import Malformed
from models.library import transitions
from models.library.entities import Area
from models.library.errors import PlanChanged
from models.library.plan_editing import HIGHEST_FLOOR, LONGEST_NAME, LOWEST_FLOOR
from models.library.staff.areas import StaffAreas
from models.policy.staff import AreaChange, StaffPolicyAndPlans
from models.staff.audit import AuditAction


class AreaForm(msgspec.Struct):
    name: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
    floor: Annotated[int, Meta(ge=LOWEST_FLOOR, le=HIGHEST_FLOOR)]


class PlacedArea(AreaForm):
    place: Annotated[int, Meta(ge=0)] = transitions.LAST


async def area_settings(visit: PageRequest) -> web.StreamResponse:
    return _page(visit, await _area(visit))


def _page(visit: PageRequest, area: Area, **question: Any) -> web.Response:
    floor = _floor(visit, area)
    facts: dict[str, Any] = {
        "area": area,
        "venue": visit[REFERENCE].catalog.venues[area.venue_id],
        "before": [(n, one.name) for n, one in enumerate(floor) if one.id != area.id],
        "place": next((n for n, one in enumerate(floor) if one.id == area.id), len(floor)),
        "longest_name": LONGEST_NAME,
        "languages": LANGUAGES.values(),
        "impact": None,
    }
    return render(visit, "area_settings", **facts | question)


def _floor(visit: PageRequest, area: Area) -> list[Area]:
    """The areas on the same floor of the same venue, in display order."""
    all_areas, here = visit[REFERENCE].catalog.known_areas, (area.venue_id, area.floor)
    return [one for one in all_areas if (one.venue_id, one.floor) == here]


async def _area(visit: PageRequest) -> Area:
    """The area that the URL names, as it is stored now. Raises: NotFound, OtherVenue."""
    await visit[REFERENCE].refresh()
    area = visit[REFERENCE].area(visit.id)
    visit.require_in(area.venue_id, Role.ADMINISTRATOR)
    return area


async def change_area(visit: PageRequest, form: Form) -> web.StreamResponse:
    area = await _area(visit)
    require_current(form, area.rev, PlanChanged)
    typed = decode(visit.zone, form, PlacedArea)
    names = typed_names(form, area.names, LONGEST_NAME)
    renamed = transitions.rename(area, typed.name, typed.floor, names)
    place = typed.place if renamed.floor == area.floor else transitions.LAST
    changed = transitions.put_in_order(renamed, place, _floor(visit, renamed))
    if len(changed) == 1 and _displayed(changed[0]) == _displayed(area):
        raise Malformed("name", "nothing_changed")
    await visit[StaffAreas].rearrange(staff_context(visit), area, changed, form_reason(form))
    return _settings(area.id, AuditAction.CHANGE_AREA)


def _displayed(area: Area) -> tuple[object, ...]:
    return area.name, dict(area.names), area.floor, area.order


async def retire_area(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Retires the area if the form confirms the effect on bookings; otherwise asks first."""
    area, reference = await _area(visit), visit[REFERENCE]
    require_current(form, area.rev, PlanChanged)
    retired = transitions.retire(area)
    question = await open_question(
        visit, form, reference.policy, reference.catalog.with_areas(retired)
    )
    if question is not None:
        return _page(visit, area, **question)
    summary = CHANGE_TEXT["retired"].format(seats=len(area.seats))
    change = AreaChange(AuditAction.RETIRE_AREA, area, retired, summary)
    await visit[StaffPolicyAndPlans].change_areas(
        staff_context(visit), [change], form_reason(form), resolution_from(form)
    )
    return _settings(area.id, AuditAction.RETIRE_AREA)


async def bring_back_area(visit: PageRequest, form: Form) -> web.StreamResponse:
    area = await _area(visit)
    require_current(form, area.rev, PlanChanged)
    await visit[StaffAreas].bring_back(staff_context(visit), area, form_reason(form))
    return _settings(area.id, AuditAction.BRING_BACK_AREA)


async def delete_area(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Deletes an area that never had a booking."""
    area = await _area(visit)
    require_current(form, area.rev, PlanChanged)
    await visit[StaffAreas].delete(staff_context(visit), area, form_reason(form))
    return redirect(f"/console/plans?done={AuditAction.DELETE_AREA}")


def _settings(area_id: str, done: AuditAction) -> web.StreamResponse:
    return redirect(f"/console/plans/{area_id}/settings?done={done}")
