"""The dashboard: today's numbers, decisions that wait for staff, and alarms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

from handlers.http import presenting
from handlers.http.keys import HEALTH, REFERENCE
from handlers.http.pages import PageRequest
from handlers.staff.layout import render, sees_area, sees_seat, visible_seats
from handlers.texts.console import ALARM_TEXT
from handlers.texts.console_labels import TROUBLE_TEXT, WAITING_TEXT
from models.affected_bookings.impact import AffectedBookings
from models.deadlines.presence_knowledge import PresenceKnowledge
from models.fault_reports.service import FaultReportService
from models.feedback.service import FeedbackService
from models.gates.service import GateService
from models.kiosks.service import KioskService
from models.library.entities import AreaId, VenueId
from models.messages.staff import StaffDeliveries
from models.outages.entities import MIN_DURATION, RETIRED_AFTER
from models.policy.open_hours import open_hours
from models.reservations.booking_facts import BookingFacts
from models.reservations.state_machine import ReservationState
from models.seat_reports.service import SeatReportService
from models.statistics.service import StatisticsService
from models.statistics.today import occupied_seats, totals
from models.violations.staff import StaffViolations

_UNSEEN: Final = timedelta(minutes=10)
"""A gate that has sent nothing for longer than this raises an alarm."""


@dataclass(frozen=True, slots=True)
class AreaDashboard:
    """An area on the dashboard. ``hours``: occupied seats at each full hour while it is open."""

    id: str
    venue_id: VenueId
    name: str
    seats: int
    used: int
    booked: int
    hours: list[int]


async def dashboard(visit: PageRequest) -> web.StreamResponse:
    catalog, now = visit[REFERENCE].catalog, visit.now
    day = visit.zone.day(now)
    rows: dict[AreaId, list[BookingFacts]] = {area: [] for area in catalog.areas}
    async for row in visit[StatisticsService].bookings_on(day):
        if not sees_area(visit, row.area_id):
            continue
        rows.setdefault(row.area_id, []).append(row)
    late: dict[AreaId, list[BookingFacts]] = {area: [] for area in catalog.areas}
    for row in await visit[StatisticsService].late_bookings(day):
        if not sees_area(visit, row.area_id):
            continue
        late.setdefault(row.area_id, []).append(row)
    instants = _hours(visit)
    areas = []
    for area in catalog.areas_in_use:
        if not visit.sees(area.venue_id):
            continue
        mine = [*late[area.id], *rows[area.id]]
        areas.append(
            AreaDashboard(
                id=area.id,
                venue_id=area.venue_id,
                name=catalog.full_name(area),
                seats=sum(seat.unavailable_reason(day) is None for seat in area.seats),
                used=sum(
                    row.state in (ReservationState.IN_USE, ReservationState.AWAY) for row in mine
                ),
                booked=sum(row.state is ReservationState.RESERVED for row in rows[area.id]),
                hours=occupied_seats(mine, instants, now),
            )
        )
    return render(
        visit,
        "dashboard",
        totals=totals(
            (row for mine in rows.values() for row in mine),
            (row for mine in late.values() for row in mine),
        ),
        areas=areas,
        instants=instants,
        past=sum(instant <= now for instant in instants),
        alarms=await _alarms(visit),
        waiting=await _waiting(visit),
    )


def _hours(visit: PageRequest) -> list[datetime]:
    reference, day = visit[REFERENCE], visit.zone.day(visit.now)
    venues = filter(visit.sees, reference.catalog.venues)
    places = [open_hours(visit.zone, reference.policy, day, venue, None) for venue in venues]
    hours = visit.zone.steps(day, 60)
    return [hour for hour in hours if any(place.containing(hour) for place in places)]


async def _alarms(visit: PageRequest) -> list[str]:
    now, kiosks = visit.now, visit[REFERENCE].catalog.kiosks
    _, troubles = await visit[HEALTH]()
    alarms = [
        TROUBLE_TEXT.get(name) or ALARM_TEXT["trouble"].format(name=name, what=what)
        for name, what in troubles.items()
    ]
    for kiosk_id, last_seen in (await visit[KioskService].last_seen()).items():
        kiosk = kiosks.get(kiosk_id)
        if (
            kiosk is not None
            and visit.sees(kiosk.venue_id)
            and MIN_DURATION < now - last_seen < RETIRED_AFTER
        ):
            since = presenting.clock(visit.zone, last_seen)
            alarms.append(ALARM_TEXT["kiosk_silent"].format(name=kiosk.name, since=since))
    for gate in await visit[GateService].all():
        heard = None if gate.retired or not visit.sees(gate.venue_id) else gate.last_seen_at
        if heard is not None and now - heard > _UNSEEN:
            since = f"{visit.zone.local(heard):%m-%d %H:%M}"
            alarms.append(ALARM_TEXT["gate_silent"].format(name=gate.name, since=since))
    unproven = await visit[PresenceKnowledge].venues_without_proof(now)
    catalog = visit[REFERENCE].catalog
    visible_venues = {area.venue_id for area in catalog.bookable_areas if visit.sees(area.venue_id)}
    for venue_id, venue in catalog.venues.items():
        if venue_id in unproven & visible_venues:
            alarms.append(ALARM_TEXT["no_presence"].format(venue=venue.name))
    return alarms


async def _waiting(visit: PageRequest) -> list[tuple[str, str, int]]:
    """The decisions that wait for staff, by kind: the page's path, a text, and their number."""
    venues = visit.rights.venues if visit.rights is not None else None
    _, seats = await visit[SeatReportService].open_reports(visit.now, 0, 1, venues)
    _, doubted = await visit[SeatReportService].to_patrol(visit.now, 0, 1, venues)
    _, appealed = await visit[StaffViolations].appeals(venues, 0, 1)
    mine = visible_seats(visit)
    _, broken = await visit[FaultReportService].page_of(True, 0, 1, mine)
    questions = len(await visit[FeedbackService].waiting(100))
    outside = await visit[AffectedBookings].find_unplaceable(visit.now)
    since = visit.now - timedelta(days=1)
    failed = await visit[StaffDeliveries].failures(since)
    open_counts = {
        "reports": seats,
        "seats": doubted,
        "faults": broken,
        "appeals": appealed,
        "questions": questions,
        "affected-bookings": sum(sees_seat(visit, row.seat_id) for row in outside),
        "deliveries": failed if venues is None else 0,
    }
    return [(f"/console/{page}", WAITING_TEXT[page], n) for page, n in open_counts.items() if n]
