"""我的预约: the list, one reservation, and what can be done with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from handlers.api import present
from handlers.api import schemas as s
from handlers.api.contract import malformed
from handlers.errors import status_of
from handlers.messages import EFFECT_TEXT, EVENT_TEXT, text_of
from handlers.web.contact import written
from handlers.web.pages import Form, PageRequest, count_error, form_text, redirect, render_page
from handlers.web.seats import current_of
from models.booking.desk import Desk
from models.check_in import renewal
from models.check_in import rules as check_in_rules
from models.check_in import service as check_in_service
from models.feedback.entities import MAX_LENGTH
from models.kernel.errors import Conflict, NotFound, RuleViolation
from models.kernel.time_range import local_date
from models.library.entities import FILTERABLE_FEATURES
from models.readers.context import RequestContext
from models.reservations import alternatives, rules
from models.reservations import service as reservations_service
from models.reservations.entities import Reservation
from models.reservations.errors import InvalidState
from models.seat_reports import service as seat_reports_service
from models.violations import service as violations_service
from models.violations.errors import NothingToAppeal
from models.violations.service import violation_count

_PAGE_SIZE: Final = 10
DONE: Final[Mapping[str, str]] = {
    "reserve": "预约成功",
    "change": "已更改预约",
    "cancel": "已取消预约",
    "leave": "已登记暂离",
    "extend": "续约成功",
    "finish": "已结束使用，座位已归还",
    "check_in": "签到成功",
    "return": "已返回，继续使用",
    "confirm": "已确认",
    "accept": "预约成功",
    "decline": "已放弃，继续候补",
    "wait": "已加入候补，有空位会保留 10 分钟并通知您",
    "unwait": "已取消候补",
    "report": "已告诉图书馆，请选一个附近的空位",
}


async def listed(visit: PageRequest) -> web.StreamResponse:
    desk, number = visit.services.desk, page_number(visit)
    (rows, total), today, waits = await asyncio.gather(
        desk.reservations.page_of(visit.reader.id, [], (number - 1) * _PAGE_SIZE, _PAGE_SIZE),
        desk.reservations.on_day(visit.reader.id, local_date(visit.now)),
        desk.waits.open_of(visit.reader.id),
    )
    if number > pages_of(total, _PAGE_SIZE):
        return redirect(f"/reservations?page={pages_of(total, _PAGE_SIZE)}")
    return render_page(
        visit.request,
        "reservations.html",
        reader=visit.reader,
        items=[await present.reservation(desk, r, visit.now) for r in rows],
        number=number,
        pages=pages_of(total, _PAGE_SIZE),
        current=await current_of(visit),
        waits=[await present.wait(desk, w, visit.now) for w in waits],
        others=[
            await present.reservation(desk, r, visit.now)
            for r in rules.cancellable_today(today, visit.now)
        ],
        done=DONE.get(visit.request.query.get("done", ""), ""),
    )


async def violations(visit: PageRequest) -> web.StreamResponse:
    desk, number = visit.services.desk, page_number(visit)
    rows, total = await desk.violations.page_of(
        visit.reader.id, (number - 1) * _PAGE_SIZE, _PAGE_SIZE
    )
    if number > pages_of(total, _PAGE_SIZE):
        return redirect(f"/reservations/violations?page={pages_of(total, _PAGE_SIZE)}")
    return render_page(
        visit.request,
        "violations.html",
        reader=visit.reader,
        items=[await present.violation(desk, v, visit.now) for v in rows],
        sent="sent" in visit.request.query,
        number=number,
        pages=pages_of(total, _PAGE_SIZE),
        standing=await violation_count(desk, visit.reader.id, visit.now),
        suspended_until=visit.suspended_until,
    )


async def appeal_form(visit: PageRequest) -> web.StreamResponse:
    return await _appeal(visit)


async def appeal(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Why it was no violation, in the reader's words."""
    text, wrong = written(form)
    if wrong:
        return await _appeal(visit, status=422, text=text, wrong=wrong)
    await violations_service.appeal(visit.services.desk, visit.reader.id, visit.id, text, visit.now)
    return redirect("/reservations/violations?sent")


