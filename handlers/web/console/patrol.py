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
    acting,
    named,
    page_number,
    pages_of,
    said,
    seat_in,
    shown,
)
from handlers.web.pages import (
    LONGEST_REASON,
    Form,
    Visit,
    reason_in,
    redirect,
    text_in,
)
from models import rules
from models.booking import reserve
from models.errors import Conflict, Malformed, NotFound, RuleViolation, ServiceError
from models.library import AreaId
from models.reservation import Reservation, State
from models.timerange import local_date


@dataclass(frozen=True, slots=True)
class SeatNow:
    """A line of the patrol's list."""

    no: str
    state: str
    words: str
    reservation: str
    who: str
    when: str


async def patrol(visit: Visit) -> web.StreamResponse:
    desk, now = visit.services.desk, visit.now
    areas = list(desk.library.areas.values())
    if not areas:
        raise NotFound()
    area = desk.library.areas.get(AreaId(visit.request.query.get("area", ""))) or areas[0]
    day = local_date(now)
    board = (await desk.board.day(day)).by_seat
    current = {}
    for seat in area.seats:
        rows = [row for row in board.get(seat.id, ()) if now < row.end]
        if rows:
            current[seat.id] = rows[0]
    people = await desk.readers.many({row.reader_id for row in current.values()})
    lines = []
    for seat in sorted(area.seats, key=lambda seat: seat.no):
        row = current.get(seat.id)
        begun = row is not None and (row.start <= now or row.state is not State.RESERVED)
        if row is None or not begun:
            reason = seat.out_of_service(day)
            words = f"禁用 {reason}" if reason is not None else "无人"
            when = f"{present.clock(row.start)} 起有预约" if row is not None else ""
            state = "disabled" if reason is not None else "free"
            lines.append(SeatNow(seat.no, state, words, "", "", when))
            continue
        assert row is not None
        when = f"{present.clock(row.booked_start)}–{present.clock(row.end)}"
        who = named(people.get(row.reader_id))
        words = "未签到" if row.state is State.RESERVED else STATE_TEXT[row.state]
        lines.append(SeatNow(seat.no, row.state.value, words, row.id, who, when))
    return shown(visit, "patrol", areas=areas, area=area, lines=lines)


async def reports(visit: Visit) -> web.StreamResponse:
    desk, number = visit.services.desk, page_number(visit)
    rows, total = await desk.reservations.reported(visit.now, (number - 1) * PAGE, PAGE)
    items = [
        (r, r.report, present.seat(desk, r.report.seat_id).label)
        for r in rows
        if r.report is not None
    ]
    return shown(visit, "reports", items=items, number=number, pages=pages_of(total))


async def resolve(visit: Visit, _: Form) -> web.StreamResponse:
    await deeds.resolve(acting(visit), visit.id)
    return redirect("/console/reports?done")


async def reservation(visit: Visit) -> web.StreamResponse:
    return await _reservation_page(visit, await _found(visit))


async def _found(visit: Visit) -> Reservation:
    r = await visit.services.desk.reservations.get(visit.id)
    if r is None:
        raise NotFound()
    return r


async def _reservation_page(
    visit: Visit, r: Reservation, *, status: int = 200, wrong: str = "", reason: str = ""
) -> web.Response:
    desk = visit.services.desk
    policy = await desk.policy_of(r)
    reader = await desk.readers.get(r.reader_id)
    verbs = [verb for verb in deeds.ON_BEHALF if _possible(verb, r, visit)]
    movable = "change" in rules.actions(r, policy, visit.now)
    return shown(
        visit,
        "reservation",
        status=status,
        r=await present.detail(desk, r, visit.now),
        who=named(reader),
        reader_id=reader.id if reader is not None else "",
        possible=verbs,
        near=await reserve.nearest_of(desk, r, visit.now) if movable else [],
        movable=movable,
        areas=list(desk.library.furnished),
        home=r.area_id,
        events=EVENT_TEXT,
        done=visit.request.query.get("done", ""),
        wrong=wrong,
        reason=reason,
        longest=LONGEST_REASON,
    )


def _possible(verb: str, r: Reservation, visit: Visit) -> bool:
    """May it be done now? The use case decides again."""
    try:
        match verb:
            case "check_in" if r.state is State.AWAY:
                rules.may_return(r, visit.now)
            case "check_in":
                rules.may_check_in(r, visit.now)
            case "leave":
                return r.state is State.IN_USE and visit.now < r.end
            case "finish":
                rules.may_finish(r, visit.now)
            case _:
                rules.may_cancel(r, visit.now)
    except ServiceError:
        return False
    return True


async def act(visit: Visit, form: Form) -> web.StreamResponse:
    """What a librarian does in the reader's place. What is refused stands on the page again."""
    verb, r = visit.request.match_info["verb"], await _found(visit)
    if verb not in deeds.ON_BEHALF and verb != "move":
        raise NotFound()
    try:
        reason = reason_in(form)
        if verb == "move":
            typed = text_in(form, "by") == "no"
            seat_id = seat_in(visit, form) if typed else text_in(form, "seat")
            await deeds.move(acting(visit), r.id, seat_id, reason)
        else:
            await deeds.on_behalf(acting(visit), verb, r.id, reason)
    except (Conflict, RuleViolation, Malformed) as error:
        malformed = isinstance(error, Malformed)
        wrong = str(error.details["reason"]) if malformed else said(visit, error)
        return await _reservation_page(
            visit,
            await _found(visit),
            status=status_of(type(error)),
            wrong=wrong,
            reason=text_in(form, "reason"),
        )
    return redirect(f"/console/reservations/{r.id}?done={verb}")
