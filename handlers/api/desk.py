"""What librarians decide: appeals, and violations that are let go."""

from __future__ import annotations

from handlers import deeds
from handlers.api import present
from handlers.api import schemas as s
from handlers.api.contract import Call
from models.errors import Malformed, NotFound
from models.library import KioskId
from models.reader import Reader
from models.timerange import local
from models.violation import Violation


async def appeals(call: Call, query: s.Pagination) -> s.Page[s.DeskAppealOut]:
    desk = call.services.desk
    rows, total = await desk.violations.appeals(query.offset, query.page_size)
    people = await desk.readers.many({v.reader_id for v in rows})
    items = [await _appeal(call, v, people.get(v.reader_id)) for v in rows]
    return query.page_of(items, total)


async def _appeal(call: Call, v: Violation, reader: Reader | None) -> s.DeskAppealOut:
    if reader is None:
        raise NotFound()
    shown = await present.violation(call.services.desk, v, call.now)
    return s.DeskAppealOut(shown, present.reader(reader))


async def settle(call: Call, body: s.Settle) -> s.ViolationOut:
    settled = await deeds.settle(_staff(call), call.id, body.granted, body.answer)
    return await present.violation(call.services.desk, settled, call.now)


async def waive(call: Call, body: s.Waive) -> s.ViolationOut:
    waived = await deeds.waive(_staff(call), call.id, body.reason)
    return await present.violation(call.services.desk, waived, call.now)


async def waive_all(call: Call, body: s.WaiveAll) -> s.WaivedOut:
    if body.end <= body.start:
        raise Malformed("to", "to is after from")
    return s.WaivedOut(await deeds.waive_all(_staff(call), body.start, body.end, body.reason))


async def reports(call: Call, query: s.Pagination) -> s.Page[s.DeskReportOut]:
    """Seats that somebody else has taken: the desk goes and looks."""
    desk = call.services.desk
    rows, total = await desk.reservations.reported(call.now, query.offset, query.page_size)
    items = [
        s.DeskReportOut(
            r.id,
            present.seat(desk, r.report.seat_id),
            local(r.start),
            local(r.end),
            r.report.kind,
            local(r.report.at),
        )
        for r in rows
        if r.report is not None
    ]
    return query.page_of(items, total)


async def resolve(call: Call) -> s.ReservationOut:
    r = await deeds.resolve(_staff(call), call.id)
    return await present.reservation(call.services.desk, r, call.now)


async def relays(call: Call, query: s.Pagination) -> s.Page[s.RelayOut]:
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
            s.RelayOut(
                scan.id,
                present.reader(reader),
                kiosk.name if kiosk else "",
                local(scan.at),
                scan.score,
                list(scan.reasons),
            )
        )
    return query.page_of(items, total)


def _staff(call: Call) -> deeds.Staff:
    return deeds.Staff(call.services, call.reader, call.now)
