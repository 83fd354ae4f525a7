"""TODO docstring."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from handlers.check_in import schemas
from handlers.http import schemas as http_schemas
from handlers.http.errors import status_of
from handlers.http.forms import Form
from handlers.http.pages import PageRequest, count_error, form_text, redirect, render_page
from handlers.http.request_parsing import malformed
from handlers.reservations import presenter as reservations_presenter
from handlers.seat_map import presenter
from handlers.seat_reports import schemas as seat_reports_schemas
from handlers.texts.errors import text_of
from models.booking.desk import Desk
from models.check_in import renewal
from models.check_in import rules as check_in_rules
from models.check_in import service as check_in_service
from models.kernel.errors import Conflict, NotFound, RuleViolation
from models.readers.context import RequestContext
from models.reservations import service as reservations_service
from models.reservations.entities import Reservation
from models.kernel.errors import InvalidState
from models.seat_reports import service as seat_reports_service


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
    return {"ends": [presenter.choice(end) for end in ends]}


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
    "extend": ("end", schemas.Extend),
    "report": ("kind", seat_reports_schemas.ReportTaken),
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
    shown = await reservations_presenter.reservation(desk, r, visit.now)
    if _verb(visit) not in shown.actions:
        # Between the list and the tap the state has moved on: say so, show how it is now.
        raise InvalidState(state=r.state.value)
    return render_page(
        visit.request,
        "reservations/confirm.html",
        reader=visit.reader,
        r=shown,
        verb=_verb(visit),
        deed=deed,
        facts=await deed.asks(visit, r),
        refusal="",
    )


async def submit_action(visit: PageRequest, form: Form) -> web.StreamResponse:
    deed, verb, desk = _deed(visit), _verb(visit), visit.services.desk
    field, shape = _SAYS.get(verb, ("", http_schemas.EmptyRequest))
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
            "reservations/confirm.html",
            status=status_of(type(error)),
            reader=visit.reader,
            r=await reservations_presenter.reservation(desk, r, visit.now),
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
