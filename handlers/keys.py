"""Typed keys of the application: what a handler can reach.

One key a feature service, and a few for machinery. ``miniapp_server/wiring.py`` sets them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from aiohttp import web

from bind.account_binding import AccountBindingService
from bind.kiosk_codes import KioskCodeService
from bind.login_service import LoginService
from bind.providers.base import IdentityProvider
from bind.providers.cas_client import CasClient
from bind.session_service import SessionService
from bind.wechat_logins import WeChatLogins
from handlers.http.load_shedding import LoadShedder
from handlers.http.metrics import Metrics
from models.affected_bookings.impact import AffectedBookings
from models.check_in.renewal import RenewalService
from models.check_in.service import CheckInService
from models.code_sharing.service import CodeSharingService
from models.feedback.service import FeedbackService
from models.gates.service import GateService
from models.identity.roles import StaffDirectory
from models.kiosks.service import KioskService
from models.messages.service import MessageService
from models.notices.service import NoticeService
from models.outages.monitor import OutageMonitor
from models.policy_preview.service import PolicyPreviewService
from models.readers.service import ReaderService
from models.reference_data import ReferenceData
from models.reservations.alternatives import SeatAlternatives
from models.reservations.service import ReservationService
from models.seat_map.service import SeatMapService
from models.seat_reports.service import SeatReportService
from models.staff.deliveries import StaffDeliveries
from models.staff.devices import StaffDevices
from models.staff.feedback import StaffFeedback
from models.staff.notices import StaffNotices
from models.staff.policy_and_plans import StaffPolicyAndPlans
from models.staff.readers import StaffReaders
from models.staff.recorder import AuditLog
from models.staff.reservations import StaffReservations
from models.staff.violations import StaffViolations
from models.staff.visitors import StaffVisitors
from models.statistics.service import StatisticsService
from models.storage.attempt_limiter import AttemptLimiter
from models.storage.rate_limiter import RateLimiter
from models.violations.service import ViolationService
from models.waitlist.service import WaitlistService
from models.wechat.service import WeChatEventService
from notify.wechat.callbacks import CallbackVerifier
from notify.wechat.mini_program_codes import MiniProgramCodes
