"""Typed keys of the application: a service is found by its class, the machinery that every handler
uses by a name."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

from aiohttp import web

from bind.session_service import SessionService
from handlers.http.load_shedding import LoadShedder
from handlers.http.metrics import Metrics
from handlers.http.security_log import SecurityLog
from models.erasure.entities import Keeping
from models.messages.entities import Channel, Template
from models.reference_data import ReferenceData
from models.storage.attempt_limiter import AttemptLimiter
from models.storage.rate_limiter import RateLimiter
from notify.wechat.template_config import TemplateConfig

ErrorPage = Callable[[web.Request, int, str, Mapping[str, Any]], Awaitable[web.Response]]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ServiceClock(Protocol):
    """The service's clock; ``trusted`` while the host agrees with MongoDB."""

    @property
    def trusted(self) -> bool: ...
    def now(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Site:
    """What the operator has set, as far as HTTP needs it."""

    public_base_url: str
    sign_on_origins: tuple[str, ...]
    """The sign-ons, where signing out ends."""
    staff_totp: bool
    """Do the staff's rights need a second factor?"""
    secure_cookies: bool
    session_cookie: str
    trusted_proxies: tuple[Network, ...]
    monitors: tuple[Network, ...]
    """Who may read /metrics and /readyz."""
    wall_clock: bool
    """Whether the service's clock is the one on the wall."""
    open_to_anybody: bool
    """Everybody on the network may sign in as anybody: every page says so."""
    channels: frozenset[Channel]
    """How readers are told outside of the app."""
    mini_appid: str
    templates: Mapping[Template, TemplateConfig]
    """WeChat's templates by message."""
    verification: Mapping[str, str]
    """The name and text of the file by which WeChat knows this host; empty where there is none."""
    keeping: Keeping
    trial_page: str = ""
    """The path of a page for whoever tries the service; empty where there is none."""

    @property
    def wechat(self) -> bool:
        """Whether the library has a mini-program."""
        return Channel.WECHAT in self.channels


SITE: Final = web.AppKey("site", Site)
CLOCK: Final[web.AppKey[ServiceClock]] = web.AppKey("clock")
SESSIONS: Final = web.AppKey("sessions", SessionService)
REFERENCE: Final = web.AppKey("reference", ReferenceData)
LOAD_SHEDDER: Final = web.AppKey("load_shedder", LoadShedder)
RATE_LIMITER: Final = web.AppKey("rate_limiter", RateLimiter)
ATTEMPT_LIMITER: Final = web.AppKey("attempt_limiter", AttemptLimiter)
METRICS: Final = web.AppKey("metrics", Metrics)
SECURITY_LOG: Final = web.AppKey("security_log", SecurityLog)
WAKE_JOBS: Final[web.AppKey[Callable[[], None]]] = web.AppKey("wake_jobs")
"""Called after a change: what it leads to is done at once, not at the jobs' next turn."""
RELEASES: Final[web.AppKey[Callable[[], Awaitable[dict[str, str]]]]] = web.AppKey("releases")
"""The versions of the databases, by server."""
HEALTH: Final[web.AppKey[Callable[[], Awaitable[tuple[bool, dict[str, str]]]]]] = web.AppKey(
    "health"
)
MEASURE: Final[web.AppKey[Callable[[], Awaitable[None]]]] = web.AppKey("measure")
"""Brings up to date what the metrics hold and nothing counts as it happens."""
ERROR_PAGE: Final[web.AppKey[ErrorPage]] = web.AppKey("error_page")
"""What a browser is shown for what no handler answers: request, status, code, facts."""

Service = TypeVar("Service")
_SERVICE_KEYS: Final[dict[type[object], web.AppKey[Any]]] = {}


def service_key(service: type[Service]) -> web.AppKey[Service]:
    """The key of the application's one service of this class."""
    key = _SERVICE_KEYS.get(service)
    if key is None:
        key = _SERVICE_KEYS[service] = web.AppKey(service.__qualname__, service)
    return key