async def _appeal(
    visit: PageRequest, *, status: int = 200, text: str = "", wrong: str = ""
) -> web.StreamResponse:
    desk = visit.services.desk
    found = await desk.violations.get(visit.id)
    if found is None or found.reader_id != visit.reader.id:
        raise NotFound()
    if found.waived or found.appeal is not None:
        raise NothingToAppeal()
    return render_page(
        visit.request,
        "appeal.html",
        status=status,
        reader=visit.reader,
        v=await present.violation(desk, found, visit.now),
        longest=MAX_LENGTH,
        text=text,
        wrong=wrong,
    )


async def join(visit: PageRequest, form: Form) -> web.StreamResponse:
    """加入候补."""
    names = ("area_id", "date", "start", "end")
    given = {name: form_text(form, name) for name in names}
    marks = {mark: "true" for mark in FILTERABLE_FEATURES if form_text(form, mark)}
    try:
        body = msgspec.convert(given | marks, s.JoinWaitlist, strict=False)
    except msgspec.ValidationError as error:
        raise malformed(error, "form") from error
    start = None if body.start == "now" else time.fromisoformat(body.start)
    wish = rules.TimeSelection(body.date, start, time.fromisoformat(body.end))
    line = visit.services.desk.line
    await line.join(visit.ask(), body.area_id, [], body.wanted, wish)
    return redirect("/reservations?done=wait")


async def leave_waitlist(visit: PageRequest, _: Form) -> web.StreamResponse:
    await visit.services.desk.line.leave(visit.ask(), visit.id)
    visit.services.nudge()
    return redirect("/reservations?done=unwait")


async def gate_records(visit: PageRequest) -> web.StreamResponse:
    desk, number = visit.services.desk, page_number(visit)
    rows, total = await desk.passages.page_of(
        visit.reader.id, (number - 1) * _PAGE_SIZE, _PAGE_SIZE
    )
    if number > pages_of(total, _PAGE_SIZE):
        return redirect(f"/reservations/gates?page={pages_of(total, _PAGE_SIZE)}")
    names = {gate.id: gate.name for gate in await desk.gates.all()}
    return render_page(
        visit.request,
        "gates.html",
        reader=visit.reader,
        items=[present.passage(p, names) for p in rows],
        effects=EFFECT_TEXT,
        number=number,
        pages=pages_of(total, _PAGE_SIZE),
    )


def page_number(visit: PageRequest) -> int:
    """Which page is asked for; what is none is the first."""
    query = {"page": visit.request.query.get("page", "1")}
    try:
        asked: s.Pagination = msgspec.convert(query, s.Pagination, strict=False)
    except msgspec.ValidationError:
        return 1
    return asked.page


