"""Wires what the staff may do."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from bind.second_factors import SecondFactors
from handlers.http.keys import ATTEMPT_LIMITER, REFERENCE, SESSIONS, service_key
from miniapp_server.repositories import Repositories
from miniapp_server.wiring import (
    DEADLINE_EXTENSION,
    OCCUPANCY,
    ROOM_JOBS,
    WRITER,
    ReaderChanged,
)
from models.affected_bookings.impact import AffectedBookings
from models.affected_bookings.rooms import AffectedRooms
from models.affected_bookings.service import AffectedBookingService
from models.announcements.staff import StaffAnnouncements
from models.booking.service import ReservationService
from models.booking.staff.lookup import ReservationLookup
from models.booking.staff.reservations import StaffReservations
from models.booking.staff.seat_history import StaffSeatHistory
from models.calendar_feed.staff import StaffRoomFeeds
from models.check_in.service import CheckInService
from models.deadlines.presence_knowledge import PresenceKnowledge
from models.fault_reports.service import FaultReportService
from models.fault_reports.staff import StaffFaultReports
from models.feedback.service import FeedbackService
from models.feedback.staff import StaffFeedback
from models.identity.roles import StaffDirectory
from models.kiosks.staff.devices import StaffDevices
from models.kiosks.staff.pairing import StaffPairing
from models.library.staff.areas import StaffAreas
from models.library.staff.features import StaffSeatFeatures
from models.library.staff.plan_pictures import StaffPlanPictures
from models.library.staff.room_pictures import StaffRoomPictures
from models.library.staff.rooms import StaffStudyRooms
from models.library.staff.seat_outages import StaffSeatOutages
from models.library.staff.venues import StaffVenues
from models.messages.channel_pause_repository import ChannelPauseRepository
from models.messages.entities import Channel
from models.messages.staff import ChannelInUse, MessageRelevance, StaffDeliveries
from models.notices.staff import StaffNotices
from models.parties.service import PartyService
from models.parties.staff import StaffParties
from models.policy.staff import StaffPolicyAndPlans
from models.profile.staff import StaffProfile
from models.reader_groups.staff.groups import StaffReaderGroups
from models.reader_groups.staff.memberships import StaffMemberships
from models.readers.staff.readers import StaffReaders
from models.readers.staff.visitors import StaffVisitors
from models.rooms.blocks import RoomBlocks
from models.rooms.jobs import RoomJobs
from models.rooms.presence import RoomPresence
from models.rooms.service import RoomService
from models.rooms.staff import StaffRoomBlocks, StaffRooms
from models.season_holders.service import SeasonHolders
from models.season_holders.staff import StaffSeasonHolders
from models.seasons.staff import StaffSeasons
from models.seat_reports.service import SeatReportService
from models.seat_reports.staff import StaffSeatReports
from models.staff.api_tokens import StaffApiTokens
from models.staff.audit_log import AuditLog
from models.staff.grants import StaffGrants
from models.staff.ports import ActivationCodeIssuer, ReaderNotifier
from models.staff.second_factors import StaffSecondFactors
from models.violations.recording import ViolationRecorder
from models.violations.service import ViolationService
from models.violations.staff import StaffViolations
from models.waitlist.service import WaitlistService
from notify.room_reminders import RoomReminders


def wire_staff(
    app: web.Application,
    r: Repositories,
    pauses: Mapping[Channel, ChannelPauseRepository],
    notifier: ReaderNotifier,
    codes: ActivationCodeIssuer,
    on_reader_changed: ReaderChanged,
    staff: StaffDirectory,
) -> None:
    """Wires the staff's operations. ``pauses``: stored pauses of the channels that are set up."""
    reference, writer, occupancy = app[REFERENCE], app[WRITER], app[OCCUPANCY]
    reservations, waitlist = app[service_key(ReservationService)], app[service_key(WaitlistService)]
    audit = app[service_key(AuditLog)] = AuditLog(r.audit_log)
    lookup = app[service_key(ReservationLookup)] = ReservationLookup(
        r.reservations, r.readers, reference
    )
    app[service_key(StaffReservations)] = StaffReservations(
        audit, lookup, reservations, app[service_key(CheckInService)], waitlist
    )
    app[service_key(StaffRooms)] = StaffRooms(
        audit, app[service_key(RoomService)], app[service_key(RoomPresence)], r.room_bookings
    )
    app[service_key(StaffRoomBlocks)] = StaffRoomBlocks(
        audit, app[service_key(RoomBlocks)], reference
    )
    app[service_key(StaffSeasons)] = StaffSeasons(
        audit, r.seasons, r.readers, r.memberships, reference
    )
    app[service_key(StaffSeasonHolders)] = StaffSeasonHolders(
        audit,
        app[service_key(StaffSeasons)],
        r.season_holders,
        app[service_key(SeasonHolders)],
        r.readers,
    )
    app[service_key(StaffSeatReports)] = StaffSeatReports(
        audit, lookup, app[service_key(SeatReportService)]
    )
    app[ROOM_JOBS] = RoomJobs(
        r.room_bookings,
        reference,
        app[DEADLINE_EXTENSION],
        app[service_key(PresenceKnowledge)],
        app[service_key(ViolationRecorder)],
        notifier.room_news,
        app[service_key(RoomReminders)].send,
    )
    app[service_key(StaffParties)] = StaffParties(audit, lookup, app[service_key(PartyService)])
    app[service_key(StaffSeatHistory)] = StaffSeatHistory(audit, lookup, r.reservations)
    app[service_key(StaffViolations)] = StaffViolations(
        audit, app[service_key(ViolationService)], notifier, r.reservations
    )
    app[service_key(StaffReaders)] = StaffReaders(
        audit, r.readers, r.cards, r.accommodations, reference, codes
    )
    app[service_key(StaffVisitors)] = StaffVisitors(
        audit,
        r.readers,
        r.cards,
        codes,
        r.reservations,
        reservations,
        waitlist,
        on_reader_changed,
    )
    affected = AffectedBookingService(
        r.reservations, r.readers, occupancy, reference, writer, waitlist
    )
    _wire_staff_of_places(app, r, audit, notifier, affected)
    _wire_rights(app, r, affected, on_reader_changed, staff)
    app[service_key(StaffFaultReports)] = StaffFaultReports(
        audit, app[service_key(FaultReportService)], notifier, reference
    )
    app[service_key(StaffNotices)] = StaffNotices(audit, r.notices)
    app[service_key(StaffAnnouncements)] = StaffAnnouncements(
        audit, r.announcements, r.reservations, reference, notifier
    )
    app[service_key(StaffFeedback)] = StaffFeedback(
        audit, app[service_key(FeedbackService)], notifier
    )
    relevance = MessageRelevance(r.reservations, r.violations, reference)
    used = {c: ChannelInUse(r.channel_deliveries[c], pause) for c, pause in pauses.items()}
    app[service_key(StaffDeliveries)] = StaffDeliveries(
        audit, r.messages, r.consents, used, relevance
    )


