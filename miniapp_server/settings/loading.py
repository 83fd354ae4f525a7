"""All of the service's settings, made of the environment; or all that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from bind.providers.oidc import OidcSettings
from handlers.texts.wording import DEFAULT_CONTACT, DEFAULT_NAMES
from miniapp_server.settings import databases, mail, retention, sign_on, wechat
from miniapp_server.settings.addresses import is_loopback
from miniapp_server.settings.databases import read_cipher, read_database_name, read_database_url
from miniapp_server.settings.environment import EnvironmentReader, Network
from miniapp_server.settings.mail import read_mail
from miniapp_server.settings.retention import read_keeping
from miniapp_server.settings.sign_on import (
    CasSettings,
    IdentityProviderSettings,
    read_cas,
    read_identity_provider,
    read_oidc,
    read_staff,
)
from miniapp_server.settings.wechat import (
    CallbackSettings,
    OfficialAccountSettings,
    WeChatSettings,
    read_callbacks,
    read_official_account,
    read_verification,
    read_wechat,
)
from models.erasure.entities import Keeping
from models.identity.roles import StaffDirectory
from models.messages.entities import WECHAT_TEMPLATES, Channel, Template
from models.storage.connectivity import read_mongo_url
from models.storage.encryption import FieldCipher
from models.storage.mongo import Driver
from models.storage.redis_health import read_redis_url
from notify.email.smtp_client import SmtpSettings

DEFAULT_PORT: Final = 8080
VARIABLES: Final = frozenset(
    {
        *("HOST", "PORT", "PUBLIC_BASE_URL", "TRUSTED_PROXIES", "MONITORS", "LOG_LEVEL"),
        *("SITE_TITLE", "SITE_CONTACT", "SANDBOX", "RATE_LIMIT_SCALE", "WEBHOOK_ALLOWED_NETWORKS"),
        *("DATA_DIR", "DEMO"),  # the command line reads these for itself
        *(*databases.VARIABLES, *mail.VARIABLES, *retention.VARIABLES, *sign_on.VARIABLES),
        *wechat.VARIABLES,
    }
)
"""All that the service reads; a test holds them against what is read. Each OpenID provider has
those of ``OIDC_ENDINGS`` besides."""
RENAMED: Final = {
    "ADMINISTRATORS": "STAFF_ADMINISTRATORS",
    "CAMPUS_ENTRY": "IDENTITY_PROVIDER",
    "DATA_KEYS": "ENCRYPTION_KEYS",
    "LIBRARIANS": "STAFF_LIBRARIANS",
    "LIBRARY_CONTACT": "SITE_CONTACT",
    "LIBRARY_TITLE": "SITE_TITLE",
    "THROTTLE_SCALE": "RATE_LIMIT_SCALE",
    "VIEWERS": "STAFF_VIEWERS",
    "WECHAT_STATE": "WECHAT_ENV_VERSION",
}
"""Variables of before, and what they are called now. One that is set is refused: silently it would
have no effect."""
_CREDENTIALS: Final = (
    *("CAS_BASE_URL", "OIDC_PROVIDERS", "WECHAT_APPID", "WECHAT_SECRET"),
    *("WECHAT_MP_APPID", "WECHAT_MP_SECRET", "WECHAT_MP_TOKEN", "WECHAT_MINI_TOKEN"),
)
_PROVIDER_CREDENTIALS: Final = {
    "CAMPUS_TICKET_SECRET": "CAMPUS_TICKET_URL",
    "WECOM_SECRET": "WECOM_BASE_URL",
}
"""Secrets for another host. One that is on this machine is a stand-in as well."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All of the service's settings. docs/operations.md lists their variables."""

    host: str
    port: int
    title: str
    contact: tuple[str, ...]
    staff: StaffDirectory
    staff_totp: bool
    """Staff give a second factor, here where the sign-on asks for none."""
    public_base_url: str
    mongo_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    database: str
    mongo_driver: Driver
    sealer: FieldCipher = field(repr=False)
    wechat: WeChatSettings
    official: OfficialAccountSettings | None
    pushes: Mapping[str, CallbackSettings]
    verification: Mapping[str, str]
    cas: CasSettings
    oidc: tuple[OidcSettings, ...]
    entry: IdentityProviderSettings
    smtp: SmtpSettings | None = field(repr=False)
    """None where the library sends no mail."""
    sandbox: bool
    lan: str
    """The private address on which a sandbox is open to others; empty: to this machine only."""
    throttle_scale: int
    trusted_proxies: tuple[Network, ...]
    monitors: tuple[Network, ...]
    webhook_networks: tuple[Network, ...]
    """Where webhooks may go beside the public internet."""
    log_level: str
    keeping: Keeping

    @property
    def secure_cookies(self) -> bool:
        """Whether pages are reached by https only."""
        return self.public_base_url.startswith("https://")

    @property
    def session_cookie(self) -> str:
        """The name of the session's cookie. One that begins with ``__Host-`` browsers take from
        this very host only, for all of it, over https."""
        return "__Host-seat_sid" if self.secure_cookies else "seat_sid"

    @property
    def templates_missing(self) -> tuple[Template, ...]:
        """Messages that WeChat could carry and has no template for: only the app shows them."""
        missing = (name for name in WECHAT_TEMPLATES if name not in self.wechat.templates)
        return tuple(missing) if self.wechat.used else ()

    @property
    def channels(self) -> frozenset[Channel]:
        """The ways by which readers are told outside of the app."""
        set_up = {
            Channel.WECHAT: self.wechat.used,
            Channel.EMAIL: self.smtp is not None,
            Channel.WECOM: self.entry.wecom_messages,
        }
        return frozenset(channel for channel, used in set_up.items() if used)

    @property
    def wechat_accounts(self) -> tuple[tuple[str, str, str], ...]:
        """Name, app id and secret of each WeChat account."""
        accounts = []
        if self.wechat.used:
            accounts.append(("WeChat", self.wechat.appid, self.wechat.secret))
        if self.official is not None:
            accounts.append(("WeChat MP", self.official.appid, self.official.secret))
        return tuple(accounts)


