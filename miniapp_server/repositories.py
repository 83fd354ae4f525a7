from __future__ import annotations

from collections.abc import Callable

from models.announcements.repository import AnnouncementRepository
from models.backup.standing_repository import BackupStandingRepository
from models.booking.overview_queries import ReaderOverviews
from models.calendar_feed.repository import CalendarFeedRepository
from models.code_sharing.scan_repository import KioskScanRepository
from models.email_addresses.repository import EmailAddressRepository
from models.erasure.past_repository import PastRepository
from models.fault_reports.repository import FaultReportRepository
from models.favourites.repository import FavouriteRepository
from models.feedback.canned_answer_repository import CannedAnswerRepository
from models.feedback.repository import FeedbackRepository
from models.gates.event_repository import GateEventRepository
from models.gates.repository import GateRepository
from models.identity.activation_code_repository import ActivationCodeRepository
from models.identity.api_token_repository import ApiTokenRepository
from models.identity.binding_repository import BindingRepository
from models.identity.grant_repository import StaffGrantRepository
from models.identity.review_code_repository import ReviewCodeRepository
from models.identity.second_factor_repository import SecondFactorRepository
from models.identity.session_repository import SessionRepository
from models.identity.used_once_repository import UsedOnceRepository
from models.kiosks.pairing_repository import PairingRepository
from models.kiosks.repository import KioskRepository
from models.library.picture_repository import PlanPictureRepository
from models.library.repository import CatalogRepository
from models.library.room_picture_repository import RoomPictureRepository
from models.library.room_repository import RoomRepository
from models.library.undecided_days_repository import UndecidedDaysRepository
from models.messages.choice_repository import ChoiceRepository
from models.messages.consent_repository import ConsentRepository
from models.messages.delivery_report_repository import ChannelDeliveries
from models.messages.delivery_repository import DeliveryRepository
from models.messages.entities import Channel
from models.messages.repository import MessageRepository
from models.notices.repository import NoticeRepository
from models.opening_draw.draw_repository import DrawRepository
from models.opening_draw.repository import TicketRepository
from models.outages.heartbeat_repository import HeartbeatRepository
from models.outages.repository import OutageRepository
from models.policy.repository import PolicyRepository
from models.profile.repository import ProfileRepository
from models.reader_groups.membership_repository import MembershipRepository
from models.reader_groups.repository import ReaderGroupRepository
from models.readers.accommodation_repository import AccommodationRepository
from models.readers.card_repository import CardRepository
from models.readers.repository import ReaderRepository
from models.reservation_store.change_stream_repository import ReservationChangeStream
from models.reservation_store.party_repository import PartyRepository
from models.reservation_store.presence_repository import PresenceMethodRepository
from models.reservation_store.repository import ReservationRepository
from models.reservation_store.room_block_repository import RoomBlockRepository
from models.reservation_store.room_repository import RoomBookingRepository
from models.season_holders.repository import HolderRepository
from models.seasons.repository import SeasonRepository
from models.staff.alert_repository import AlertRepository
from models.staff.audit_repository import AuditLogRepository
from models.statistics.repository import DailyStatisticsRepository
from models.statistics.room_repository import DailyRoomUseRepository
from models.storage.encryption import FieldCipher
from models.storage.event_outbox import EventOutbox
from models.storage.leases import LeaseRepository
from models.storage.mongo import Database
from models.text_checks.repository import TextCheckRepository
from models.violations.repository import ViolationRepository
from models.waitlist.repository import WaitlistRepository
from models.webhooks.delivery_repository import WebhookDeliveryRepository
from models.webhooks.endpoint_repository import WebhookEndpointRepository
from models.wechat.callback_log_repository import WeChatCallbackLog


class Repositories:
    """All repositories of a process. Each exists once, because some remember their own writes. Only
    the wiring, the commands and tests hold this object."""

    def __init__(
        self,
        db: Database,
        cipher: FieldCipher,
        change_stream: Callable[[Database, str], ReservationChangeStream] = ReservationChangeStream,
    ) -> None:
        self.cipher = cipher
        self.accommodations = AccommodationRepository(db, cipher)
        self.activation_codes = ActivationCodeRepository(db, cipher)
        self.api_tokens = ApiTokenRepository(db)
        self.audit_log = AuditLogRepository(db, cipher)
        self.backups = BackupStandingRepository(db)
        self.bindings = BindingRepository(db, cipher)
        self.calendar_feeds = CalendarFeedRepository(db)
        self.alerts = AlertRepository(db)
        self.announcements = AnnouncementRepository(db)
        self.canned_answers = CannedAnswerRepository(db)
        self.cards = CardRepository(db, cipher)
        self.catalogs = CatalogRepository(db)
        self.consents = ConsentRepository(db)
        self.email_addresses = EmailAddressRepository(db, cipher)
        self.daily_statistics = DailyStatisticsRepository(db)
        self.daily_room_statistics = DailyRoomUseRepository(db)
        self.event_outbox = EventOutbox(db)
        self.fault_reports = FaultReportRepository(db, cipher)
        self.favourites = FavouriteRepository(db)
        self.feedback = FeedbackRepository(db, cipher)
        self.gate_events = GateEventRepository(db, cipher)
        self.gates = GateRepository(db, cipher)
        self.heartbeat = HeartbeatRepository(db)
        self.kiosk_pairings = PairingRepository(db, cipher)
        self.kiosk_scans = KioskScanRepository(db)
        self.kiosks = KioskRepository(db, cipher)
        self.leases = LeaseRepository(db)
        self.memberships = MembershipRepository(db)
        self.message_choices = ChoiceRepository(db)
        self.messages = MessageRepository(db, cipher)
        self.deliveries = DeliveryRepository(db)
        self.channel_deliveries = {
            channel: ChannelDeliveries(db, channel, self.messages) for channel in Channel
        }
        self.notices = NoticeRepository(db)
        self.opening_draws = DrawRepository(db, cipher)
        self.opening_tickets = TicketRepository(db)
        self.outages = OutageRepository(db)
        self.past = PastRepository(db)
        self.review_codes = ReviewCodeRepository(db)
        self.plan_pictures = PlanPictureRepository(db)
        self.room_pictures = RoomPictureRepository(db)
        self.policies = PolicyRepository(db)
        self.presence_methods = PresenceMethodRepository(db)
        self.reader_groups = ReaderGroupRepository(db)
        self.profiles = ProfileRepository(db)
        self.reader_overviews = ReaderOverviews(db, cipher)
        self.readers = ReaderRepository(db, cipher)
        self.reservations = ReservationRepository(db)
        self.parties = PartyRepository(db, self.reservations)
        self.rooms = RoomRepository(db)
        self.room_bookings = RoomBookingRepository(db, self.reservations, cipher)
        self.room_blocks = RoomBlockRepository(db, self.reservations)
        self.reservation_changes = change_stream(db, self.reservations.writer)
        self.seasons = SeasonRepository(db, cipher)
        self.undecided_days = UndecidedDaysRepository(db)
        self.season_holders = HolderRepository(db, cipher)
        self.second_factors = SecondFactorRepository(db, cipher)
        self.sessions = SessionRepository(db, cipher)
        self.staff_grants = StaffGrantRepository(db)
        self.text_checks = TextCheckRepository(db, cipher)
        self.used_once = UsedOnceRepository(db)
        self.violations = ViolationRepository(db, cipher)
        self.waitlist = WaitlistRepository(db)
        self.webhook_deliveries = WebhookDeliveryRepository(db)
        self.webhooks = WebhookEndpointRepository(db, cipher)
        self.wechat_callbacks = WeChatCallbackLog(db)
