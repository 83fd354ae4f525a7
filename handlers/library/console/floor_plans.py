"""The editor of floor plans. Plans are JSON, as in export and import. A change is saved after
its effect on bookings was confirmed."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from handlers.affected_bookings.console import open_question, resolution_from
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, form_reason, form_text, redirect
from handlers.library.console.areas import AreaForm
from handlers.library.console.plan_pictures import described
from handlers.seat_map.search import all_feature_texts
from handlers.staff.forms import ID, decode, require_current
from handlers.staff.layout import render, staff_context
from handlers.staff.sent_forms import refuse
from handlers.texts.console import BETWEEN, CHANGE_TEXT, WRONG_TEXT, few_seats
from handlers.texts.console_labels import MARK_TEXT
from languages.text import joined
from models.identity.roles import Role
from models.kernel.errors import Forbidden, Malformed, NotFound
from models.library import plan_editing, plan_json
from models.library.entities import (
    SEAT_FEATURES,
    SEAT_SIZE,
    Area,
    AreaId,
    Fixture,
    SeatDraft,
    VenueId,
)
from models.library.errors import AreaRetired, PlanChanged
from models.library.feature_rules import check_known
from models.library.plan_editing import PlanDiff, PlanDraft
from models.policy.staff import AreaChange, StaffPolicyAndPlans
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditLog

LARGEST_PLAN: Final = 512 * 1024
"""The largest form in bytes, large enough for a plan of a thousand seats."""
NOT_AN_ID: Final = "import"
"""An id that no area may have, because the path with this id leads to the import page."""


class PlanIn(msgspec.Struct, forbid_unknown_fields=True):
    """A floor plan as JSON. Without ``name``, ``names`` or ``floor`` the area keeps its own."""

    width: int
    height: int
    seats: list[SeatDraft]
    marks: list[Fixture]
    area: str = ""
    name: str | None = None
    floor: int | None = None
    names: dict[str, str] | None = None


class NewArea(AreaForm):
    venue: str
    id: Annotated[str, Meta(pattern=ID)]


async def plans(visit: PageRequest) -> web.StreamResponse:
    await visit[REFERENCE].refresh()
    catalog, today = visit[REFERENCE].catalog, visit.zone.day(visit.now)
    areas = [area for area in catalog.areas_in_use if visit.sees(area.venue_id)]
    return render(
        visit,
        "floor_plans",
        areas=areas,
        out_of_service={
            area.id: sum(s.unavailable_reason(today) is not None for s in area.seats)
            for area in areas
        },
        retired=[a for a in catalog.known_areas if not a.in_use and visit.sees(a.venue_id)],
        venues=[v for v in catalog.venues_in_use if visit.may_in(v.id, Role.ADMINISTRATOR)],
        changes=visit.may(Role.ADMINISTRATOR),
        longest_name=plan_editing.LONGEST_NAME,
    )


async def add_area(visit: PageRequest, form: Form) -> web.StreamResponse:
    area, reason = _new_area(visit, decode(visit.zone, form, NewArea)), form_reason(form)
    try:
        await visit[StaffPolicyAndPlans].add_area(staff_context(visit), area, reason)
    except PlanChanged as error:
        refuse(visit, form, error, WRONG_TEXT["area_id_taken"].format(id=area.id), "id")
        return await plans(visit)
    return redirect(f"/console/plans/{area.id}?done={AuditAction.ADD_AREA}")


def _new_area(visit: PageRequest, typed: NewArea) -> Area:
    """The empty area that the form describes. Raises: Malformed."""
    catalog = visit[REFERENCE].catalog
    if typed.id == NOT_AN_ID:
        raise Malformed("id", "id_format")
    if typed.venue not in {venue.id for venue in catalog.venues_in_use}:
        raise Malformed("venue", "venue_missing")
    order = 1 + max((area.order for area in catalog.areas.values()), default=-1)
    empty = Area(
        id=AreaId(typed.id),
        venue_id=VenueId(typed.venue),
        name="",
        floor=0,
        order=order,
        width=0,
        height=0,
        seats=(),
        fixtures=(),
        rev=-1,
    )
    draft = PlanDraft(typed.name, typed.floor, 1200, 800, (), ())
    return plan_editing.apply_draft(empty, draft, ())


async def plan(visit: PageRequest) -> web.StreamResponse:
    """The editor of the area's plan. A viewer cannot change the plan."""
    await visit[REFERENCE].refresh()
    area = visit[REFERENCE].area(visit.id)
    visit.require_in(area.venue_id)
    return await _editor(visit, area, plan_json.plan_to_json(area))


async def _editor(visit: PageRequest, area: Area, document: object, **more: Any) -> web.Response:
    facts: dict[str, Any] = {
        "area": area,
        "base": area.rev,
        "plan": json.dumps(document, ensure_ascii=False),
        "edits": visit.may_in(area.venue_id, Role.LIBRARIAN) and area.in_use,
        "structure": visit.may_in(area.venue_id, Role.ADMINISTRATOR) and area.in_use,
        "keeps": visit.may_in(area.venue_id, Role.ADMINISTRATOR),
        "mark_text": MARK_TEXT,
        "feature_text": all_feature_texts(visit),
        "usual_features": SEAT_FEATURES,
        "seat_size": SEAT_SIZE,
        "most_seats": plan_editing.MOST_SEATS,
        "picture": await described(visit, area),
        "longest_outage": plan_editing.LONGEST_REASON,
        "summary": None,
        "removes": False,
        "impact": None,
        "unsaved": False,
    }
    return render(visit, "floor_plan", **facts | more)