def load(env: Mapping[str, str], lan: str = "") -> Settings:
    """Read and validate all settings. docs/operations.md lists their variables.

    ``lan`` is the private address of this machine on which a sandbox shall listen, for others too.

    Raises: SettingsError with every fault, unless sandbox or not is the question: the rest depends
        on it.
    """
    read = EnvironmentReader(env)
    for name in sorted(name for name in env if name in RENAMED and env[name]):
        read.fault(f"{name} is called {RENAMED[name]} now: rename it")
    sandbox = _sandbox_wanted(read)
    port = read.number("PORT", DEFAULT_PORT, 1, 65535)
    host = read.text("HOST", lan or "127.0.0.1")
    public = _origin(read, "PUBLIC_BASE_URL", f"http://{lan or '127.0.0.1'}:{port}")
    throttle_scale = read.number("RATE_LIMIT_SCALE", 1, 1, 1_000_000)
    if sandbox:
        _check_reachable_here_only(read, host, public, lan)
    else:
        _check_public(read, public, throttle_scale)
    contact = read.text("SITE_CONTACT", DEFAULT_CONTACT)
    local = f"http://{host}:{port}/sandbox"
    sealer = read_cipher(read)
    cas = read_cas(read, f"{public}/sandbox/cas" if sandbox else None)
    oidc = read_oidc(read, cas)
    settings = partial(
        Settings,
        host=host,
        port=port,
        title=read.text("SITE_TITLE", DEFAULT_NAMES["title"]),
        staff=read_staff(env, oidc, sandbox=sandbox),
        staff_totp=read.one_of("STAFF_TOTP", "0", ("0", "1")) == "1",
        contact=tuple(line.strip() for line in contact.split("|") if line.strip()),
        public_base_url=public,
        mongo_url=read_database_url(read, "MONGO_URL", read_mongo_url),
        redis_url=read_database_url(read, "REDIS_URL", read_redis_url),
        database=read_database_name(read),
        mongo_driver=read.one_of("MONGO_DRIVER", "pymongo", ("pymongo", "motor")),
        cas=cas,
        oidc=oidc,
        wechat=read_wechat(read, f"{local}/wechat" if sandbox else None),
        official=read_official_account(read, sandbox),
        pushes=read_callbacks(read, sandbox),
        verification=read_verification(read),
        entry=read_identity_provider(read),
        smtp=read_mail(read, sandbox=sandbox),
        sandbox=sandbox,
        lan=lan,
        throttle_scale=throttle_scale,
        trusted_proxies=read.networks("TRUSTED_PROXIES"),
        webhook_networks=read.networks("WEBHOOK_ALLOWED_NETWORKS"),
        monitors=read.networks("MONITORS", ",".join(("127.0.0.0/8", "::1", lan)).rstrip(",")),
        log_level=read.one_of("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
        keeping=read_keeping(read),
    )
    read.raise_faults()
    assert sealer is not None  # else it is a fault
    return settings(sealer=sealer)


def _sandbox_wanted(read: EnvironmentReader) -> bool:
    """Only by name, and never beside real credentials. Raises: SettingsError."""
    asked = read.text("SANDBOX")
    if asked not in ("", "0", "1"):
        read.fault("SANDBOX must be 0 or 1")
        read.raise_faults()
    if asked != "1":
        return False
    given = [name for name in _CREDENTIALS if read.text(name)]
    given += [
        secret
        for secret, url in _PROVIDER_CREDENTIALS.items()
        if read.text(secret) and not is_loopback(urlsplit(read.text(url)).hostname)
    ]
    if given:
        read.fault(
            f"the sandbox cannot run beside real credentials ({', '.join(given)}): unset them to "
            "try the service, or unset SANDBOX and use serve"
        )
        read.raise_faults()
    return True


def _check_public(read: EnvironmentReader, public: str, throttle_scale: int) -> None:
    """Note faults of an installation that others reach; a test on this machine alone has none."""
    read.required("PUBLIC_BASE_URL")
    parts = urlsplit(public)
    if is_loopback(parts.hostname):
        return
    if parts.scheme != "https":
        read.fault(
            "PUBLIC_BASE_URL must begin with https://: over http sessions can be read on the way"
        )
    if throttle_scale != 1:
        read.fault("RATE_LIMIT_SCALE is for load tests on this machine: leave it out")


def _check_reachable_here_only(read: EnvironmentReader, host: str, public: str, lan: str) -> None:
    """A sandbox lets anybody in as anybody."""
    for name, shown in (("HOST", host), ("PUBLIC_BASE_URL", urlsplit(public).hostname)):
        if shown != lan if lan else not is_loopback(shown):
            wanted = f"{lan}, the address of --lan" if lan else "a loopback address"
            read.fault(
                f"{name}: a sandbox lets anybody in as anybody, so {shown} must be {wanted} "
                "(demo --lan ADDRESS opens it to a private network)"
            )


def _origin(read: EnvironmentReader, name: str, default: str) -> str:
    """An address without a path: the service's own pages begin at /."""
    value = read.url(name, default)
    if path := urlsplit(value).path:
        read.fault(
            f"{name} must end after the host: the service answers at the root of a host name of "
            f"its own, not under {path}"
        )
        return default
    return value
