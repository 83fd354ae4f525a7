"""The services and repositories of a process under test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from aiohttp import web

from handlers.http.keys import ATTEMPT_LIMITER, REFERENCE, service_key
from miniapp_server.clock import real_now
from miniapp_server.repositories import Repositories
from miniapp_server.wiring import (
    DEADLINE_EXTENSION,
    DEADLINE_JOBS,
    ERASURE,
    IDEMPOTENCY,
    OCCUPANCY,
    OPENING_DRAW,
    ROOM_JOBS,
    WAITLIST_JOBS,
    WRITER,
    wire_models,
    wire_reference,
)
from models.affected_bookings.impact import AffectedBookings
from models.booking.service import ReservationService
from models.check_in.early_end import EarlyEndService
from models.check_in.renewal import RenewalService
from models.check_in.service import CheckInService
from models.deadlines.presence_knowledge import PresenceKnowledge
from models.gates.service import GateService
from models.kernel.ids import ReaderId
from models.opening_draw.service import OpeningDraw, Sleep
from models.outages.monitor import OutageMonitor
from models.parties.service import PartyService
from models.reservations.room_booking import RoomBooking, RoomReminder
from models.rooms.blocks import RoomBlocks
from models.rooms.changes import RoomChangeService
from models.rooms.jobs import RoomJobs
from models.rooms.service import RoomService
from models.seasons.service import SeasonService
from models.seat_map.service import SeatMapService
from models.seat_reports.service import SeatReportService
from models.statistics.service import StatisticsService
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database
from models.violations.recording import ViolationRecorder, ViolationResult
from models.violations.service import ViolationService
from models.waitlist.service import WaitlistService


class Inside:
    """The wired features of one process: services by feature name, ``stored`` by repository."""

    def __init__(self, app: web.Application, db: Database, stored: Repositories) -> None:
        self.app, self.db, self.stored = app, db, stored
        self.reference, self.occupancy = app[REFERENCE], app[OCCUPANCY]
        self.idempotency, self.writer = app[IDEMPOTENCY], app[WRITER]
        self.reservations, self.check_in = (
            app[service_key(ReservationService)],
            app[service_key(CheckInService)],
        )
        self.renewal, self.early_end = (
            app[service_key(RenewalService)],
            app[service_key(EarlyEndService)],
        )
        self.seat_reports = app[service_key(SeatReportService)]
        self.waitlist, self.waitlist_jobs = app[service_key(WaitlistService)], app[WAITLIST_JOBS]
        self.parties = app[service_key(PartyService)]
        self.room_changes = app[service_key(RoomChangeService)]
        self.rooms, self.room_jobs = app[service_key(RoomService)], app[ROOM_JOBS]
        self.room_blocks = app[service_key(RoomBlocks)]
        self.seasons = app[service_key(SeasonService)]
        self.violations, self.violation_recorder, self.gates = (
            app[service_key(ViolationService)],
            app[service_key(ViolationRecorder)],
            app[service_key(GateService)],
        )
        self.extension, self.deadlines = app[DEADLINE_EXTENSION], app[DEADLINE_JOBS]
        self.outages = app[service_key(OutageMonitor)]
        self.statistics = app[service_key(StatisticsService)]
        self.affected_bookings = app[service_key(AffectedBookings)]
        self.seat_map, self.erasure = app[service_key(SeatMapService)], app[ERASURE]
        self.attempts = app[ATTEMPT_LIMITER]


async def _nobody_listens(_: ReaderId) -> None:
    return None


async def _nothing_is_sent(_: RoomBooking, __: ViolationResult | None) -> None:
    return None


async def _nobody_is_reminded(b: RoomBooking, what: RoomReminder, at: datetime) -> None:
    """Replaces the reminders."""


async def _cas_answers() -> bool:
    return True


async def _is_told(_: ReaderId, __: datetime) -> bool:
    return False


def features(
    db: Database,
    cipher: FieldCipher,
    stored: Repositories | None = None,
    now: Callable[[], datetime] = real_now,
    sleep: Sleep = asyncio.sleep,
) -> Inside:
    """All features on a database, without HTTP, jobs or a followed change stream.

    ``stored``: the repositories, some of which a test may have replaced. ``now`` and ``sleep`` are
    the time of the draw at an opening.
    """
    app, stored = web.Application(), stored or Repositories(db, cipher)
    wire_reference(app, stored)
    app[OPENING_DRAW] = OpeningDraw(
        stored.opening_tickets, stored.opening_draws, now, sleep, lambda: app[REFERENCE].zone
    )
    wire_models(
        app,
        db,
        stored,
        on_reader_changed=_nobody_listens,
        cas_answers=_cas_answers,
        misses_offers=_is_told,
    )
    app[ROOM_JOBS] = RoomJobs(
        stored.room_bookings,
        app[REFERENCE],
        app[DEADLINE_EXTENSION],
        app[service_key(PresenceKnowledge)],
        app[service_key(ViolationRecorder)],
        _nothing_is_sent,
        _nobody_is_reminded,
    )
    return Inside(app, db, stored)
