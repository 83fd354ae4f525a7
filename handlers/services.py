"""What every handler can reach, under one typed key of the application."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from bind.account_binding import AccountBindingService
from bind.kiosk_codes import KioskCodeService
from bind.providers.base import IdentityProvider
from bind.providers.cas_client import CasClient
from bind.session_service import SessionService
from bind.wechat_logins import WeChatLogins
from handlers.admission import LoadShedder
from handlers.api.events import EventStreamHub
from handlers.api.plans import SeatMapCache
from models.booking.desk import Desk
from models.feedback.repository import FeedbackRepository
from models.identity.binding_repository import BindingRepository
from models.identity.roles import StaffDirectory
from models.messages.channel_pause_repository import ChannelPauseRepository
from models.messages.consent_repository import ConsentRepository
from models.messages.entities import Template
from models.messages.repository import Messages
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


class Metrics:
    """What /metrics shows. One registry an application, so that tests do not share counts.

    Where several processes serve together, each counts in files of a folder that they share, and
    each can tell the sum. prometheus_client chooses so when it is imported, by the variable
    PROMETHEUS_MULTIPROC_DIR; ``folder`` must be the same.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._answered: dict[tuple[str, str, int], Histogram] = {}
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "seat_http_request_seconds",
            "Time to answer, by route and status",
            ["route", "method", "status"],
            registry=self.registry,
            buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
        )
        self.refusals = Counter(
            "seat_refusals", "Refusals by code", ["code"], registry=self.registry
        )
        self.deliveries = Counter(
            "seat_deliveries",
            "Attempts to deliver, by outcome",
            ["outcome"],
            registry=self.registry,
        )
        self.wechat_paused = Gauge(
            "seat_wechat_paused",
            "1 while nothing is sent to WeChat, by reason",
            ["reason"],
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self.event_streams = Gauge(
            "seat_event_streams",
            "Event streams that are open",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.clock_offset = Gauge(
            "seat_clock_offset_seconds",
            "How far this host's clock is ahead of MongoDB's",
            registry=self.registry,
            multiprocess_mode="livemostrecent",
        )
        self.troubles = Gauge(
            "seat_troubles",
            "What /readyz says is wrong, by kind",
            ["kind"],
            registry=self.registry,
            multiprocess_mode="mostrecent",
        )
        self.last_backup = Gauge(
            "seat_last_backup_timestamp_seconds",
            "When the last good backup was taken; 0 if there was none",
            registry=self.registry,
            multiprocess_mode="mostrecent",
        )
        self.job_effects = Counter(
            "seat_job_effects", "What jobs did, by job", ["job"], registry=self.registry
        )
        self.job_failures = Counter(
            "seat_job_failures", "Runs of jobs that failed", ["job"], registry=self.registry
        )

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """One request more. Looking its labels up anew would cost more than counting it."""
        key = (route, method, status)
        child = self._answered.get(key)
        if child is None:
            child = self._answered[key] = self.requests.labels(route, method, str(status))
        child.observe(seconds)

    def exposition(self) -> bytes:
        """All of it in Prometheus's text format, of all processes. Reads files where there are
        several, so it is not for the event loop."""
        registry = self.registry
        if self._folder is not None:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(registry)


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
    messages: Messages
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
