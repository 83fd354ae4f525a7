"""Seats against their state, and helping with one reservation."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from handlers import deeds
from handlers.api import present
from handlers.errors import status_of
from handlers.messages import EVENT_TEXT, STATE_TEXT
from handlers.web.console.frame import (
    PAGE,
    error_text,
    page_number,
    pages_of,
    reader_label,
    render,
    seat_in,
    staff_context,
)
from handlers.web.pages import (
    LONGEST_REASON,
    Form,
    PageRequest,
    form_reason,
    form_text,
    redirect,
)
from models.check_in import allowed_actions, rules
from models.kernel.errors import Conflict, DomainError, InvalidRequest, NotFound, RuleViolation
from models.kernel.time_range import local_date
from models.library.entities import AreaId
from models.reservations import alternatives
from models.reservations import rules as reservations_rules
from models.reservations.entities import Reservation
from models.reservations.state_machine import ReservationState


@dataclass(frozen=True, slots=True)
class PatrolSeat:
    """A line of the patrol's list."""

    no: str
    state: str
    words: str
    reservation: str
    who: str
    when: str


async def patrol(visit: PageRequest) -> web.StreamResponse:
    desk, now = visit.services.desk, visit.now
    areas = list(desk.library.areas.values())
    if not areas:
        raise NotFound()
    area = desk.library.areas.get(AreaId(visit.request.query.get("area", ""))) or areas[0]
    day = local_date(now)
    board = (await desk.board.get_day(day)).by_seat
    current = {}
    for seat in area.seats:
        rows = [row for row in board.get(seat.id, ()) if now < row.end]
        if rows:
            current[seat.id] = rows[0]
    people = await desk.readers.many({row.reader_id for row in current.values()})
    lines = []
    for seat in sorted(area.seats, key=lambda seat: seat.number):
        row = current.get(seat.id)
        begun = row is not None and (row.start <= now or row.state is not ReservationState.RESERVED)
        if row is None or not begun:
            reason = seat.unavailable_reason(day)
            words = f"禁用 {reason}" if reason is not None else "无人"
            when = f"{present.clock(row.start)} 起有预约" if row is not None else ""
            state = "disabled" if reason is not None else "free"
            lines.append(PatrolSeat(seat.number, state, words, "", "", when))
            continue
        assert row is not None
        when = f"{present.clock(row.booked_start)}–{present.clock(row.end)}"
        who = reader_label(people.get(row.reader_id))
        words = "未签到" if row.state is ReservationState.RESERVED else STATE_TEXT[row.state]
        lines.append(PatrolSeat(seat.number, row.state.value, words, row.id, who, when))
    return render(visit, "patrol", areas=areas, area=area, lines=lines)


async def reports(visit: PageRequest) -> web.StreamResponse:
    desk, number = visit.services.desk, page_number(visit)
    rows, total = await desk.reservations.with_open_reports(visit.now, (number - 1) * PAGE, PAGE)
    items = [
        (r, r.report, present.seat(desk, r.report.seat_id).label)
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
        r=await present.detail(desk, r, visit.now),
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
