"""What librarians decide: appeals, and violations that are let go."""

from __future__ import annotations

from handlers import deeds
from handlers.accounts import presenter as accounts_presenter
from handlers.http import schemas as http_schemas
from handlers.http.endpoint import ApiRequest
from handlers.reservations import presenter as reservations_presenter
from handlers.reservations import schemas as reservations_schemas
from handlers.staff import schemas
from handlers.violations import presenter
from handlers.violations import schemas as violations_schemas
from models.kernel.errors import InvalidRequest, NotFound
from models.kernel.time_range import to_local
from models.library.entities import KioskId
from models.readers.entities import Reader
from models.violations.entities import Violation


async def appeals(
    call: ApiRequest, query: http_schemas.Pagination
) -> http_schemas.Page[schemas.StaffAppealOut]:
    desk = call.services.desk
    rows, total = await desk.violations.appeals(query.offset, query.page_size)
    people = await desk.readers.many({v.reader_id for v in rows})
    items = [await _appeal(call, v, people.get(v.reader_id)) for v in rows]
    return query.page_of(items, total)


async def _appeal(call: ApiRequest, v: Violation, reader: Reader | None) -> schemas.StaffAppealOut:
    if reader is None:
        raise NotFound()
    shown = await presenter.violation(call.services.desk, v, call.now)
    return schemas.StaffAppealOut(shown, accounts_presenter.reader(reader))


async def settle(call: ApiRequest, body: schemas.DecideAppeal) -> violations_schemas.ViolationOut:
    settled = await deeds.decide_appeal(_staff(call), call.id, body.granted, body.answer)
    return await presenter.violation(call.services.desk, settled, call.now)


async def waive(call: ApiRequest, body: schemas.Waive) -> violations_schemas.ViolationOut:
    waived = await deeds.waive(_staff(call), call.id, body.reason)
    return await presenter.violation(call.services.desk, waived, call.now)


async def waive_all(call: ApiRequest, body: schemas.WaiveAll) -> schemas.WaivedOut:
    if body.end <= body.start:
        raise InvalidRequest("to", "to is after from")
    return schemas.WaivedOut(await deeds.waive_all(_staff(call), body.start, body.end, body.reason))


async def reports(
    call: ApiRequest, query: http_schemas.Pagination
) -> http_schemas.Page[schemas.DeskReportOut]:
    """Seats that somebody else has taken: the desk goes and looks."""
    desk = call.services.desk
    rows, total = await desk.reservations.with_open_reports(call.now, query.offset, query.page_size)
    items = [
        schemas.DeskReportOut(
            r.id,
            reservations_presenter.seat(desk, r.report.seat_id),
            to_local(r.start),
            to_local(r.end),
            r.report.kind,
            to_local(r.report.at),
        )
        for r in rows
        if r.report is not None
    ]
    return query.page_of(items, total)


async def resolve(call: ApiRequest) -> reservations_schemas.ReservationOut:
    r = await deeds.resolve(_staff(call), call.id)
    return await reservations_presenter.reservation(call.services.desk, r, call.now)


async def relays(
    call: ApiRequest, query: http_schemas.Pagination
) -> http_schemas.Page[schemas.CodeSharingOut]:
    """Check-ins by a code that somebody else may have sent on."""
    desk = call.services.desk
    rows, total = await desk.scans.page_of(query.offset, query.page_size)
    people = await desk.readers.many({scan.reader_id for scan in rows})
    items = []
    for scan in rows:
        reader = people.get(scan.reader_id)
        if reader is None:
            continue
        kiosk = desk.library.kiosks.get(KioskId(scan.step.split(":")[1]))
        items.append(
            schemas.CodeSharingOut(
                scan.id,
                accounts_presenter.reader(reader),
                kiosk.name if kiosk else "",
                to_local(scan.at),
                scan.score,
                list(scan.reasons),
            )
        )
    return query.page_of(items, total)


def _staff(call: ApiRequest) -> deeds.StaffContext:
    return deeds.StaffContext(call.services, call.reader, call.now)
