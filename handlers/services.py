"""What every handler can reach, under one typed key of the application."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from aiohttp import web

from bind.account_binding import AccountBindingService
from bind.kiosk_codes import KioskCodeService
from bind.providers.base import IdentityProvider
from bind.providers.cas_client import CasClient
from bind.session_service import SessionService
from bind.wechat_logins import WeChatLogins
from handlers.http.load_shedding import LoadShedder
from handlers.http.metrics import Metrics
from handlers.seat_map.cache import SeatMapCache
from handlers.seat_map.event_stream import EventStreamHub
from models.booking.desk import Desk
from models.feedback.repository import FeedbackRepository
from models.identity.binding_repository import BindingRepository
from models.identity.roles import StaffDirectory
from models.messages.channel_pause_repository import ChannelPauseRepository
from models.messages.consent_repository import ConsentRepository
from models.messages.entities import Template
from models.messages.repository import MessageRepository
from models.outages.monitor import OutageMonitor
from models.staff.audit_repository import AuditLogRepository
from models.storage.attempt_limiter import AttemptLimiter
from models.storage.rate_limiter import RateLimiter
from models.wechat.callback_log_repository import WeChatCallbackLog
from notify.wechat.callbacks import CallbackVerifier
from notify.wechat.mini_program_codes import MiniProgramCodes
from notify.wechat.template_config import TemplateConfig

ErrorPage = Callable[[web.Request, int, str, Mapping[str, Any]], Awaitable[web.Response]]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class TrustedClock(Protocol):
    """The host's clock; ``trusted`` while it agrees with MongoDB's."""

    trusted: bool


@dataclass(frozen=True, slots=True)
class Services:
    """The composed service, as far as HTTP needs it."""

    desk: Desk
    sessions: SessionService
    bindings: AccountBindingService
    kiosks: KioskCodeService
    messages: MessageRepository
    pauses: ChannelPauseRepository
    feedbacks: FeedbackRepository
    audit: AuditLogRepository
    credits: ConsentRepository
    throttles: AttemptLimiter
    pacing: RateLimiter
    admission: LoadShedder
    plans: SeatMapCache
    streams: EventStreamHub
    entry_codes: MiniProgramCodes
    cas: CasClient
    entrance: IdentityProvider
    sign_ins: WeChatLogins
    bound: BindingRepository
    pushes: WeChatCallbackLog
    push_accounts: Mapping[str, CallbackVerifier]
    templates: Mapping[Template, TemplateConfig]
    unionid_of: Callable[[str], Awaitable[str | None]]
    mini_appid: str
    verification: tuple[str, str]
    """The name and text of the file by which WeChat knows this host; empty where there is none."""
    watch: OutageMonitor
    now: Callable[[], datetime]
    clock: TrustedClock
    nudge: Callable[[], None]
    health: Callable[[], Awaitable[tuple[bool, dict[str, str]]]]
    measure: Callable[[], Awaitable[None]]
    """Brings up to date what ``metrics`` holds and nothing counts as it happens."""
    title: str
    contact: tuple[str, ...]
    staff: StaffDirectory
    public_base_url: str
    secure_cookies: bool
    trusted_proxies: tuple[Network, ...]
    monitors: tuple[Network, ...]
    """Who may read /metrics and /readyz."""
    sandbox: bool
    wechat: bool
    """Has the library a mini-program?"""
    lan: bool
    """A sandbox that others on the network can reach: every page says so."""
    error_page: ErrorPage
    """What a browser is shown for what no handler answers: request, status, code, facts."""
    metrics: Metrics = field(default_factory=Metrics)


SERVICES: Final = web.AppKey("services", Services)
ConsentHook = Callable[[str, Mapping[str, str]], Awaitable[None]]
"""Gets the openid of the mini-program's user, and what they answered by template."""
ON_CONSENT_REPORTED: Final[web.AppKey[ConsentHook]] = web.AppKey("on_consent_reported")
"""Called after a client has reported consent; the sandbox's phone sets it."""
