"""Typed keys of the application: one a feature service. ``miniapp_server/wiring.py`` sets them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from bind.account_binding import AccountBindingService
from bind.held_sign_ins import HeldSignIns
from bind.kiosk_codes import KioskCodeService
from bind.login_service import LoginService
from bind.providers.base import IdentityProvider
from bind.scan_notes import ScanNotes
from bind.scanned_codes import ScannedCodes
from bind.seat_labels import SeatLabels
from bind.second_factors import SecondFactors
from bind.sign_ons import SignOns
from bind.wechat_logins import WeChatLogins
from models.affected_bookings.impact import AffectedBookings
from models.announcements.staff import StaffAnnouncements
from models.booking.alternatives import SeatAlternatives
from models.booking.service import ReservationService
from models.booking.staff.lookup import ReservationLookup
from models.booking.staff.reservations import StaffReservations
from models.booking.staff.seat_history import StaffSeatHistory
from models.calendar_feed.service import CalendarFeeds
from models.check_in.early_end import EarlyEndService
from models.check_in.renewal import RenewalService
from models.check_in.service import CheckInService
from models.code_sharing.service import CodeSharingService
from models.deadlines.presence_knowledge import PresenceKnowledge
from models.email_addresses.service import EmailAddressService
from models.erasure.own_data import OwnData
from models.fault_reports.service import FaultReportService
from models.fault_reports.staff import StaffFaultReports
from models.favourites.service import FavouriteSeats
from models.feedback.service import FeedbackService
from models.feedback.staff import StaffFeedback
from models.forecast.service import FullnessForecast
from models.gates.service import GateService
from models.kiosks.pairing import KioskPairing
from models.kiosks.service import KioskService
from models.kiosks.staff.devices import StaffDevices
from models.kiosks.staff.pairing import StaffPairing
from models.library.staff.areas import StaffAreas
from models.library.staff.plan_pictures import StaffPlanPictures
from models.library.staff.seat_outages import StaffSeatOutages
from models.library.staff.venues import StaffVenues
from models.messages.entities import Template
from models.messages.service import MessageService
from models.messages.staff import StaffDeliveries
from models.notices.service import NoticeService
from models.notices.staff import StaffNotices
from models.outages.monitor import OutageMonitor
from models.policy.staff import StaffPolicyAndPlans
from models.policy_preview.service import PolicyPreviewService
from models.profile.staff import StaffProfile
from models.proof.entities import ProofStanding
from models.reader_groups.staff.groups import StaffReaderGroups
from models.reader_groups.staff.memberships import StaffMemberships
from models.readers.staff.readers import StaffReaders
from models.readers.staff.visitors import StaffVisitors
from models.seat_map.service import SeatMapService
from models.seat_reports.service import SeatReportService
from models.seat_reports.staff import StaffSeatReports
from models.staff.alerts import StaffAlerts
from models.staff.api_tokens import StaffApiTokens
from models.staff.grants import StaffGrants
from models.staff.recorder import AuditLog
from models.staff.review_access import ReviewAccess
from models.staff.second_factors import StaffSecondFactors
from models.statistics.service import StatisticsService
from models.violations.service import ViolationService
from models.violations.staff import StaffViolations
from models.waitlist.service import WaitlistService
from models.webhooks.service import WebhookLists
from models.webhooks.staff import StaffWebhooks
from models.wechat.service import WeChatCallbackService
from notify.conversations import Conversations
from notify.email.unsubscribing import UnsubscribeLinks
from notify.routing import ChannelRouting
from notify.wechat.callbacks import CallbackVerifier
from notify.wechat.mini_program_codes import MiniProgramCodes
from notify.wechat.template_config import TemplateConfig

ConsentHook = Callable[[str, Mapping[str, str]], Awaitable[None]]
"""Gets the openid of the mini-program's user, and what they answered by template."""

