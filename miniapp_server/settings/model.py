"""The service's settings as values; secrets never show in a repr."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bind.providers.oidc import OidcSettings
from models.erasure.entities import Keeping
from models.identity.roles import StaffDirectory
from models.messages.entities import WECHAT_TEMPLATES, Template
from models.storage.encryption import FieldCipher
from models.storage.mongo import Driver
from notify.email.smtp_client import SmtpSettings
from notify.wechat.template_config import TemplateConfig
from notify.wecom.client import WeComSettings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class SettingsError(Exception):
    """What is wrong or missing in the environment; one clear line for each fault."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))


@dataclass(frozen=True, slots=True)
class WeChatSettings:
    """The mini-program's account; ``templates`` maps messages to WeChat's templates.

    A library without a mini-program has none: all of it is empty.
    """

    base_url: str
    appid: str
    secret: str = field(repr=False)
    state: Literal["formal", "trial", "developer"]
    templates: Mapping[Template, TemplateConfig]

    @property
    def used(self) -> bool:
        """Whether the library has a mini-program."""
        return bool(self.appid)

    @property
    def long_term(self) -> frozenset[Template]:
        """The messages whose template readers accept once (长期订阅)."""
        return frozenset(name for name, config in self.templates.items() if config.long_term)

    @property
    def account(self) -> str:
        """The account's name with these credentials; another secret makes another name."""
        marked = hashlib.sha256(f"{self.appid} {self.secret}".encode()).hexdigest()
        return f"{self.appid}:{marked[:16]}"


@dataclass(frozen=True, slots=True)
class CallbackSettings:
    """The token and key of the callbacks that WeChat makes for one account."""

    token: str = field(repr=False)
    aes_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OfficialAccountSettings:
    """The official account."""

    appid: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CasSettings:
    """The address of CAS, and the attributes that hold a reader's name, category and address. A
    library without CAS has an empty address."""

    base_url: str
    name_attribute: str
    kind_attribute: str
    email_attribute: str
    """Empty where the campus names no e-mail address."""
    exact_service: bool
    """CAS knows the very address of this service, and refuses it with a state."""
    name: str = ""
    """What the sign-in page calls it; empty for 统一身份认证."""


@dataclass(frozen=True, slots=True)
class IdentityProviderSettings:
    """How the campus's app signs its user in: by the sign-on's cookie, a ticket, or 企业微信."""

    kind: Literal["cas", "ticket", "wecom"]
    url: str = ""
    secret: str = field(default="", repr=False)
    wecom: WeComSettings | None = None
    authorize_url: str = ""
    wecom_messages: bool = False
    """Readers hear by 企业微信 too."""


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
    verification: tuple[str, str]
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
    def wechat_accounts(self) -> tuple[tuple[str, str, str], ...]:
        """Name, app id and secret of each WeChat account."""
        accounts = []
        if self.wechat.used:
            accounts.append(("WeChat", self.wechat.appid, self.wechat.secret))
        if self.official is not None:
            accounts.append(("WeChat MP", self.official.appid, self.official.secret))
        return tuple(accounts)
