"""The dashboard: what needs somebody now, and today's numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

from handlers.http.health import kind_of_trouble
from handlers.http.keys import HEALTH, REFERENCE
from handlers.http.language import language_of
from handlers.http.pages import PageRequest
from handlers.staff.help_topics import help_for
from handlers.staff.layout import render, sees_area, sees_seat, staff_context, visible_seats
from handlers.texts.dashboard import (
    ALARM_TEXT,
    BACKUP_TEXT,
    TASK_TEXT,
    TROUBLE_TEXT,
    WAITING_TEXT,
)
from languages.text import _, _p, short_day_text
from models.affected_bookings.impact import AffectedBookings
from models.affected_bookings.rooms import AffectedRooms
from models.backup.service import BackupWatch
from models.deadlines.presence_knowledge import PresenceKnowledge
from models.fault_reports.service import FaultReportService
from models.feedback.service import FeedbackService
from models.gates.service import GateService
from models.identity.roles import Role
from models.kiosks.service import KioskService
from models.library.entities import AreaId, VenueId
from models.library.names import name_text
from models.messages.staff import StaffDeliveries
from models.outages.entities import MIN_DURATION, RETIRED_AFTER
from models.policy.open_hours import open_hours
from models.reservations.booking_facts import BookingFacts
from models.reservations.room_booking import RoomBooking
from models.reservations.state_machine import ReservationState
from models.rooms.staff import StaffRooms
from models.seat_reports.service import SeatReportService
from models.statistics.service import StatisticsService
from models.statistics.today import occupied_seats, totals
from models.violations.staff import StaffViolations
from notify.templates.in_app import FAULT_TEXT, VIOLATION_TEXT

_UNSEEN: Final = timedelta(minutes=10)
"""A gate that has sent nothing for longer than this raises an alarm."""


_LISTED: Final = 12
"""At most this many tasks are listed one by one."""


@dataclass(frozen=True, slots=True)
class Task:
    """Something that needs a member of the staff now. ``kind``: the console page, below /console,
    on which it is decided; "trouble" if there is none. ``since``: None for a trouble. ``href``: the
    section of the handbook that says what to do, instead of such a page."""

    kind: str
    text: str
    since: datetime | None = None
    href: str = ""


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
    tasks, rest = await _tasks(visit)
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
        tasks=tasks,
        rest=rest,
        kinds=TASK_TEXT,
    )


def _hours(visit: PageRequest) -> list[datetime]:
    reference, day = visit[REFERENCE], visit.zone.day(visit.now)
    venues = filter(visit.sees, reference.catalog.venues)
    places = [open_hours(visit.zone, reference.policy, day, venue, None) for venue in venues]
    hours = visit.zone.steps(day, 60)
    return [hour for hour in hours if any(place.containing(hour) for place in places)]


async def _tasks(visit: PageRequest) -> tuple[list[Task], list[tuple[str, str, int]]]:
    """The first tasks, troubles before the longest waiting; and the number of the others by kind:
    the page's path, the kind in words, and the number."""
    venues = visit.rights.venues if visit.rights is not None else None
    label = visit[REFERENCE].catalog.label_of
    service = visit[SeatReportService]
    reported, reports = await service.open_reports(visit.now, 0, _LISTED, venues)
    doubted, seats = await service.to_patrol(visit.now, 0, _LISTED, venues)
    appealed, appeals = await visit[StaffViolations].appeals(venues, 0, _LISTED)
    mine = visible_seats(visit)
    broken, faults = await visit[FaultReportService].page_of(True, 0, _LISTED, mine)
    questions = await visit[FeedbackService].waiting(100)
    requests = await visit[StaffRooms].requests(staff_context(visit), venues)
    tasks = [
        *(Task("reports", label(r.seat_id), r.report.at) for r in reported if r.report),
        *(Task("seats", label(r.seat_id), r.patrol_at) for r in doubted),
        *(
            Task("appeals", VIOLATION_TEXT.get(v.kind, v.kind), v.appeal.at)
            for v in appealed
            if v.appeal
        ),
        *(
            Task("faults", _("{kind} {name}", kind=label(f.seat_id), name=FAULT_TEXT[f.kind]), f.at)
            for f in broken
        ),
        *(Task("questions", q.text, q.at) for q in questions[:_LISTED]),
        *(Task("rooms", _requested(visit, b), b.made_at) for b in requests),
        *await _silent_devices(visit),
    ]
    tasks.sort(key=lambda task: task.since or visit.now)
    listed = [*await _troubles(visit, venues is None), *await _backups(visit), *tasks]
    totals = {
        "reports": reports,
        "seats": seats,
        "appeals": appeals,
        "faults": faults,
        "questions": len(questions),
        "rooms": len(requests),
    }
    listed_by_kind = Counter(task.kind for task in listed[:_LISTED])
    rest = [
        (f"/console/{kind}", WAITING_TEXT[kind], count - listed_by_kind[kind])
        for kind, count in totals.items()
        if count > listed_by_kind[kind]
    ]
    return listed[:_LISTED], rest


