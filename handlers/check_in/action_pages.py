"""Pages of a reader's actions on a reservation or an offer: a question first, then the action.
Check-in and return need a scan, so ``check_in_by`` performs them instead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from handlers.check_in.scanned import report_done
from handlers.check_in.schemas import OtherEnd
from handlers.http.errors import status_of
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE, WAKE_JOBS
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.http.refusals import count_error
from handlers.http.rendering import render_page
from handlers.http.request_parsing import malformed
from handlers.http.schemas import EmptyRequest
from handlers.reservations import presenter
from handlers.seat_map.presenter import choice
from handlers.seat_reports.schemas import ReportTaken
from handlers.texts.errors import text_of
from handlers.texts.pages import ACTION_TEXT
from models.booking.service import ReservationService
from models.check_in import rules
from models.check_in.early_end import EarlyEndService
from models.check_in.renewal import RenewalService
from models.check_in.service import CheckInService
from models.kernel.errors import Conflict, NotFound, RuleViolation, WrongState
from models.readers.context import RequestContext
from models.reservations.entities import Reservation
from models.seat_reports.service import DeadlineAfterReport, SeatReportService
from models.waitlist.service import WaitlistService

Perform = Callable[[PageRequest, RequestContext, str], Awaitable[Reservation]]
"""A function that performs an action on a reservation. Its last argument is the text of the
action's form field, empty for an action without one."""
Facts = Callable[[PageRequest, Reservation], Awaitable[dict[str, Any]]]


async def _no_facts(_: PageRequest, __: Reservation) -> dict[str, Any]:
    return {}


async def _return_by(visit: PageRequest, r: Reservation) -> dict[str, Any]:
    policy = await visit[REFERENCE].policy_version_for(
        r.policy_version, r.area_id, r.date, r.reader_id
    )
    return {"return_by": rules.decide_return_by(visit.zone, r, policy, visit.now)}


async def _renewal_ends(visit: PageRequest, r: Reservation) -> dict[str, Any]:
    ends = await visit[RenewalService].renewal_choices(visit.context(), r.id)
    return {"ends": [choice(visit.zone, end, visit.now) for end in ends]}


async def _earlier_ends(visit: PageRequest, r: Reservation) -> dict[str, Any]:
    ends = await visit[EarlyEndService].earlier_ends(visit.context(), r.id)
    return {"ends": [choice(visit.zone, end, visit.now) for end in ends]}


async def _after_report(visit: PageRequest, r: Reservation) -> dict[str, Any]:
    deadline = await visit[SeatReportService].deadline_after_report(visit.context(), r)
    at_desk = r.report is not None and r.report.desk and deadline is not DeadlineAfterReport.STOPS
    return {"deadline": deadline, "desk_knows": at_desk}


@dataclass(frozen=True, slots=True)
class ReservationAction:
    """One action of a reader on a reservation. ``perform`` executes it. ``facts``: a function
    with further template data for the confirmation page. ``field``: the form field that the
    reader fills in; empty if there is none. ``shape``: the type that validates this field."""

    perform: Perform
    facts: Facts = _no_facts
    field: str = ""
    shape: type[msgspec.Struct] = EmptyRequest


ACTIONS: Final[Mapping[str, ReservationAction]] = {
    "cancel": ReservationAction(
        lambda visit, ctx, _: visit[ReservationService].cancel(ctx, visit.id)
    ),
    "leave": ReservationAction(
        lambda visit, ctx, _: visit[CheckInService].leave(ctx, visit.id), _return_by
    ),
    "finish": ReservationAction(lambda visit, ctx, _: visit[CheckInService].finish(ctx, visit.id)),
    "accept": ReservationAction(lambda visit, ctx, _: visit[WaitlistService].accept(ctx, visit.id)),
    "decline": ReservationAction(
        lambda visit, ctx, _: visit[WaitlistService].decline(ctx, visit.id)
    ),
    "report": ReservationAction(
        lambda visit, ctx, kind: visit[SeatReportService].report_occupied(
            ctx, visit.id, kind, None
        ),
        _after_report,
        field="kind",
        shape=ReportTaken,
    ),
    "confirm": ReservationAction(
        lambda visit, ctx, _: visit[CheckInService].confirm(ctx, visit.id)
    ),
    "extend": ReservationAction(
        lambda visit, ctx, end: visit[RenewalService].renew(ctx, visit.id, time.fromisoformat(end)),
        _renewal_ends,
        field="end",
        shape=OtherEnd,
    ),
    "shorten": ReservationAction(
        lambda visit, ctx, end: visit[EarlyEndService].shorten(
            ctx, visit.id, time.fromisoformat(end)
        ),
        _earlier_ends,
        field="end",
        shape=OtherEnd,
    ),
}


async def confirm_page(visit: PageRequest) -> web.StreamResponse:
    r = await visit[ReservationService].get_own(visit.id, visit.reader.id)
    verb = visit.request.match_info["verb"]
    if verb == "change":
        query = urlencode({"change": r.id, "date": r.date.isoformat(), "seat": r.seat_id})
        return redirect(f"/areas/{r.area_id}?{query}")
    action = _action(verb)
    reservation = await presenter.reservation(visit[REFERENCE], r, visit.now)
    if verb not in reservation.actions:
        # The state has changed since the list was loaded, perhaps in another tab.
        return redirect(f"/reservations/{r.id}?done=stale")
    return render_page(
        visit.request,
        "reservations/confirm.html",
        reader=visit.reader,
        r=reservation,
        verb=verb,
        question_title=ACTION_TEXT[verb][0],
        button=ACTION_TEXT[verb][1],
        facts=await action.facts(visit, r),
        refusal="",
    )


async def submit_action(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Performs the action that the URL names and the reader has confirmed. If a rule refuses the
    action, shows the confirmation page with the reason."""
    verb = visit.request.match_info["verb"]
    action = _action(verb)
    value = form_text(form, action.field) if action.field else ""
    try:
        body = msgspec.convert({action.field: value} if action.field else {}, action.shape)
    except msgspec.ValidationError as error:
        raise malformed(error, "form") from error
    ctx = visit.context_with_key(form, body)
    try:
        done = await action.perform(visit, ctx, value)
    except (Conflict, RuleViolation) as error:
        count_error(visit.request, error)
        if isinstance(error, WrongState):
            return redirect(f"/reservations/{visit.id}?done=stale")
        r = await visit[ReservationService].get_own(visit.id, visit.reader.id)
        return render_page(
            visit.request,
            "reservations/confirm.html",
            status=status_of(type(error)),
            reader=visit.reader,
            r=await presenter.reservation(visit[REFERENCE], r, visit.now),
            verb=verb,
            question_title=ACTION_TEXT[verb][0],
            button=ACTION_TEXT[verb][1],
            facts={"ends": [], "return_by": None},
            refusal=text_of(error.code, visit.zone.local_facts(error.details)),
        )
    visit[WAKE_JOBS]()
    if verb == "cancel":
        return redirect("/reservations?done=cancel")
    effect = report_done(done) if verb == "report" else verb
    return redirect(f"/reservations/{visit.id}?done={effect}")


def _action(verb: str) -> ReservationAction:
    """The action for the verb in the URL. Raises: NotFound."""
    action = ACTIONS.get(verb)
    if action is None:
        raise NotFound()
    return action
