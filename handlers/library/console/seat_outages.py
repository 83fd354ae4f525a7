from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from handlers.affected_bookings.console import open_question, resolution_from
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.staff.forms import decode
from handlers.staff.layout import render, staff_context
from handlers.staff.sent_forms import refuse
from handlers.texts.console import CHANGE_TEXT, RELEASED_AT_PATROL
from models.identity.roles import Role
from models.kernel.errors import Malformed
from models.kernel.zone import Zone
from models.library.entities import Seat
from models.library.errors import PlanChanged
from models.library.plan_editing import LONGEST_REASON
from models.library.seat_outage import IN_SERVICE, SeatOutage, outage_of, with_outage
from models.library.staff.seat_outages import StaffSeatOutages

_BETWEEN: Final = "|"


class OutageForm(msgspec.Struct):
    reason: Annotated[str, Meta(max_length=LONGEST_REASON)] = ""
    until: date | None = None


def outage_token(seat: Seat) -> str:
    """The seat's outage as text for a hidden form field, to detect a concurrent change."""
    outage = outage_of(seat)
    days = (outage.first, outage.last)
    return _BETWEEN.join((*(day.isoformat() if day else "" for day in days), outage.reason or ""))


def _outage_in(token: str) -> SeatOutage:
    """The outage in a form's hidden field, written by ``outage_token``. Raises: Malformed."""
    first, _, rest = token.partition(_BETWEEN)
    last, _, reason = rest.partition(_BETWEEN)
    try:
        days = [date.fromisoformat(text) if text else None for text in (first, last)]
    except ValueError as error:
        raise Malformed("was", "page_outdated") from error
    return SeatOutage(reason or None, *days)


async def set_outage(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Sets or ends the seat's outage. If bookings are affected, asks first what to do with them."""
    reference = visit[REFERENCE]
    await reference.refresh()  # another worker may have changed the plan
    seat = reference.seat(visit.id)
    area = reference.area(seat.area_id)
    visit.require_in(area.venue_id, Role.LIBRARIAN)
    try:
        was, new = _outage_in(form_text(form, "was")), _new_outage(visit.zone, form)
        planned = with_outage(area, seat.id, was, new, visit.zone.day(visit.now))
        question = await open_question(
            visit, form, reference.policy, reference.catalog.with_areas(planned)
        )
        if question is not None and ("wrong" in question or _asks(question["impact"])):
            return _page(visit, seat, **question)
        reason = new.reason or RELEASED_AT_PATROL
        change = CHANGE_TEXT["disabled" if new.reason else "enabled"].format(seats=seat.number)
        await visit[StaffSeatOutages].set_outage(
            staff_context(visit), seat.id, was, new, change, reason, resolution_from(form)
        )
    except (Malformed, PlanChanged) as error:
        refuse(visit, form, error)
        return _page(visit, reference.seat(visit.id), impact=None)
    if form_text(form, "fault"):
        return redirect("/console/faults?done=plan")
    return redirect(f"/console/seats?area={seat.area_id}&seat={seat.id}&done=plan")


def _asks(impact: Any) -> bool:
    return bool(impact.count or impact.held or impact.sitting)


def _new_outage(zone: Zone, form: Form) -> SeatOutage:
    """The outage that the form describes. Raises: Malformed."""
    if form_text(form, "release"):
        return IN_SERVICE
    typed = decode(zone, form, OutageForm)
    return SeatOutage(typed.reason, None, typed.until)


def _page(visit: PageRequest, seat: Seat, **question: Any) -> web.Response:
    return render(
        visit,
        "seat_outage",
        seat=seat,
        label=visit[REFERENCE].catalog.label_of(seat.id),
        was=outage_token(seat),
        longest=LONGEST_REASON,
        today=visit.zone.day(visit.now),
        **question,
    )
