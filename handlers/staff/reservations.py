"""Seats against their state, and helping with one reservation."""

from __future__ import annotations

from aiohttp import web

from handlers import deeds
from handlers.http.errors import status_of
from handlers.http.forms import Form
from handlers.http.pages import LONGEST_REASON, PageRequest, form_reason, form_text, redirect
from handlers.reservations import presenter
from handlers.staff.form_fields import seat_in
from handlers.staff.layout import (
    PAGE,
    error_text,
    page_number,
    pages_of,
    reader_label,
    render,
    staff_context,
)
from handlers.texts.labels import EVENT_TEXT
from models.check_in import allowed_actions, rules
from models.kernel.errors import Conflict, DomainError, InvalidRequest, NotFound, RuleViolation
from models.reservations import alternatives
from models.reservations import rules as reservations_rules
from models.reservations.entities import Reservation
from models.reservations.state_machine import ReservationState


async def reports(visit: PageRequest) -> web.StreamResponse:
    desk, number = visit.services.desk, page_number(visit)
    rows, total = await desk.reservations.with_open_reports(visit.now, (number - 1) * PAGE, PAGE)
    items = [
        (r, r.report, presenter.seat(desk, r.report.seat_id).label)
        for r in rows
        if r.report is not None
    ]
    return render(visit, "reports", items=items, number=number, pages=pages_of(total))


async def resolve(visit: PageRequest, _: Form) -> web.StreamResponse:
    await deeds.resolve(staff_context(visit), visit.id)
    return redirect("/console/reports?done")


async def reservation(visit: PageRequest) -> web.StreamResponse:
    return await _reservation_page(visit, await _found(visit))


async def _found(visit: PageRequest) -> Reservation:
    r = await visit.services.desk.reservations.get(visit.id)
    if r is None:
        raise NotFound()
    return r


async def _reservation_page(
    visit: PageRequest, r: Reservation, *, status: int = 200, wrong: str = "", reason: str = ""
) -> web.Response:
    desk = visit.services.desk
    policy = await desk.policy_at_booking(r)
    reader = await desk.readers.get(r.reader_id)
    verbs = [verb for verb in deeds.STAFF_ACTIONS if _possible(verb, r, visit)]
    movable = "change" in allowed_actions.allowed_actions(r, policy, visit.now)
    return render(
        visit,
        "reservation",
        status=status,
        r=await presenter.detail(desk, r, visit.now),
        who=reader_label(reader),
        reader_id=reader.id if reader is not None else "",
        possible=verbs,
        near=await alternatives.alternatives_for(desk, r, visit.now) if movable else [],
        movable=movable,
        areas=list(desk.library.bookable_areas),
        home=r.area_id,
        events=EVENT_TEXT,
        done=visit.request.query.get("done", ""),
        wrong=wrong,
        reason=reason,
        longest=LONGEST_REASON,
    )


def _possible(verb: str, r: Reservation, visit: PageRequest) -> bool:
    """May it be done now? The use case decides again."""
    try:
        match verb:
            case "check_in" if r.state is ReservationState.AWAY:
                rules.may_return(r, visit.now)
            case "check_in":
                rules.may_check_in(r, visit.now)
            case "leave":
                return r.state is ReservationState.IN_USE and visit.now < r.end
            case "finish":
                rules.may_finish(r, visit.now)
            case _:
                reservations_rules.may_cancel(r, visit.now)
    except DomainError:
        return False
    return True


async def act(visit: PageRequest, form: Form) -> web.StreamResponse:
    """What a librarian does in the reader's place. What is refused stands on the page again."""
    verb, r = visit.request.match_info["verb"], await _found(visit)
    if verb not in deeds.STAFF_ACTIONS and verb != "move":
        raise NotFound()
    try:
        reason = form_reason(form)
        if verb == "move":
            typed = form_text(form, "by") == "no"
            seat_id = seat_in(visit, form) if typed else form_text(form, "seat")
            await deeds.move(staff_context(visit), r.id, seat_id, reason)
        else:
            await deeds.act_for_reader(staff_context(visit), verb, r.id, reason)
    except (Conflict, RuleViolation, InvalidRequest) as error:
        malformed = isinstance(error, InvalidRequest)
        wrong = str(error.details["reason"]) if malformed else error_text(visit, error)
        return await _reservation_page(
            visit,
            await _found(visit),
            status=status_of(type(error)),
            wrong=wrong,
            reason=form_text(form, "reason"),
        )
    return redirect(f"/console/reservations/{r.id}?done={verb}")
