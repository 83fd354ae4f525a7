"""The wiring: every service with its collaborators, feature by feature, from the bottom up.

Each function sets the application's keys of one layer of ``models/`` and reads only keys of lower
layers. An application without HTTP (a command, a test) is wired in the same way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Final

from aiohttp import web

from handlers.http.keys import ATTEMPT_LIMITER, REFERENCE, service_key
from miniapp_server.repositories import Repositories
from models.affected_bookings.impact import AffectedBookings
from models.affected_bookings.rooms import AffectedRooms
from models.booking.alternatives import SeatAlternatives
from models.booking.idempotency import Idempotency
from models.booking.overview_queries import ReaderOverviews
from models.booking.service import ReservationService
from models.booking.writer import ReservationWriter
from models.calendar_feed.service import CalendarFeeds
from models.check_in.early_end import EarlyEndService
from models.check_in.renewal import RenewalService
from models.check_in.service import CheckInService
from models.code_sharing.service import CodeSharingService
from models.deadlines.jobs import DeadlineJobs
from models.deadlines.presence_knowledge import PresenceKnowledge
from models.erasure.own_data import OwnData
from models.erasure.service import ErasureService
from models.fault_reports.service import FaultReportService
from models.favourites.service import FavouriteSeats
from models.feedback.service import FeedbackService
from models.forecast.service import FullnessForecast
from models.gates.jobs import GatePresenceJob
from models.gates.knowledge import GateKnowledge
from models.gates.reconciliation import GateReconciliation
from models.gates.service import GateService
from models.kernel.ids import ReaderId
from models.kiosks.service import KioskService
from models.library.room_picture_repository import RoomPictureRepository
from models.messages.entities import Channel, Template
from models.messages.service import MessageService
from models.notices.service import NoticeService
from models.occupancy.live import LiveOccupancy
from models.opening_draw.publication import DrawPublication
from models.opening_draw.service import OpeningDraw
from models.outages.extension import DeadlineExtension
from models.outages.monitor import OutageMonitor
from models.parties.service import PartyService
from models.policy_preview.service import PolicyPreviewService
from models.profile.entities import LibraryProfile
from models.reference_data import ReferenceData
from models.rooms.blocks import RoomBlocks
from models.rooms.changes import RoomChangeService
from models.rooms.jobs import RoomJobs
from models.rooms.presence import RoomPresence
from models.rooms.service import RoomService
from models.season_holders.days import SeasonDays
from models.season_holders.service import SeasonHolders
from models.season_holders.use import SeasonUse
from models.seasons.service import SeasonService
from models.seat_map.service import SeatMapService
from models.seat_reports.jobs import PresenceCheckJob
from models.seat_reports.service import SeatReportService
from models.statistics.room_service import RoomStatistics
from models.statistics.service import StatisticsService
from models.storage.attempt_limiter import AttemptLimiter
from models.storage.mongo import Database
from models.violations.recording import ViolationRecorder
from models.violations.service import ViolationService
from models.waitlist.jobs import WaitlistJobs
from models.waitlist.matching import MissesOffers, WaitlistMatcher
from models.waitlist.service import WaitlistService
from models.wechat.service import WeChatCallbackService

ReaderChanged = Callable[[ReaderId], Awaitable[None]]

DEADLINE_JOBS: Final = web.AppKey("deadline_jobs", DeadlineJobs)
DEADLINE_EXTENSION: Final = web.AppKey("deadline_extension", DeadlineExtension)
ERASURE: Final = web.AppKey("erasure", ErasureService)
GATE_PRESENCE_JOB: Final = web.AppKey("gate_presence_job", GatePresenceJob)
IDEMPOTENCY: Final = web.AppKey("idempotency", Idempotency)
MATCHER: Final = web.AppKey("matcher", WaitlistMatcher)
OCCUPANCY: Final = web.AppKey("occupancy", LiveOccupancy)
OPENING_DRAW: Final = web.AppKey("opening_draw", OpeningDraw)
ROOM_JOBS: Final = web.AppKey("room_jobs", RoomJobs)
PRESENCE_CHECK_JOB: Final = web.AppKey("presence_check_job", PresenceCheckJob)
SEASON_DAYS: Final = web.AppKey("season_days", SeasonDays)
SEASON_USE: Final = web.AppKey("season_use", SeasonUse)
WAITLIST_JOBS: Final = web.AppKey("waitlist_jobs", WaitlistJobs)
WRITER: Final = web.AppKey("writer", ReservationWriter)


def wire_reference(
    app: web.Application,
    r: Repositories,
    default_profile: LibraryProfile = LibraryProfile(),  # noqa: B008  (it is frozen)
) -> None:
    """Wires the reference data. ``default_profile`` applies until the library has saved one."""
    app[REFERENCE] = ReferenceData(
        r.catalogs,
        r.rooms,
        r.policies,
        r.accommodations,
        r.reader_groups,
        r.profiles,
        r.undecided_days,
        default_profile,
    )


def wire_models(
    app: web.Application,
    db: Database,
    r: Repositories,
    *,
    on_reader_changed: ReaderChanged,
    cas_answers: Callable[[], Awaitable[bool]],
    misses_offers: MissesOffers,
    wall_clock: bool = True,
    long_term: Collection[Template] = (),
) -> None:
    """Wires all features except the staff's. The reference data and the opening draw must be wired
    before.

    ``on_reader_changed`` is called when a reader's suspension or visit has changed.
    ``cas_answers``: whether the campus's sign-ons respond. ``misses_offers``: whether a reader
    wants offers of free seats and no channel can send one now. ``wall_clock``: whether the clock is
    real time. ``long_term``: message templates that readers accept once.
    """
    app[ATTEMPT_LIMITER] = AttemptLimiter(db)
    _wire_content(app, r, long_term)
    _wire_reservations(app, db, r, misses_offers)
    _wire_presence(app, r)
    _wire_violations_and_gates(app, r, on_reader_changed)
    _wire_seasons(app, r)
    _wire_deadlines(app, r, cas_answers)
    _wire_statistics(app, r, wall_clock)
    app[ERASURE] = ErasureService(
        db,
        app[service_key(WaitlistService)],
        app[service_key(PartyService)],
        app[service_key(RoomService)],
        app[service_key(SeasonHolders)],
        app[service_key(ReservationService)],
        app[service_key(CheckInService)],
        on_reader_changed,
    )
    app[service_key(OwnData)] = OwnData(
        db,
        r.cipher,
        app[ERASURE],
        app[service_key(ReservationService)],
        app[service_key(RoomService)],
        app[service_key(ViolationService)],
        app[REFERENCE],
    )


def _wire_content(app: web.Application, r: Repositories, long_term: Collection[Template]) -> None:
    app[service_key(FeedbackService)] = FeedbackService(r.feedback, r.canned_answers)
    app[service_key(FaultReportService)] = FaultReportService(r.fault_reports, app[REFERENCE])
    app[service_key(FavouriteSeats)] = FavouriteSeats(r.favourites, app[REFERENCE])
    app[service_key(NoticeService)] = NoticeService(r.notices)
    app[service_key(DrawPublication)] = DrawPublication(
        r.opening_draws, r.opening_tickets, app[REFERENCE]
    )
    app[service_key(SeasonService)] = SeasonService(r.seasons, app[REFERENCE])
    app[service_key(MessageService)] = MessageService(
        r.messages,
        r.consents,
        r.channel_deliveries[Channel.WECHAT],
        r.message_choices,
        long_term,
    )
    app[service_key(WeChatCallbackService)] = WeChatCallbackService(r.wechat_callbacks)
    app[service_key(KioskService)] = KioskService(r.kiosks, r.cards, r.readers, app[REFERENCE])


def _wire_seasons(app: web.Application, r: Repositories) -> None:
    holders, writer, reference = r.season_holders, app[WRITER], app[REFERENCE]
    service = SeasonHolders(r.seasons, holders, r.reservations, writer)
    app[service_key(SeasonHolders)] = service
    app[SEASON_DAYS] = SeasonDays(r.seasons, holders, r.reservations, writer, reference)
    app[SEASON_USE] = SeasonUse(holders, service, r.reservations, r.violations, reference)


def _wire_reservations(
    app: web.Application, db: Database, r: Repositories, misses_offers: MissesOffers
) -> None:
    reference = app[REFERENCE]
    occupancy = app[OCCUPANCY] = LiveOccupancy(
        r.reservations,
        r.reservation_changes,
        joined_days=reference.joined_days,
        midnight=lambda day: reference.zone.midnight(day),
    )
    idempotency = app[IDEMPOTENCY] = Idempotency(r.reservations)
    matcher = app[MATCHER] = WaitlistMatcher(
        r.waitlist, r.reservations, r.readers, occupancy, reference, misses_offers
    )
    writer = app[WRITER] = ReservationWriter(
        r.reservations, occupancy, reference, idempotency, matcher, r.presence_methods
    )
    alternatives = app[service_key(SeatAlternatives)] = SeatAlternatives(reference, occupancy)
    app[service_key(ReaderOverviews)] = r.reader_overviews
    app[service_key(ReservationService)] = ReservationService(
        r.reservations, reference, writer, idempotency, alternatives, app[OPENING_DRAW]
    )
    app[service_key(WaitlistService)] = WaitlistService(
        r.waitlist, r.reservations, occupancy, reference, writer, matcher
    )
    app[WAITLIST_JOBS] = WaitlistJobs(
        r.waitlist, r.reservations, occupancy, reference, writer, matcher
    )
    app[service_key(PartyService)] = PartyService(
        r.parties,
        app[service_key(ReservationService)],
        r.readers,
        occupancy,
        reference,
        r.cipher,
    )
    app[service_key(SeatMapService)] = SeatMapService(reference, occupancy)
    app[service_key(CalendarFeeds)] = CalendarFeeds(
        r.calendar_feeds, r.reservations, r.room_bookings, r.cipher
    )


def _wire_presence(app: web.Application, r: Repositories) -> None:
    reference, occupancy = app[REFERENCE], app[OCCUPANCY]
    writer, idempotency = app[WRITER], app[IDEMPOTENCY]
    extension = app[DEADLINE_EXTENSION] = DeadlineExtension(
        r.reservations, r.room_bookings, writer, r.heartbeat
    )
    app[service_key(CheckInService)] = CheckInService(
        r.reservations, reference, writer, idempotency, extension
    )
    rooms = app[service_key(RoomService)] = RoomService(
        r.room_bookings,
        r.room_blocks,
        reference,
        idempotency,
        extension,
        r.cipher,
    )
    app[service_key(RoomPresence)] = RoomPresence(
        rooms, app[service_key(CheckInService)], r.presence_methods
    )
    app[service_key(RoomPictureRepository)] = r.room_pictures
    app[service_key(RoomBlocks)] = RoomBlocks(r.room_blocks, r.room_bookings, rooms, reference)
    app[service_key(RoomChangeService)] = RoomChangeService(r.room_bookings, reference, rooms)
    app[service_key(EarlyEndService)] = EarlyEndService(writer, idempotency)
    app[service_key(RenewalService)] = RenewalService(reference, occupancy, writer, idempotency)


def _wire_violations_and_gates(
    app: web.Application, r: Repositories, on_reader_changed: ReaderChanged
) -> None:
    reference, writer = app[REFERENCE], app[WRITER]
    violations = app[service_key(ViolationService)] = ViolationService(
        r.violations, r.readers, reference, on_reader_changed
    )
    app[service_key(ViolationRecorder)] = ViolationRecorder(
        r.violations, reference, on_reader_changed
    )
    reconciliation = GateReconciliation(
        r.gate_events, r.reservations, writer, violations, reference
    )
    app[service_key(GateService)] = GateService(
        r.gates, r.gate_events, r.readers, reconciliation, reference
    )
    app[GATE_PRESENCE_JOB] = GatePresenceJob(
        r.gates, r.gate_events, reconciliation, app[OCCUPANCY], reference
    )


def _wire_deadlines(
    app: web.Application, r: Repositories, cas_answers: Callable[[], Awaitable[bool]]
) -> None:
    reference, extension = app[REFERENCE], app[DEADLINE_EXTENSION]
    gates = GateKnowledge(r.gates, r.gate_events, reference)
    knowledge = app[service_key(PresenceKnowledge)] = PresenceKnowledge(
        gates, r.kiosks, r.outages, r.presence_methods, reference, extension
    )
    writer = app[WRITER]
    app[DEADLINE_JOBS] = DeadlineJobs(
        r.reservations, reference, writer, extension, knowledge, gates
    )
    app[service_key(SeatReportService)] = SeatReportService(
        r.reservations, app[OCCUPANCY], reference, writer, app[IDEMPOTENCY], gates
    )
    app[PRESENCE_CHECK_JOB] = PresenceCheckJob(
        r.reservations, r.deliveries, writer, extension, knowledge
    )
    app[service_key(OutageMonitor)] = OutageMonitor(
        r.outages, r.kiosks, reference, extension, cas_answers
    )
    app[service_key(CodeSharingService)] = CodeSharingService(
        r.kiosk_scans, r.gate_events, gates, reference
    )


def _wire_statistics(app: web.Application, r: Repositories, wall_clock: bool) -> None:
    reference = app[REFERENCE]
    rooms = app[service_key(RoomStatistics)] = RoomStatistics(
        r.daily_room_statistics, r.room_bookings, r.room_blocks, reference
    )
    app[service_key(StatisticsService)] = StatisticsService(
        r.daily_statistics,
        r.reservations,
        r.policies,
        reference,
        r.readers,
        rooms,
        wall_clock=wall_clock,
    )
    app[service_key(FullnessForecast)] = FullnessForecast(
        app[service_key(StatisticsService)], reference
    )
    app[service_key(PolicyPreviewService)] = PolicyPreviewService(
        r.reservations, r.violations, r.policies, reference, wall_clock=wall_clock
    )
    app[service_key(AffectedBookings)] = AffectedBookings(
        r.reservations, r.policies, app[OCCUPANCY], reference, r.readers
    )
    app[service_key(AffectedRooms)] = AffectedRooms(
        r.room_bookings, app[service_key(RoomService)], reference
    )
