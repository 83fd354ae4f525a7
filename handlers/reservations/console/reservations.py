"""The console's pages of occupied-seat reports and of a single reservation."""

from __future__ import annotations

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.language import language_of
from handlers.http.pages import PageRequest, form_reason, form_text, redirect
from handlers.parties import presenter as parties_presenter
from handlers.parties.schemas import InvitationOut
from handlers.reservations import presenter
from handlers.staff.forms import seat_in
from handlers.staff.layout import PAGE, page_number, pages_of, reader_label, render, staff_context
from handlers.texts.labels import EVENT_TEXT
from models.booking.alternatives import SeatAlternatives
from models.booking.staff.lookup import ReservationLookup
from models.booking.staff.reservations import STAFF_ACTIONS, StaffReservations
from models.check_in import rules
from models.identity.roles import Role
from models.kernel.errors import DomainError, NotFound
from models.parties.service import PartyService
from models.readers.staff.readers import StaffReaders
from models.reservations import rules as reservations_rules
from models.reservations.entities import Reservation
from models.reservations.state_machine import ReservationState
from models.seat_reports.service import SeatReportService
from models.seat_reports.staff import StaffSeatReports
from models.staff.audit import AuditAction


async def reports(visit: PageRequest) -> web.StreamResponse:
    reference, number = visit[REFERENCE], page_number(visit)
    rows, total = await visit[SeatReportService].open_reports(
        visit.now,
        (number - 1) * PAGE,
        PAGE,
        visit.rights.venues if visit.rights is not None else None,
    )
    items = [
        (r, r.report, reference.catalog.label_of(r.report.seat_id))
        for r in rows
        if r.report is not None
    ]
    return render(visit, "reports", items=items, number=number, pages=pages_of(total))


async def resolve_report(visit: PageRequest, _: Form) -> web.StreamResponse:
    """Closes an occupied-seat report as justified: staff have cleared the seat for its reader."""
    await visit[StaffSeatReports].resolve_report(staff_context(visit), visit.id)
    return redirect(f"/console/reports?done={AuditAction.RESOLVE_REPORT}")


async def reject_report(visit: PageRequest, _: Form) -> web.StreamResponse:
    """Closes an occupied-seat report as unjustified: staff found nobody else on the seat."""
    await visit[StaffSeatReports].reject_report(staff_context(visit), visit.id)
    return redirect(f"/console/reports?done={AuditAction.REJECT_REPORT}")


async def reservation(visit: PageRequest) -> web.StreamResponse:
    r, reference = await visit[ReservationLookup].get(visit.id), visit[REFERENCE]
    visit.require_in(r.venue_id)
    reader = (await visit[StaffReaders].many({r.reader_id})).get(r.reader_id)
    movable = is_movable(r, visit)
    return render(
        visit,
        "reservation",
        r=await presenter.detail(reference, r, visit.now, language_of(visit.request)),
        who=reader_label(reader),
        reader_id=reader.id if reader is not None else "",
        possible=possible_actions(r, visit),
        near=await visit[SeatAlternatives].alternatives_for(r, reader, visit.now)
        if movable
        else [],
        movable=movable,
        areas=[a for a in reference.catalog.bookable_areas if visit.sees(a.venue_id)],
        home=r.area_id,
        events=EVENT_TEXT,
        party=await _held_for_friends(visit, r),
    )


async def _held_for_friends(visit: PageRequest, r: Reservation) -> InvitationOut | None:
    """The seats that the booking's reader holds for friends; None if there are none."""
    party = await visit[PartyService].of_booking(r.id)
    if party is None or not party.held():
        return None
    return parties_presenter.invitation(visit[REFERENCE], party, party.held())


def is_movable(r: Reservation, visit: PageRequest) -> bool:
    """True if staff may move the reader to another seat. The service checks this again."""
    try:
        reservations_rules.may_change(r, visit.now, by_staff=True)
    except DomainError:
        return False
    return True


def possible_actions(r: Reservation, visit: PageRequest) -> list[AuditAction]:
    """The actions on the reservation that staff may perform now for the reader. The page shows
    them; the service checks again before an action."""
    return [action for action in STAFF_ACTIONS if _possible(action, r, visit)]


def _possible(action: AuditAction, r: Reservation, visit: PageRequest) -> bool:
    try:
        match action:
            case AuditAction.CHECK_IN if r.state is ReservationState.AWAY:
                rules.may_return(r, visit.now)
            case AuditAction.CHECK_IN if r.state is ReservationState.IN_USE:
                return rules.asks_for_presence(r)
            case AuditAction.CHECK_IN:
                rules.may_check_in(r, visit.now)
            case AuditAction.LEAVE:
                return r.state is ReservationState.IN_USE and visit.now < r.end
            case AuditAction.FINISH:
                rules.may_finish(r, visit.now)
            case AuditAction.ACCEPT_OFFER:
                reservations_rules.may_accept(r, visit.now)
            case AuditAction.DECLINE_OFFER:
                return r.state is ReservationState.OFFERED
            case _:
                reservations_rules.may_cancel(r, visit.now)
    except DomainError:
        return False
    return True


async def act_for_reader(visit: PageRequest, form: Form) -> web.StreamResponse:
    action, staff = visit.request.match_info["verb"], visit[StaffReservations]
    r = await visit[ReservationLookup].get(visit.id)
    visit.require_in(r.venue_id, Role.LIBRARIAN)  # a refusal leads to the reservation's page
    if action not in STAFF_ACTIONS and action != AuditAction.MOVE:
        raise NotFound()
    reason = form_reason(form)
    if action == AuditAction.MOVE:
        typed = form_text(form, "by") == "no"
        seat_id = seat_in(visit, form) if typed else form_text(form, "seat")
        r = await staff.move(staff_context(visit), r.id, seat_id, reason)
    else:
        r = await staff.act_for_reader(staff_context(visit), action, r.id, reason)
    if form_text(form, "patrol"):
        return redirect(f"/console/seats?area={r.area_id}&seat={r.seat_id}&done={action}")
    return redirect(f"/console/reservations/{r.id}?done={action}")