ACCOUNT_BINDING: Final = web.AppKey("account_binding", AccountBindingService)
AFFECTED_BOOKINGS: Final = web.AppKey("affected_bookings", AffectedBookings)
ALTERNATIVES: Final = web.AppKey("alternatives", SeatAlternatives)
AUDIT_LOG: Final = web.AppKey("audit_log", AuditLog)
CALENDAR_FEEDS: Final = web.AppKey("calendar_feeds", CalendarFeeds)
CONVERSATIONS: Final = web.AppKey("conversations", Conversations)
CHANNEL_ROUTING: Final = web.AppKey("channel_routing", ChannelRouting)
CALLBACK_VERIFIERS: Final[web.AppKey[Mapping[str, CallbackVerifier]]] = web.AppKey(
    "callback_verifiers"
)
"""By the names in the addresses that WeChat calls."""
CAMPUS_APP: Final[web.AppKey[IdentityProvider | None]] = web.AppKey("campus_app")
CHECK_IN: Final = web.AppKey("check_in", CheckInService)
CODE_SHARING: Final = web.AppKey("code_sharing", CodeSharingService)
EMAIL_ADDRESSES: Final = web.AppKey("email_addresses", EmailAddressService)
UNSUBSCRIBE_LINKS: Final = web.AppKey("unsubscribe_links", UnsubscribeLinks)
FAVOURITES: Final = web.AppKey("favourites", FavouriteSeats)
FAULT_REPORTS: Final = web.AppKey("fault_reports", FaultReportService)
FEEDBACK: Final = web.AppKey("feedback", FeedbackService)
FORECAST: Final = web.AppKey("forecast", FullnessForecast)
GATES: Final = web.AppKey("gates", GateService)
KIOSK_CODES: Final = web.AppKey("kiosk_codes", KioskCodeService)
KIOSK_PAIRING: Final = web.AppKey("kiosk_pairing", KioskPairing)
KIOSKS: Final = web.AppKey("kiosks", KioskService)
HELD_SIGN_INS: Final = web.AppKey("held_sign_ins", HeldSignIns)
LOGINS: Final = web.AppKey("logins", LoginService)
MESSAGES: Final = web.AppKey("messages", MessageService)
MINI_PROGRAM_CODES: Final = web.AppKey("mini_program_codes", MiniProgramCodes)
NOTICES: Final = web.AppKey("notices", NoticeService)
ON_CONSENT_REPORTED: Final[web.AppKey[ConsentHook]] = web.AppKey("on_consent_reported")
"""Called after a client has reported consent; the sandbox's phone sets it."""
OWN_DATA: Final = web.AppKey("own_data", OwnData)
OUTAGES: Final = web.AppKey("outages", OutageMonitor)
POLICY_PREVIEW: Final = web.AppKey("policy_preview", PolicyPreviewService)
PRESENCE_KNOWLEDGE: Final = web.AppKey("presence_knowledge", PresenceKnowledge)
PROOF: Final = web.AppKey("proof", ProofStanding)
EARLY_END: Final = web.AppKey("early_end", EarlyEndService)
RENEWAL: Final = web.AppKey("renewal", RenewalService)
RESERVATIONS: Final = web.AppKey("reservations", ReservationService)
SCANNED_CODES: Final = web.AppKey("scanned_codes", ScannedCodes)
SCAN_NOTES: Final = web.AppKey("scan_notes", ScanNotes)
SEAT_LABELS: Final = web.AppKey("seat_labels", SeatLabels)
SEAT_MAP: Final = web.AppKey("seat_map", SeatMapService)
SEAT_REPORTS: Final = web.AppKey("seat_reports", SeatReportService)
STAFF_DELIVERIES: Final = web.AppKey("staff_deliveries", StaffDeliveries)
STAFF_DEVICES: Final = web.AppKey("staff_devices", StaffDevices)
STAFF_FAULT_REPORTS: Final = web.AppKey("staff_fault_reports", StaffFaultReports)
STAFF_FEEDBACK: Final = web.AppKey("staff_feedback", StaffFeedback)
STAFF_NOTICES: Final = web.AppKey("staff_notices", StaffNotices)
STAFF_ALERTS: Final = web.AppKey("staff_alerts", StaffAlerts)
STAFF_ANNOUNCEMENTS: Final = web.AppKey("staff_announcements", StaffAnnouncements)
STAFF_AREAS: Final = web.AppKey("staff_areas", StaffAreas)
STAFF_PLAN_PICTURES: Final = web.AppKey("staff_plan_pictures", StaffPlanPictures)
STAFF_PAIRING: Final = web.AppKey("staff_pairing", StaffPairing)
STAFF_POLICY_AND_PLANS: Final = web.AppKey("staff_policy_and_plans", StaffPolicyAndPlans)
STAFF_GRANTS: Final = web.AppKey("staff_grants", StaffGrants)
STAFF_MEMBERSHIPS: Final = web.AppKey("staff_memberships", StaffMemberships)
STAFF_READER_GROUPS: Final = web.AppKey("staff_reader_groups", StaffReaderGroups)
API_TOKENS: Final = web.AppKey("api_tokens", StaffApiTokens)
REVIEW_ACCESS: Final = web.AppKey("review_access", ReviewAccess)
STAFF_PROFILE: Final = web.AppKey("staff_profile", StaffProfile)
STAFF_READERS: Final = web.AppKey("staff_readers", StaffReaders)
RESERVATION_LOOKUP: Final = web.AppKey("reservation_lookup", ReservationLookup)
STAFF_RESERVATIONS: Final = web.AppKey("staff_reservations", StaffReservations)
STAFF_SEAT_HISTORY: Final = web.AppKey("staff_seat_history", StaffSeatHistory)
STAFF_SEAT_REPORTS: Final = web.AppKey("staff_seat_reports", StaffSeatReports)
STAFF_SEAT_OUTAGES: Final = web.AppKey("staff_seat_outages", StaffSeatOutages)
STAFF_WEBHOOKS: Final = web.AppKey("staff_webhooks", StaffWebhooks)
STAFF_VENUES: Final = web.AppKey("staff_venues", StaffVenues)
STAFF_VIOLATIONS: Final = web.AppKey("staff_violations", StaffViolations)
STAFF_VISITORS: Final = web.AppKey("staff_visitors", StaffVisitors)
SECOND_FACTORS: Final = web.AppKey("second_factors", SecondFactors)
STAFF_SECOND_FACTORS: Final = web.AppKey("staff_second_factors", StaffSecondFactors)
SIGN_ONS: Final = web.AppKey("sign_ons", SignOns)
STATISTICS: Final = web.AppKey("statistics", StatisticsService)
TEMPLATES: Final[web.AppKey[Mapping[Template, TemplateConfig]]] = web.AppKey("templates")
UNIONID_OF: Final[web.AppKey[Callable[[str], Awaitable[str | None]]]] = web.AppKey("unionid_of")
"""The unionid of a follower of the official account, where WeChat tells it."""
VIOLATIONS: Final = web.AppKey("violations", ViolationService)
WAITLIST: Final = web.AppKey("waitlist", WaitlistService)
WEBHOOKS: Final = web.AppKey("webhooks", WebhookLists)
WECHAT_CALLBACKS: Final = web.AppKey("wechat_callbacks", WeChatCallbackService)
WECHAT_LOGINS: Final = web.AppKey("wechat_logins", WeChatLogins)
