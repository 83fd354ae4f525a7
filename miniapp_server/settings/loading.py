from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from bind.providers.oidc import OidcSettings
from handlers.texts.wording import DEFAULT_CONTACT, DEFAULT_NAMES
from miniapp_server.settings import backups, databases, mail, retention, sign_on, wechat
from miniapp_server.settings.addresses import is_loopback
from miniapp_server.settings.backups import BackupSettings, read_backups
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
from models.storage.installation import Mode
from models.storage.redis_health import read_redis_url
from notify.email.smtp_client import SmtpSettings

DEFAULT_PORT: Final = 8080
VARIABLES: Final = frozenset(
    {
        *("HOST", "PORT", "PUBLIC_BASE_URL", "TRUSTED_PROXIES", "MONITORS", "LOG_LEVEL"),
        *("SITE_TITLE", "SITE_CONTACT", "RATE_LIMIT_SCALE", "WEBHOOK_ALLOWED_NETWORKS"),
        *("DATA_DIR", "DEMO", "SANDBOX"),  # the command line reads these for itself
        *(*backups.VARIABLES, *databases.VARIABLES, *mail.VARIABLES, *retention.VARIABLES),
        *(*sign_on.VARIABLES, *wechat.VARIABLES),
    }
)
"""Names of all variables that the service reads; OpenID providers' end as in ``OIDC_ENDINGS``."""
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
"""Former names of variables, with the present ones. Setting an old name is a fault."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The service's settings; docs/operations.md lists their variables."""

    host: str
    port: int
    title: str
    contact: tuple[str, ...]
    staff: StaffDirectory
    staff_totp: bool
    """Whether staff members need the service's second factor if the sign-on has checked none."""
    public_base_url: str
    mongo_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    database: str
    sealer: FieldCipher = field(repr=False)
    wechat: WeChatSettings
    official: OfficialAccountSettings | None
    pushes: Mapping[str, CallbackSettings]
    verification: Mapping[str, str]
    cas: CasSettings
    oidc: tuple[OidcSettings, ...]
    entry: IdentityProviderSettings
    smtp: SmtpSettings | None = field(repr=False)
    """None if the library sends no mail."""
    throttle_scale: int
    trusted_proxies: tuple[Network, ...]
    monitors: tuple[Network, ...]
    webhook_networks: tuple[Network, ...]
    """Networks that webhooks may reach besides the public internet."""
    log_level: str
    keeping: Keeping
    backups: BackupSettings
    mode: Mode = Mode.PRODUCTION
    """A real library or a sandbox; the database must be marked with the same mode."""
    wall_clock: bool = True
    """False if a sandbox's clock may have been moved: ids then contain wrong times of creation."""
    lan: str = ""
    """The private address on which a sandbox can be reached from its network, where anyone can
    sign in as any reader; empty if there is none."""

    @property
    def secure_cookies(self) -> bool:
        return self.public_base_url.startswith("https://")

    @property
    def session_cookie(self) -> str:
        """The name of the session cookie. Over https it begins with ``__Host-``: browsers then
        accept it only from this exact host, for all its paths."""
        return "__Host-seat_sid" if self.secure_cookies else "seat_sid"

    @property
    def templates_missing(self) -> tuple[Template, ...]:
        """Messages for which the mini-program could have a template but has none; readers see
        them only in the app. Empty without a mini-program."""
        missing = (name for name in WECHAT_TEMPLATES if name not in self.wechat.templates)
        return tuple(missing) if self.wechat.used else ()

    @property
    def channels(self) -> frozenset[Channel]:
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


def load(env: Mapping[str, str]) -> Settings:
    """Reads and validates the settings of a real library. Raises: SettingsError with all faults."""
    return read_settings(EnvironmentReader(env))


def read_settings(read: EnvironmentReader, by_http: Collection[str] = ()) -> Settings:
    """Reads and validates all settings. ``by_http``: hosts whose pages need no https. Raises:
    SettingsError with all faults, including those that ``read`` has noted before."""
    for name in sorted(name for name in read.env if name in RENAMED and read.env[name]):
        read.fault(f"{name} was renamed: write {RENAMED[name]}")
    port = read.number("PORT", DEFAULT_PORT, 1, 65535)
    public = read_origin(read, "PUBLIC_BASE_URL", f"http://127.0.0.1:{port}")
    throttle_scale = read.number("RATE_LIMIT_SCALE", 1, 1, 1_000_000)
    read.required("PUBLIC_BASE_URL")
    if urlsplit(public).hostname not in by_http:
        _check_public(read, public, throttle_scale)
    contact = read.text("SITE_CONTACT")
    sealer = read_cipher(read)
    cas = read_cas(read)
    oidc = read_oidc(read, cas)
    settings = partial(
        Settings,
        host=read.text("HOST", "127.0.0.1"),
        port=port,
        title=read.text("SITE_TITLE", DEFAULT_NAMES["title"]),
        staff=read_staff(read.env, oidc),
        staff_totp=read.one_of("STAFF_TOTP", "0", ("0", "1")) == "1",
        contact=tuple(line.strip() for line in contact.split("|") if line.strip())
        or (DEFAULT_CONTACT,),
        public_base_url=public,
        mongo_url=read_database_url(read, "MONGO_URL", read_mongo_url),
        redis_url=read_database_url(read, "REDIS_URL", read_redis_url),
        database=read_database_name(read),
        cas=cas,
        oidc=oidc,
        wechat=read_wechat(read),
        official=read_official_account(read),
        pushes=read_callbacks(read),
        verification=read_verification(read),
        entry=read_identity_provider(read),
        smtp=read_mail(read),
        throttle_scale=throttle_scale,
        trusted_proxies=read.networks("TRUSTED_PROXIES"),
        webhook_networks=read.networks("WEBHOOK_ALLOWED_NETWORKS"),
        monitors=read.networks("MONITORS", "127.0.0.0/8,::1"),
        log_level=read.one_of("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
        keeping=read_keeping(read),
        backups=read_backups(read),
    )
    read.raise_faults()
    assert sealer is not None  # else it is a fault
    return settings(sealer=sealer)


def _check_public(read: EnvironmentReader, public: str, throttle_scale: int) -> None:
    """Adds to ``read``'s faults those that matter only if other machines can reach the service."""
    parts = urlsplit(public)
    if is_loopback(parts.hostname):
        return
    if parts.scheme != "https":
        read.fault("PUBLIC_BASE_URL must begin with https://: over http others can read sessions")
    if throttle_scale != 1:
        read.fault("RATE_LIMIT_SCALE is for load tests on this machine: leave it out")


def read_origin(read: EnvironmentReader, name: str, default: str) -> str:
    """The URL in the variable ``name``. A path is a fault, since the service's pages begin at /."""
    value = read.url(name, default)
    if path := urlsplit(value).path:
        read.fault(
            f"{name} must not have the path {path}: the service needs a host name of its own"
        )
        return default
    return value
