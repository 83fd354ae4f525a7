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
from handlers.web.pages import Form, Visit, counted, page, redirect, text_in
from handlers.web.seats import current_of
from models import rules
from models.booking import attend, penalties, reserve
from models.booking.desk import Ask, Desk
from models.booking.penalties import standing
from models.errors import Conflict, NotFound, NothingToAppeal, RuleViolation, WrongState
from models.feedback import LONGEST
from models.library import WISHES
from models.reservation import Reservation
from models.timerange import local_date

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


async def listed(visit: Visit) -> web.StreamResponse:
    desk, number = visit.services.desk, page_number(visit)
    (rows, total), today, waits = await asyncio.gather(
        desk.reservations.page_of(visit.reader.id, [], (number - 1) * _PAGE_SIZE, _PAGE_SIZE),
        desk.reservations.of_day(visit.reader.id, local_date(visit.now)),
        desk.waits.open_of(visit.reader.id),
    )
    if number > pages_of(total, _PAGE_SIZE):
        return redirect(f"/reservations?page={pages_of(total, _PAGE_SIZE)}")
    return page(
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
            for r in rules.still_to_come(today, visit.now)
        ],
        done=DONE.get(visit.request.query.get("done", ""), ""),
    )


async def violations(visit: Visit) -> web.StreamResponse:
    desk, number = visit.services.desk, page_number(visit)
    rows, total = await desk.violations.page_of(
        visit.reader.id, (number - 1) * _PAGE_SIZE, _PAGE_SIZE
    )
    if number > pages_of(total, _PAGE_SIZE):
        return redirect(f"/reservations/violations?page={pages_of(total, _PAGE_SIZE)}")
    return page(
        visit.request,
        "violations.html",
        reader=visit.reader,
        items=[await present.violation(desk, v, visit.now) for v in rows],
        sent="sent" in visit.request.query,
        number=number,
        pages=pages_of(total, _PAGE_SIZE),
        standing=await standing(desk, visit.reader.id, visit.now),
        suspended_until=visit.suspended_until,
    )


async def appeal_form(visit: Visit) -> web.StreamResponse:
    return await _appeal(visit)


async def appeal(visit: Visit, form: Form) -> web.StreamResponse:
    """Why it was no violation, in the reader's words."""
    text, wrong = written(form)
    if wrong:
        return await _appeal(visit, status=422, text=text, wrong=wrong)
    await penalties.appeal(visit.services.desk, visit.reader.id, visit.id, text, visit.now)
    return redirect("/reservations/violations?sent")


async def _appeal(
    visit: Visit, *, status: int = 200, text: str = "", wrong: str = ""
) -> web.StreamResponse:
    desk = visit.services.desk
    found = await desk.violations.get(visit.id)
    if found is None or found.reader_id != visit.reader.id:
        raise NotFound()
    if found.waived or found.appeal is not None:
        raise NothingToAppeal()
    return page(
        visit.request,
        "appeal.html",
        status=status,
        reader=visit.reader,
        v=await present.violation(desk, found, visit.now),
        longest=LONGEST,
        text=text,
        wrong=wrong,
    )


async def join(visit: Visit, form: Form) -> web.StreamResponse:
    """加入候补."""
    names = ("area_id", "date", "start", "end")
    given = {name: text_in(form, name) for name in names}
    marks = {mark: "true" for mark in WISHES if text_in(form, mark)}
    try:
        body = msgspec.convert(given | marks, s.Join, strict=False)
    except msgspec.ValidationError as error:
        raise malformed(error, "form") from error
    start = None if body.start == "now" else time.fromisoformat(body.start)
    wish = rules.Wish(body.date, start, time.fromisoformat(body.end))
    line = visit.services.desk.line
    await line.join(visit.ask(), body.area_id, [], body.wanted, wish)
    return redirect("/reservations?done=wait")


async def unwait(visit: Visit, _: Form) -> web.StreamResponse:
    await visit.services.desk.line.leave(visit.ask(), visit.id)
    visit.services.nudge()
    return redirect("/reservations?done=unwait")


async def gate_records(visit: Visit) -> web.StreamResponse:
    desk, number = visit.services.desk, page_number(visit)
    rows, total = await desk.passages.page_of(
        visit.reader.id, (number - 1) * _PAGE_SIZE, _PAGE_SIZE
    )
    if number > pages_of(total, _PAGE_SIZE):
        return redirect(f"/reservations/gates?page={pages_of(total, _PAGE_SIZE)}")
    names = {gate.id: gate.name for gate in await desk.gates.all()}
    return page(
        visit.request,
        "gates.html",
        reader=visit.reader,
        items=[present.passage(p, names) for p in rows],
        effects=EFFECT_TEXT,
        number=number,
        pages=pages_of(total, _PAGE_SIZE),
    )


def page_number(visit: Visit) -> int:
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


