from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from aiohttp import web

from handlers.http.keys import HEALTH, REFERENCE, service_key
from models.fault_reports.service import FaultReportService
from models.feedback.service import FeedbackService
from models.reservation_store.repository import ReservationRepository
from models.seat_reports.service import SeatReportService
from models.staff.alert_kinds import AlertKind, OpenItem
from models.violations.staff import StaffViolations

_COUNTED: Final = 100
"""At most this many items of a kind are counted."""


async def open_items(
    app: web.Application, reservations: ReservationRepository, now: datetime
) -> Mapping[AlertKind, list[OpenItem]]:
    """Open reports, faults, appeals, feedback and troubles by kind, with their venue if any."""
    catalog = app[REFERENCE].catalog
    reports, _ = await app[service_key(SeatReportService)].open_reports(now, 0, _COUNTED)
    faults, _ = await app[service_key(FaultReportService)].page_of(True, 0, _COUNTED)
    appeals, _ = await app[service_key(StaffViolations)].appeals(None, 0, _COUNTED)
    questions = await app[service_key(FeedbackService)].waiting(_COUNTED)
    about = await reservations.many({v.reservation_id for v in appeals})
    _, troubles = await app[HEALTH]()
    areas = {seat.id: catalog.areas.get(seat.area_id) for seat in catalog.all_seats.values()}
    return {
        AlertKind.REPORTS: [OpenItem(f"report:{r.id}", r.venue_id) for r in reports],
        AlertKind.FAULTS: [
            OpenItem(f"fault:{f.id}", area.venue_id if area is not None else None)
            for f in faults
            for area in [areas.get(f.seat_id)]
        ],
        AlertKind.APPEALS: [
            OpenItem(
                f"appeal:{v.id}",
                about[v.reservation_id].venue_id if v.reservation_id in about else None,
            )
            for v in appeals
        ],
        AlertKind.QUESTIONS: [OpenItem(f"question:{f.id}") for f in questions],
        AlertKind.TROUBLES: [OpenItem(f"trouble:{name}") for name in troubles],
    }
