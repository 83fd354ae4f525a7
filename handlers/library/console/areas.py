"""An area beside its plan: its name, floor and place in the floor; out of use and back; deleted."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from handlers.affected_bookings.console import open_question, resolution_from
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import LONGEST_REASON, PageRequest, form_reason, form_text, redirect
from handlers.staff.forms import refusal, typed_in
from handlers.staff.layout import render, staff_context
from handlers.texts.console import CHANGE_TEXT, WRONG_TEXT
from models.identity.roles import Role
from models.kernel.errors import Conflict, InvalidRequest
from models.library import transitions
from models.library.entities import Area
from models.library.errors import PlanChanged
from models.library.plan_editing import LONGEST_NAME
from models.library.staff.areas import StaffAreas
from models.policy.staff import AreaChange, StaffPolicyAndPlans
from models.staff.audit import AuditAction
from models.staff.audit_log import StaffContext


async def area_settings(visit: PageRequest) -> web.StreamResponse:
    """The area's name and order, and whether it is in use."""
    return _page(visit, await _area(visit))


def _page(visit: PageRequest, area: Area, **more: Any) -> web.Response:
    floor = _floor(visit, area)
    facts: dict[str, Any] = {
        "area": area,
        "venue": visit[REFERENCE].catalog.venues[area.venue_id],
        "before": [(n, one.name) for n, one in enumerate(floor) if one.id != area.id],
        "place": next((n for n, one in enumerate(floor) if one.id == area.id), len(floor)),
        "longest": LONGEST_REASON,
        "longest_name": LONGEST_NAME,
        "impact": None,
        "typed": {},
        "wrong": "",
        "done": "done" in visit.request.query,
    }
    return render(visit, "area_settings", **facts | more)


def _floor(visit: PageRequest, area: Area) -> list[Area]:
    """The areas of its floor in their order. Another venue's floor of that number is another
    one."""
    known, here = visit[REFERENCE].catalog.known_areas, (area.venue_id, area.floor)
    return [one for one in known if (one.venue_id, one.floor) == here]


async def _area(visit: PageRequest) -> Area:
    """As it is in the database now: another worker may have changed it. Raises: NotFound;
    OtherVenue, also for what a change of it would affect."""
    await visit[REFERENCE].refresh()
    area = visit[REFERENCE].area(visit.id)
    visit.require_in(area.venue_id, Role.ADMINISTRATOR)
    return area


def _check_base(form: Form, area: Area) -> None:
    """Raises: PlanChanged, where the form was made from another state of the area."""
    if form_text(form, "base") != str(area.rev):
        raise PlanChanged()


async def change_area(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Another name, floor, or place in the floor."""
    area, typed = await _area(visit), typed_in(form, ("name", "floor", "place", "reason"))
    try:
        _check_base(form, area)
        if not re.fullmatch(r"-?[0-9]{1,2}", typed["floor"]):
            raise InvalidRequest("floor", WRONG_TEXT["floor_out_of_range"])
        renamed = transitions.rename(area, typed["name"].strip(), int(typed["floor"]))
        floor = _floor(visit, renamed)
        moves = renamed.floor != area.floor or not re.fullmatch("[0-9]{1,7}", typed["place"])
        place = transitions.LAST if moves else int(typed["place"])
        changed = transitions.put_in_order(renamed, place, floor)
        if len(changed) == 1 and _shown(changed[0]) == _shown(area):
            raise InvalidRequest("name", WRONG_TEXT["nothing_changed"])
        await visit[StaffAreas].rearrange(staff_context(visit), area, changed, form_reason(form))
    except (PlanChanged, InvalidRequest) as error:
        return _page(visit, visit[REFERENCE].area(visit.id), **refusal(visit, error, typed))
    return _done(area)


def _shown(area: Area) -> tuple[str, int, int]:
    return area.name, area.floor, area.order


async def retire_area(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Out of use: asked about with what it would affect, or done where it was confirmed."""
    area, typed = await _area(visit), typed_in(form, ("reason",))
    reference = visit[REFERENCE]
    try:
        _check_base(form, area)
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
    except (Conflict, InvalidRequest) as error:
        return _page(visit, reference.area(visit.id), **refusal(visit, error, typed))
    return _done(area)


async def bring_back_area(visit: PageRequest, form: Form) -> web.StreamResponse:
    """In use again, as it was."""
    return await _write(visit, form, visit[StaffAreas].bring_back, _settings_url(visit.id))


async def delete_area(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Gone, where nothing was ever booked there."""
    return await _write(visit, form, visit[StaffAreas].delete, "/console/plans?done")


async def _write(
    visit: PageRequest,
    form: Form,
    write: Callable[[StaffContext, Area, str], Awaitable[None]],
    then: str,
) -> web.StreamResponse:
    area = await _area(visit)
    try:
        _check_base(form, area)
        await write(staff_context(visit), area, form_reason(form))
    except (Conflict, InvalidRequest) as error:
        typed = typed_in(form, ("reason",))
        return _page(visit, visit[REFERENCE].area(visit.id), **refusal(visit, error, typed))
    return redirect(then)


def _done(area: Area) -> web.Response:
    return redirect(_settings_url(area.id))


def _settings_url(area_id: str) -> str:
    return f"/console/plans/{area_id}/settings?done"
