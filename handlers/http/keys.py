"""Keys by which handlers get shared objects, such as the clock, from the aiohttp application."""

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
    """The clock of the service. ``trusted``: whether the host's clock agrees with MongoDB's."""

    @property
    def trusted(self) -> bool: ...
    def now(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Site:
    public_base_url: str
    sign_on_origins: tuple[str, ...]
    """Origins (scheme and host) of the campus's sign-ons, to which signing out redirects."""
    staff_totp: bool
    """Whether staff need a second factor for the console."""
    secure_cookies: bool
    session_cookie: str
    trusted_proxies: tuple[Network, ...]
    monitors: tuple[Network, ...]
    """Networks that may read /metrics and /readyz."""
    wall_clock: bool
    """Whether the service runs on real time, not on a simulated clock."""
    open_to_anybody: bool
    """Whether anybody may sign in as any reader; every page then warns of it."""
    channels: frozenset[Channel]
    """The channels by which messages reach readers outside of the app."""
    mini_appid: str
    templates: Mapping[Template, TemplateConfig]
    verification: Mapping[str, str]
    """WeChat's domain verification file: file name to content; empty without a file."""
    keeping: Keeping
    trial_page: str = ""
    """The path of the introduction page in a trial installation; empty if there is none."""

    @property
    def wechat(self) -> bool:
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
"""Key of a function to call after a change: it starts the jobs now, not at their next interval."""
RELEASES: Final[web.AppKey[Callable[[], Awaitable[dict[str, str]]]]] = web.AppKey("releases")
"""Key of a function that returns the version of each database server, by the server's name."""
HEALTH: Final[web.AppKey[Callable[[], Awaitable[tuple[bool, dict[str, str]]]]]] = web.AppKey(
    "health"
)
MEASURE: Final[web.AppKey[Callable[[], Awaitable[None]]]] = web.AppKey("measure")
"""Key of a function to call before an export of the metrics: it updates the gauges whose values
are measured, not counted."""
ERROR_PAGE: Final[web.AppKey[ErrorPage]] = web.AppKey("error_page")
"""Key of a function that renders the error page for a path without a page handler. Its arguments
are the request, the status, the error's code and its facts."""

Service = TypeVar("Service")
_SERVICE_KEYS: Final[dict[type[object], web.AppKey[Any]]] = {}


def service_key(service: type[Service]) -> web.AppKey[Service]:
    key = _SERVICE_KEYS.get(service)
    if key is None:
        key = _SERVICE_KEYS[service] = web.AppKey(service.__qualname__, service)
    return key
