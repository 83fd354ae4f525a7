"""Endpoints for staff: violations, reports of seats, patrol, code sharing."""

from __future__ import annotations

from dataclasses import replace

from handlers.accounts import presenter as accounts_presenter
from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import Access, ApiRequest
from handlers.http.keys import REFERENCE
from handlers.http.schemas import Page, Pagination
from handlers.reservations import presenter as reservations_presenter
from handlers.reservations.schemas import ReservationOut
from handlers.staff.schemas import (
    CodeSharingOut,
    DecideAppeal,
    DeskReportOut,
    PatrolOut,
    StaffAppealOut,
    Waive,
    WaiveAll,
    WaivedOut,
)
from handlers.violations import presenter
from handlers.violations.schemas import ViolationOut
from models.code_sharing.service import CodeSharingService
from models.identity.roles import Role, StaffRights, rights_everywhere
from models.kernel.errors import Malformed, NotFound
from models.library.entities import KioskId
from models.readers.entities import Reader, onlooker
from models.readers.staff.readers import StaffReaders
from models.reservations.errors import OWN_RESERVATION
from models.seat_reports.service import SeatReportService
from models.seat_reports.staff import StaffSeatReports
from models.staff.audit_log import StaffContext
from models.text_checks.entities import TextVerdict
from models.violations.entities import Violation
from models.violations.staff import StaffViolations

routes = ApiRoutes()


@routes.get("/staff/appeals", "List pending appeals, oldest first", Access.VIEWER)
async def list_appeals(call: ApiRequest, query: Pagination) -> Page[StaffAppealOut]:
    rows, total = await call[StaffViolations].appeals(
        rights_of(call).venues, query.offset, query.page_size
    )
    readers = await call[StaffReaders].many({v.reader_id for v in rows})
    items = [await _appeal(call, v, readers.get(v.reader_id)) for v in rows]
    return query.page_of(items, total)


async def _appeal(call: ApiRequest, v: Violation, reader: Reader | None) -> StaffAppealOut:
    if reader is None:
        raise NotFound()
    verdict = v.appeal.verdict if v.appeal else TextVerdict.UNCHECKED
    reader_out = accounts_presenter.reader(reader)
    return StaffAppealOut(await _violation(call, v), reader_out, verdict.value)


@routes.post(
    "/staff/appeals/{id}",
    "Decide the appeal against a violation; granting it waives the violation",
    Access.LIBRARIAN,
    errors=OWN_RESERVATION,
    audited=True,
)
async def decide_appeal(call: ApiRequest, body: DecideAppeal) -> ViolationOut:
    decided = await call[StaffViolations].decide_appeal(
        staff_of(call), call.id, body.granted, body.answer
    )
    return await _violation(call, decided)


@routes.post(
    "/staff/violations/{id}/waive",
    "Waive a violation; a suspension that depends on it ends",
    Access.LIBRARIAN,
    errors=(NotFound,),
    audited=True,
)
async def waive(call: ApiRequest, body: Waive) -> ViolationOut:
    waived = await call[StaffViolations].waive(staff_of(call), call.id, body.reason)
    return await _violation(call, waived)


@routes.post(
    "/staff/violations/waive",
    "Waive all violations of an interval",
    Access.LIBRARIAN,
    audited=True,
)
async def waive_all(call: ApiRequest, body: WaiveAll) -> WaivedOut:
    if body.end <= body.start:
        raise Malformed("to", "to must be after from")
    waived = await call[StaffViolations].waive_all(
        staff_of(call), body.start, body.end, body.reason
    )
    return WaivedOut(waived)


@routes.get("/staff/reports", "List open reports of occupied seats, oldest first", Access.VIEWER)
async def list_reports(call: ApiRequest, query: Pagination) -> Page[DeskReportOut]:
    rows, total = await call[SeatReportService].open_reports(
        call.now, query.offset, query.page_size, rights_of(call).venues
    )
    items = [
        DeskReportOut(
            r.id,
            reservations_presenter.seat(call[REFERENCE], r.report.seat_id),
            call.zone.local(r.start),
            call.zone.local(r.end),
            r.report.kind,
            call.zone.local(r.report.at),
            r.report.open,
        )
        for r in rows
        if r.report is not None
    ]
    return query.page_of(items, total)