async def export_plan(visit: PageRequest) -> web.StreamResponse:
    """The plan as a file that can be edited and imported again."""
    area = visit[REFERENCE].area(visit.id)
    visit.require_in(area.venue_id)
    return _file(plan_json.plan_to_json(area), area.id)


async def plan_before(visit: PageRequest) -> web.StreamResponse:
    """The plan as it was before a change, from the audit log's entry, as a file. An import of
    this file undoes the change. Raises: NotFound if the entry has no plan."""
    entry = await visit[AuditLog].get(visit.id)
    document = entry.before.get("plan")
    if not isinstance(document, dict):
        raise NotFound()
    return _file(document, f"{document['area']}-{entry.before['rev']}")


def _file(document: dict[str, object], name: str) -> web.Response:
    text = json.dumps(document, ensure_ascii=False, indent=1)
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.json"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(text=text, content_type="application/json", headers=headers)


async def change_plan(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Saves the plan if the form confirms the effect on bookings; otherwise shows this effect
    and asks. After a refusal the editor shows the drawing as it was sent."""
    reference = visit[REFERENCE]
    await reference.refresh()  # another worker may have changed the plan
    area = reference.area(visit.id)
    visit.require_in(area.venue_id, Role.LIBRARIAN)
    text = _text(form)
    try:
        require_current(form, area.rev, PlanChanged)
        if not area.in_use:
            raise AreaRetired()
        new = _drawn(visit, area, text)
        diff = plan_editing.differences(area, new)
        if diff.structural and not visit.may_in(area.venue_id, Role.ADMINISTRATOR):
            raise Forbidden()
        summary = words(diff)
        if form_text(form, "edit"):
            return await _editor(visit, area, plan_json.plan_to_json(new), unsaved=True)
        if not diff.any:
            raise Malformed("plan", "nothing_changed")
        question = await open_question(
            visit, form, reference.policy, reference.catalog.with_areas(new)
        )
        if question is not None:
            document = plan_json.plan_to_json(new)
            question |= {"summary": summary, "removes": bool(diff.removed)}
            return await _editor(visit, area, document, **question)
        reason, resolution = form_reason(form), resolution_from(form)
        change = AreaChange(AuditAction.CHANGE_PLAN, area, new, joined(summary, BETWEEN["changes"]))
        await visit[StaffPolicyAndPlans].change_areas(
            staff_context(visit), [change], reason, resolution
        )
    except (PlanChanged, AreaRetired, Malformed) as error:
        # After a concurrent change: the current area. Otherwise the form keeps its revision.
        current = reference.area(visit.id) if isinstance(error, PlanChanged) else area
        refuse(visit, form, error)
        return await _editor(visit, current, _drawing(text), unsaved=True)
    return redirect(f"/console/plans/{area.id}?done={AuditAction.CHANGE_PLAN}")


def _text(form: Form) -> str:
    file = form.get("file")
    if isinstance(file, bytes):
        return file.decode(errors="replace")
    return form_text(form, "plan")


def _drawing(text: str) -> object:
    """Parses the plan that the form contains, so that the editor can show it again. None if the
    text is no plan."""
    try:
        msgspec.json.decode(text, type=PlanIn)
        return json.loads(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def _drawn(visit: PageRequest, area: Area, text: str) -> Area:
    """The area with the plan in the form. Raises: Malformed."""
    try:
        read = msgspec.json.decode(text, type=PlanIn)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        wrong = WRONG_TEXT["not_a_plan"].format(where=plan_json.place_of(error))
        raise Malformed("plan", wrong) from error
    if read.area not in ("", area.id):
        wrong = WRONG_TEXT["plan_of_another_area"].format(theirs=read.area, ours=area.id)
        raise Malformed("area", wrong)
    check_known(read.seats, visit[REFERENCE].catalog.features)
    draft = PlanDraft(
        name=area.name if read.name is None else read.name.strip(),
        floor=area.floor if read.floor is None else read.floor,
        width=read.width,
        height=read.height,
        seats=read.seats,
        marks=read.marks,
        names=read.names,
    )
    elsewhere = {s for s, at in visit[REFERENCE].catalog.all_seats.items() if at.area_id != area.id}
    return plan_editing.apply_draft(area, draft, elsewhere)


def words(diff: PlanDiff) -> list[str]:
    renumbered = [f"{old}→{new}" for old, new in diff.renumbered]
    lists = {
        "added": diff.added,
        "removed": diff.removed,
        "renumbered": renumbered,
        "moved": diff.moved,
        "features_changed": diff.features_changed,
        "disabled": diff.disabled,
        "enabled": diff.enabled,
    }
    summary = [
        CHANGE_TEXT[change].format(seats=few_seats(numbers))
        for change, numbers in lists.items()
        if numbers
    ]
    if diff.marks:
        summary.append(CHANGE_TEXT["marks"])
    if diff.area_properties:
        summary.append(CHANGE_TEXT["area_properties"])
    return summary