async def one(visit: Visit) -> web.StreamResponse:
    desk = visit.services.desk
    found = await desk.own(visit.id, visit.reader.id)
    return page(
        visit.request,
        "reservation.html",
        reader=visit.reader,
        r=await present.detail(desk, found, visit.now),
        nearest=await reserve.nearest_of(desk, found, visit.now) if found.reported else None,
        events=EVENT_TEXT,
        kiosks=kiosks_of(visit),
        done=DONE.get(visit.request.query.get("done", ""), ""),
    )


def kiosks_of(visit: Visit) -> list[str]:
    return [kiosk.name for kiosk in visit.services.desk.library.kiosks.values()]


# --- what can be done -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Deed:
    """An action with its question. ``asks`` gives what the question has to tell."""

    title: str
    sure: str
    asks: Callable[[Visit, Reservation], Awaitable[dict[str, Any]]]
    does: Callable[[Desk, Ask, str, str], Awaitable[Reservation]]


async def _nothing(_: Visit, __: Reservation) -> dict[str, Any]:
    return {}


async def _return_by(visit: Visit, r: Reservation) -> dict[str, Any]:
    policy = await visit.services.desk.policy_of(r)
    return {"return_by": rules.decide_return_by(r, policy, visit.now)}


async def _ends(visit: Visit, r: Reservation) -> dict[str, Any]:
    ends = await attend.extension_choices(visit.services.desk, visit.ask(), r.id)
    return {"ends": [present.choice(end) for end in ends]}


DEEDS: Final[Mapping[str, _Deed]] = {
    "cancel": _Deed(
        "取消预约",
        "确定取消",
        _nothing,
        lambda desk, ask, id, _: reserve.cancel(desk, ask, id),
    ),
    "leave": _Deed(
        "暂离",
        "确定暂离",
        _return_by,
        lambda desk, ask, id, _: attend.leave(desk, ask, id),
    ),
    "finish": _Deed(
        "结束使用",
        "确认结束",
        _nothing,
        lambda desk, ask, id, _: attend.finish(desk, ask, id),
    ),
    "accept": _Deed(
        "接受候补座位",
        "接受",
        _nothing,
        lambda desk, ask, id, _: desk.line.accept(ask, id),
    ),
    "decline": _Deed(
        "放弃候补座位",
        "放弃",
        _nothing,
        lambda desk, ask, id, _: desk.line.decline(ask, id),
    ),
    "report": _Deed(
        "座位被占",
        "报告图书馆",
        _nothing,
        lambda desk, ask, id, kind: attend.report(desk, ask, id, kind),
    ),
    "confirm": _Deed(
        "确认状态",
        "确认",
        _nothing,
        lambda desk, ask, id, _: attend.confirm(desk, ask, id),
    ),
    "extend": _Deed(
        "续约",
        "确定续约",
        _ends,
        lambda desk, ask, id, end: attend.extend(desk, ask, id, time.fromisoformat(end)),
    ),
}


_SAYS: Final[Mapping[str, tuple[str, type[msgspec.Struct]]]] = {
    "extend": ("end", s.Extend),
    "report": ("kind", s.ReportTaken),
}
"""The one field that the reader fills in, and the shape that it must have."""


async def question(visit: Visit) -> web.StreamResponse:
    """What will happen, before it happens."""
    desk = visit.services.desk
    r = await desk.own(visit.id, visit.reader.id)
    if _verb(visit) == "change":
        wish = {"change": r.id, "date": r.date.isoformat(), "seat": r.seat_id}
        return redirect(f"/areas/{r.area_id}?{urlencode(wish)}")
    deed = _deed(visit)
    shown = await present.reservation(desk, r, visit.now)
    if _verb(visit) not in shown.actions:
        # Between the list and the tap the state has moved on: say so, show how it is now.
        raise WrongState(state=r.state.value)
    return page(
        visit.request,
        "question.html",
        reader=visit.reader,
        r=shown,
        verb=_verb(visit),
        deed=deed,
        facts=await deed.asks(visit, r),
        refusal="",
    )


async def answer(visit: Visit, form: Form) -> web.StreamResponse:
    deed, verb, desk = _deed(visit), _verb(visit), visit.services.desk
    field, shape = _SAYS.get(verb, ("", s.Nothing))
    said = text_in(form, field)
    try:
        body = msgspec.convert({field: said} if field else {}, shape)
    except msgspec.ValidationError as error:
        raise malformed(error, "form") from error
    ask = visit.ask_once(form, body)
    try:
        await deed.does(desk, ask, visit.id, said)
    except (Conflict, RuleViolation) as error:
        counted(visit.request, error)
        r = await desk.own(visit.id, visit.reader.id)
        return page(
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


def _verb(visit: Visit) -> str:
    return visit.request.match_info["verb"]


def _deed(visit: Visit) -> _Deed:
    """Raises: NotFound."""
    deed = DEEDS.get(_verb(visit))
    if deed is None:
        raise NotFound()
    return deed