def pages_of(total: int, size: int) -> int:
    """An empty list has one page, too."""
    return max(1, -(-total // size))


async def one(visit: PageRequest) -> web.StreamResponse:
    desk = visit.services.desk
    found = await desk.get_own(visit.id, visit.reader.id)
    return render_page(
        visit.request,
        "reservation.html",
        reader=visit.reader,
        r=await present.detail(desk, found, visit.now),
        nearest=await alternatives.alternatives_for(desk, found, visit.now)
        if found.has_open_report
        else None,
        events=EVENT_TEXT,
        kiosks=kiosks_of(visit),
        done=DONE.get(visit.request.query.get("done", ""), ""),
    )


def kiosks_of(visit: PageRequest) -> list[str]:
    return [kiosk.name for kiosk in visit.services.desk.library.kiosks.values()]


# --- what can be done -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReservationAction:
    """An action with its question. ``asks`` gives what the question has to tell."""

    title: str
    sure: str
    asks: Callable[[PageRequest, Reservation], Awaitable[dict[str, Any]]]
    does: Callable[[Desk, RequestContext, str, str], Awaitable[Reservation]]


async def _nothing(_: PageRequest, __: Reservation) -> dict[str, Any]:
    return {}


async def _return_by(visit: PageRequest, r: Reservation) -> dict[str, Any]:
    policy = await visit.services.desk.policy_at_booking(r)
    return {"return_by": check_in_rules.decide_return_by(r, policy, visit.now)}


async def _ends(visit: PageRequest, r: Reservation) -> dict[str, Any]:
    ends = await renewal.renewal_choices(visit.services.desk, visit.ask(), r.id)
    return {"ends": [present.choice(end) for end in ends]}


ACTIONS: Final[Mapping[str, ReservationAction]] = {
    "cancel": ReservationAction(
        "取消预约",
        "确定取消",
        _nothing,
        lambda desk, ask, id, _: reservations_service.cancel(desk, ask, id),
    ),
    "leave": ReservationAction(
        "暂离",
        "确定暂离",
        _return_by,
        lambda desk, ask, id, _: check_in_service.leave(desk, ask, id),
    ),
    "finish": ReservationAction(
        "结束使用",
        "确认结束",
        _nothing,
        lambda desk, ask, id, _: check_in_service.finish(desk, ask, id),
    ),
    "accept": ReservationAction(
        "接受候补座位",
        "接受",
        _nothing,
        lambda desk, ask, id, _: desk.line.accept(ask, id),
    ),
    "decline": ReservationAction(
        "放弃候补座位",
        "放弃",
        _nothing,
        lambda desk, ask, id, _: desk.line.decline(ask, id),
    ),
    "report": ReservationAction(
        "座位被占",
        "报告图书馆",
        _nothing,
        lambda desk, ask, id, kind: seat_reports_service.report_occupied(desk, ask, id, kind),
    ),
    "confirm": ReservationAction(
        "确认状态",
        "确认",
        _nothing,
        lambda desk, ask, id, _: check_in_service.confirm(desk, ask, id),
    ),
    "extend": ReservationAction(
        "续约",
        "确定续约",
        _ends,
        lambda desk, ask, id, end: renewal.renew(desk, ask, id, time.fromisoformat(end)),
    ),
}


_SAYS: Final[Mapping[str, tuple[str, type[msgspec.Struct]]]] = {
    "extend": ("end", s.Extend),
    "report": ("kind", s.ReportTaken),
}
"""The one field that the reader fills in, and the shape that it must have."""


async def confirm_page(visit: PageRequest) -> web.StreamResponse:
    """What will happen, before it happens."""
    desk = visit.services.desk
    r = await desk.get_own(visit.id, visit.reader.id)
    if _verb(visit) == "change":
        wish = {"change": r.id, "date": r.date.isoformat(), "seat": r.seat_id}
        return redirect(f"/areas/{r.area_id}?{urlencode(wish)}")
    deed = _deed(visit)
    shown = await present.reservation(desk, r, visit.now)
    if _verb(visit) not in shown.actions:
        # Between the list and the tap the state has moved on: say so, show how it is now.
        raise InvalidState(state=r.state.value)
    return render_page(
        visit.request,
        "question.html",
        reader=visit.reader,
        r=shown,
        verb=_verb(visit),
        deed=deed,
        facts=await deed.asks(visit, r),
        refusal="",
    )


async def submit_action(visit: PageRequest, form: Form) -> web.StreamResponse:
    deed, verb, desk = _deed(visit), _verb(visit), visit.services.desk
    field, shape = _SAYS.get(verb, ("", s.EmptyRequest))
    said = form_text(form, field)
    try:
        body = msgspec.convert({field: said} if field else {}, shape)
    except msgspec.ValidationError as error:
        raise malformed(error, "form") from error
    ask = visit.context_with_key(form, body)
    try:
        await deed.does(desk, ask, visit.id, said)
    except (Conflict, RuleViolation) as error:
        count_error(visit.request, error)
        r = await desk.get_own(visit.id, visit.reader.id)
        return render_page(
            visit.request,
            "question.html",
            status=status_of(type(error)),
            reader=visit.reader,
            r=await present.reservation(desk, r, visit.now),
            verb=verb,
            deed=deed,
            facts={"ends": [], "return_by": None},
            refusal=text_of(error.code, error.details),
        )
    visit.services.nudge()
    if verb == "cancel":
        return redirect("/reservations?done=cancel")
    return redirect(f"/reservations/{visit.id}?done={verb}")


def _verb(visit: PageRequest) -> str:
    return visit.request.match_info["verb"]


def _deed(visit: PageRequest) -> ReservationAction:
    """Raises: NotFound."""
    deed = ACTIONS.get(_verb(visit))
    if deed is None:
        raise NotFound()
    return deed