def _requested(visit: PageRequest, b: RoomBooking) -> str:
    """The room and the begin of the requested time."""
    room, start = visit[REFERENCE].rooms.get(b.room_id), visit.zone.local(b.span.start)
    day, clock = short_day_text(b.day), start.strftime("%H:%M")
    when = _p("a point in time", "{day} {clock}", day=day, clock=clock)
    return _("{kind} {name}", kind=name_text(room) if room is not None else b.room_id, name=when)


async def _troubles(visit: PageRequest, whole: bool) -> list[Task]:
    """Tasks without a moment since which they wait: troubles of the service and of venues, bookings
    that no longer fit and, if ``whole``, failed messages."""
    _ready, troubles = await visit[HEALTH]()
    texts = [
        TROUBLE_TEXT.get(kind_of_trouble(name))
        or ALARM_TEXT["trouble"].format(name=name, what=what)
        for name, what in troubles.items()
    ]
    tasks = [Task("trouble", text) for text in dict.fromkeys(texts)]
    unproven = await visit[PresenceKnowledge].venues_without_proof(visit.now)
    catalog = visit[REFERENCE].catalog
    visible_venues = {area.venue_id for area in catalog.bookable_areas if visit.sees(area.venue_id)}
    for venue_id, venue in catalog.venues.items():
        if venue_id in unproven & visible_venues:
            tasks.append(Task("devices", ALARM_TEXT["no_presence"].format(venue=name_text(venue))))
    unplaced = await visit[AffectedBookings].find_unplaceable(visit.now)
    rooms = await visit[AffectedRooms].find_unplaceable(visit.now)
    failed = await visit[StaffDeliveries].failures(visit.now - timedelta(days=1))
    counts = {
        "affected-bookings": sum(sees_seat(visit, row.seat_id) for row in unplaced)
        + sum(visit.sees(b.venue_id) for b in rooms),
        "deliveries": failed if whole else 0,
    }
    return tasks + [
        Task(kind, _("{kind} {name}", kind=WAITING_TEXT[kind], name=count))
        for kind, count in counts.items()
        if count
    ]


async def _backups(visit: PageRequest) -> list[Task]:
    """Lists what is wrong with the library's backups, for its administrators."""
    if not visit.may_in(None, Role.ADMINISTRATOR):
        return []
    wrong = await visit[BackupWatch].troubles(visit.now)
    href = help_for("/console/backup", language_of(visit.request))
    return [Task("backup", BACKUP_TEXT[trouble], at, href) for trouble, at in wrong.items()]


async def _silent_devices(visit: PageRequest) -> list[Task]:
    now, kiosks = visit.now, visit[REFERENCE].catalog.kiosks
    tasks = []
    for kiosk_id, last_seen in (await visit[KioskService].last_seen()).items():
        kiosk = kiosks.get(kiosk_id)
        if (
            kiosk is not None
            and visit.sees(kiosk.venue_id)
            and MIN_DURATION < now - last_seen < RETIRED_AFTER
        ):
            tasks.append(
                Task("devices", ALARM_TEXT["silent"].format(name=name_text(kiosk)), last_seen)
            )
    for gate in await visit[GateService].all():
        heard = None if gate.retired or not visit.sees(gate.venue_id) else gate.last_seen_at
        if heard is not None and now - heard > _UNSEEN:
            tasks.append(Task("devices", ALARM_TEXT["silent"].format(name=gate.name), heard))
    return tasks