@routes.post(
    "/staff/reports/{id}/resolve",
    "Resolve an occupied-seat report: the seat is free for its reader again",
    Access.LIBRARIAN,
    errors=OWN_RESERVATION,
    audited=True,
)
async def resolve_report(call: ApiRequest) -> ReservationOut:
    r = await call[StaffSeatReports].resolve_report(staff_of(call), call.id)
    return await reservations_presenter.reservation(call[REFERENCE], r, call.now)


@routes.post(
    "/staff/reports/{id}/reject",
    "Reject an occupied-seat report: the reservation's deadlines run again",
    Access.LIBRARIAN,
    errors=OWN_RESERVATION,
    audited=True,
)
async def reject_report(call: ApiRequest) -> ReservationOut:
    r = await call[StaffSeatReports].reject_report(staff_of(call), call.id)
    return await reservations_presenter.reservation(call[REFERENCE], r, call.now)


@routes.get(
    "/staff/patrol",
    "List seats to check: in use, reported empty, and the reader could not be notified",
    Access.VIEWER,
)
async def list_patrol(call: ApiRequest, query: Pagination) -> Page[PatrolOut]:
    rows, total = await call[SeatReportService].to_patrol(
        call.now, query.offset, query.page_size, rights_of(call).venues
    )
    items = [
        PatrolOut(
            r.id,
            reservations_presenter.seat(call[REFERENCE], r.seat_id),
            call.zone.local(r.start),
            call.zone.local(r.end),
            call.zone.local(r.patrol_at),
        )
        for r in rows
        if r.patrol_at is not None
    ]
    return query.page_of(items, total)


@routes.get(
    "/staff/code-sharing",
    "List check-ins with a code that may have been passed on, newest first",
    Access.VIEWER,
)
async def list_code_sharing(call: ApiRequest, query: Pagination) -> Page[CodeSharingOut]:
    rights_of(call).require(Role.VIEWER, None)
    rows, total = await call[CodeSharingService].page_of(query.offset, query.page_size)
    readers = await call[StaffReaders].many({scan.reader_id for scan in rows})
    catalog = call[REFERENCE].catalog
    items = []
    for scan in rows:
        reader = readers.get(scan.reader_id)
        if reader is None:
            continue
        id = KioskId(scan.step.split(":")[1])
        kiosk = catalog.kiosks.get(id) or catalog.retired_kiosks.get(id)
        items.append(
            CodeSharingOut(
                scan.id,
                accounts_presenter.reader(reader),
                kiosk.name if kiosk else "",
                call.zone.local(scan.at),
                scan.score,
                list(scan.reasons),
            )
        )
    return query.page_of(items, total)


async def _violation(call: ApiRequest, v: Violation) -> ViolationOut:
    return await presenter.violation(call, v)


def staff_of(call: ApiRequest, digest: str | None = None) -> StaffContext:
    """The staff member or program that acts, as the context for services. ``digest``: the hash
    of the request's body; with it, a request repeated under its idempotency key has one effect."""
    rights, program = rights_of(call), call.program
    who = onlooker(program.actor_id) if program is not None else call.reader
    key = call.key(digest) if digest is not None else None
    own = replace(key, value=f"{who.id}:{key.value}") if key is not None else None
    return StaffContext(who, rights.role, call.now, call.zone, rights, own, call.step_aside)


def rights_of(call: ApiRequest) -> StaffRights:
    """The staff rights of the caller. A program has a librarian's rights in all venues, but its
    routes are limited by its token's scopes."""
    if call.program is not None:
        return rights_everywhere(Role.LIBRARIAN)
    rights = call.principal.rights_at(call.zone, call.now) if call.principal is not None else None
    assert rights is not None
    return rights