def _wire_rights(
    app: web.Application,
    r: Repositories,
    affected: AffectedBookingService,
    on_reader_changed: ReaderChanged,
    staff: StaffDirectory,
) -> None:
    """Wires reader groups, staff roles and grants, second factors and API tokens."""
    audit, sessions, reference = app[service_key(AuditLog)], app[SESSIONS], app[REFERENCE]
    app[service_key(StaffReaderGroups)] = StaffReaderGroups(
        audit, r.reader_groups, r.readers, reference, app[service_key(AffectedBookings)], affected
    )
    app[service_key(StaffMemberships)] = StaffMemberships(
        audit, r.memberships, r.readers, reference, on_reader_changed
    )
    app[service_key(StaffGrants)] = StaffGrants(
        audit, r.staff_grants, r.readers, staff, on_reader_changed
    )
    app[service_key(StaffApiTokens)] = StaffApiTokens(
        audit, r.api_tokens, sessions.new_api_token, sessions.end_api_token
    )
    app[service_key(SecondFactors)] = SecondFactors(
        r.second_factors, app[ATTEMPT_LIMITER], sessions, audit, r.cipher
    )
    app[service_key(StaffSecondFactors)] = StaffSecondFactors(
        audit, r.second_factors, sessions.close_of_reader
    )


def _wire_staff_of_places(
    app: web.Application,
    r: Repositories,
    audit: AuditLog,
    notifier: ReaderNotifier,
    affected: AffectedBookingService,
) -> None:
    """Wires the staff's operations on profile, venues, areas, plans, seats and devices."""
    reference = app[REFERENCE]
    plans = app[service_key(StaffPolicyAndPlans)] = StaffPolicyAndPlans(
        audit,
        r.catalogs,
        reference,
        app[service_key(AffectedBookings)],
        affected,
        app[service_key(AffectedRooms)],
        notifier,
    )
    app[service_key(StaffAreas)] = StaffAreas(audit, r.catalogs, r.reservations, reference)
    app[service_key(StaffProfile)] = StaffProfile(audit, r.profiles, reference)
    app[service_key(StaffVenues)] = StaffVenues(audit, r.catalogs, reference)
    app[service_key(StaffSeatFeatures)] = StaffSeatFeatures(audit, r.catalogs, reference)
    app[service_key(StaffStudyRooms)] = StaffStudyRooms(
        audit, r.rooms, reference, app[service_key(AffectedRooms)]
    )
    app[service_key(StaffRoomPictures)] = StaffRoomPictures(
        app[service_key(StaffStudyRooms)], r.room_pictures
    )
    app[service_key(StaffRoomFeeds)] = StaffRoomFeeds(audit, r.calendar_feeds, r.cipher)
    app[service_key(StaffPlanPictures)] = StaffPlanPictures(audit, r.plan_pictures)
    app[service_key(StaffSeatOutages)] = StaffSeatOutages(plans, reference)
    app[service_key(StaffDevices)] = StaffDevices(audit, r.catalogs, r.kiosks, r.gates, reference)
    app[service_key(StaffPairing)] = StaffPairing(audit, r.kiosk_pairings)
