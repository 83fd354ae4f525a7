"""Settings, from the environment only, validated once; secrets never show in a repr."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from models.identity.roles import ADMINISTRATOR, LIBRARIAN, VIEWER, StaffDirectory
from models.messages.entities import WECHAT_TEMPLATES, Template
from models.readers.entities import normalise_student_no
from models.storage.connectivity import read_mongo_url
from models.storage.encryption import FieldCipher
from models.storage.mongo import Driver
from models.storage.redis_health import read_redis_url
from notify.templates import FACTS
from notify.wechat.template_config import TemplateConfig, TemplateConfigError, parse_templates

DEFAULT_PORT: Final = 8080
DEFAULT_TITLE: Final = "北京工业大学图书馆座位预约系统"
DEFAULT_CONTACT: Final = "开馆时间可到图书馆服务台咨询"
"""No library's telephone number is known here."""


SANDBOX_AES_KEY: Final = "S" * 42 + "A"


class SettingsError(Exception):
    """One clear line about the setting that is wrong or missing."""


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
        """Has the library a mini-program?"""
        return bool(self.appid)

    @property
    def account(self) -> str:
        """The account's name with these credentials; another secret makes another name."""
        marked = hashlib.sha256(f"{self.appid} {self.secret}".encode()).hexdigest()
        return f"{self.appid}:{marked[:16]}"


@dataclass(frozen=True, slots=True)
class PushSettings:
    """How WeChat speaks to us about one account."""

    token: str = field(repr=False)
    aes_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OfficialSettings:
    """The official account."""

    appid: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CasSettings:
    base_url: str
    name_attribute: str
    kind_attribute: str


@dataclass(frozen=True, slots=True)
class EntrySettings:
    """How the campus's app hands its user over: by the CAS cookie, a ticket, or 企业微信."""

    kind: Literal["cas", "ticket", "wecom"]
    url: str = ""
    secret: str = field(default="", repr=False)
    corp_id: str = ""
    agent_id: str = ""
    api_url: str = ""
    authorize_url: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """All of the service's settings. docs/operations.md lists their variables."""

    host: str
    port: int
    title: str
    contact: tuple[str, ...]
    staff: StaffDirectory
    public_base_url: str
    mongo_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    database: str
    mongo_driver: Driver
    sealer: FieldCipher = field(repr=False)
    wechat: WeChatSettings
    official: OfficialSettings | None
    pushes: Mapping[str, PushSettings]
    verification: tuple[str, str]
    cas: CasSettings
    entry: EntrySettings
    sandbox: bool
    lan: str
    """The private address on which a sandbox is open to others; empty: to this machine only."""
    throttle_scale: int
    trusted_proxies: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    monitors: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    log_level: str

    @property
    def secure_cookies(self) -> bool:
        return self.public_base_url.startswith("https://")

    @property
    def templates_missing(self) -> tuple[Template, ...]:
        """Messages that WeChat could carry and has no template for; they stay in the app."""
        missing = (name for name in WECHAT_TEMPLATES if name not in self.wechat.templates)
        return tuple(missing) if self.wechat.used else ()

    @property
    def wechat_accounts(self) -> tuple[tuple[str, str, str], ...]:
        """What each account is, its app id and its secret."""
        accounts = []
        if self.wechat.used:
            accounts.append(("WeChat", self.wechat.appid, self.wechat.secret))
        if self.official is not None:
            accounts.append(("WeChat MP", self.official.appid, self.official.secret))
        return tuple(accounts)


def load(env: Mapping[str, str], lan: str = "") -> Settings:
    """Read and validate all of them. Raises: SettingsError.

    ``lan`` is the private address of this machine on which a sandbox shall listen, for others too.
    """
    port = _number(env, "PORT", DEFAULT_PORT, 1, 65535)
    sandbox = _sandbox_wanted(env)
    host = env.get("HOST") or lan or "127.0.0.1"
    public = _origin(env, "PUBLIC_BASE_URL", f"http://{lan or '127.0.0.1'}:{port}")
    if sandbox:
        _only_here(host, public, lan)
    contact = env.get("LIBRARY_CONTACT") or DEFAULT_CONTACT
    local = f"http://{host}:{port}/sandbox"
    return Settings(
        host=host,
        port=port,
        title=env.get("LIBRARY_TITLE") or DEFAULT_TITLE,
        staff=_staff(env, sandbox),
        contact=tuple(line.strip() for line in contact.split("|") if line.strip()),
        public_base_url=public,
        mongo_url=_database_url(env, "MONGO_URL", read_mongo_url),
        redis_url=_database_url(env, "REDIS_URL", read_redis_url),
        database=_database(env),
        mongo_driver=_driver(env),
        sealer=_sealer(env),
        cas=_cas(env, f"{public}/sandbox/cas" if sandbox else None),
        wechat=_wechat(env, f"{local}/wechat" if sandbox else None),
        official=_official(env, sandbox),
        pushes=_pushes(env, sandbox),
        verification=_verification(env),
        entry=_entry(env),
        sandbox=sandbox,
        lan=lan,
        throttle_scale=_number(env, "THROTTLE_SCALE", 1, 1, 1_000_000),
        trusted_proxies=_networks(env, "TRUSTED_PROXIES"),
        monitors=_networks(env, "MONITORS", ",".join(("127.0.0.0/8", "::1", lan)).rstrip(",")),
        log_level=_one_of(env, "LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
    )


_CREDENTIALS: Final = (
    *("CAS_BASE_URL", "WECHAT_APPID", "WECHAT_SECRET"),
    *("WECHAT_MP_APPID", "WECHAT_MP_SECRET", "WECHAT_MP_TOKEN", "WECHAT_MINI_TOKEN"),
)
_ENTRY_CREDENTIALS: Final = {
    "CAMPUS_TICKET_SECRET": "CAMPUS_TICKET_URL",
    "WECOM_SECRET": "WECOM_BASE_URL",
}
"""Secrets for another host. One that is on this machine is a stand-in as well."""


def _sandbox_wanted(env: Mapping[str, str]) -> bool:
    """Only by name, and never beside real credentials. Raises: SettingsError."""
    asked = env.get("SANDBOX", "")
    if asked not in ("", "0", "1"):
        raise SettingsError("SANDBOX must be 0 or 1")
    if asked != "1":
        return False
    given = [name for name in _CREDENTIALS if env.get(name)]
    given += [
        secret
        for secret, url in _ENTRY_CREDENTIALS.items()
        if env.get(secret) and not is_loopback(urlsplit(env.get(url, "")).hostname)
    ]
    if given:
        raise SettingsError(
            f"the sandbox cannot run beside real credentials ({', '.join(given)}): unset them to "
            "try the service, or unset SANDBOX and use serve"
        )
    return True


def _only_here(host: str, public: str, lan: str) -> None:
    """A sandbox lets anybody in as anybody. Raises: SettingsError."""
    for name, shown in (("HOST", host), ("PUBLIC_BASE_URL", urlsplit(public).hostname)):
        if shown != lan if lan else not is_loopback(shown):
            wanted = f"{lan}, the address of --lan" if lan else "a loopback address"
            raise SettingsError(
                f"{name}: a sandbox lets anybody in as anybody, so {shown} must be {wanted} "
                "(demo --lan ADDRESS opens it to a private network)"
            )


def is_loopback(host: str | None) -> bool:
    """Does the name or address lead to this machine alone?"""
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


_PRIVATE: Final = [
    ipaddress.ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
]


def lan_address(text: str) -> str:
    """The address as it is, where it is a private one of this machine. Raises: SettingsError."""
    try:
        private = any(ipaddress.ip_address(text) in network for network in _PRIVATE)
    except ValueError:
        private = False
    if not private:
        raise SettingsError(
            f"--lan {text}: must be a private address (10.…, 172.16.… to 172.31.…, 192.168.…)"
        )
    with socket.socket() as probe:
        try:
            probe.bind((text, 0))
        except OSError as error:
            raise SettingsError(
                f"--lan {text}: this machine does not have that address ({error.strerror})"
            ) from error
    return text


_CAS_ENDPOINT: Final = re.compile(
    r"/(login|logout|(p3/)?(serviceValidate|proxyValidate)|p3|validate|proxy|samlValidate)$", re.I
)


def _wechat(env: Mapping[str, str], sandbox_url: str | None) -> WeChatSettings:
    given = [name for name, value in env.items() if name.startswith("WECHAT_") and value]
    if not given and sandbox_url is None:
        return WeChatSettings(base_url="", appid="", secret="", state="formal", templates={})
    if sandbox_url is None:
        for name in ("WECHAT_APPID", "WECHAT_SECRET", "WECHAT_TEMPLATES"):
            if name not in given:
                raise SettingsError(
                    f"{name} is required beside {given[0]} (a library without a mini-program sets "
                    "no WECHAT_… at all)"
                )
    text = env.get("WECHAT_TEMPLATES") or json.dumps(SANDBOX_TEMPLATES)
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"WECHAT_TEMPLATES: {error}") from error
    try:
        parsed = parse_templates(text, {t.value: names for t, names in FACTS.items()})
    except TemplateConfigError as error:
        raise SettingsError(f"WECHAT_TEMPLATES: {error}") from error
    state = _one_of(env, "WECHAT_STATE", "formal", ("formal", "trial", "developer"))
    return WeChatSettings(
        base_url=sandbox_url or _url(env, "WECHAT_BASE_URL", "https://api.weixin.qq.com"),
        appid="wxsandbox" if sandbox_url else env["WECHAT_APPID"],
        secret="sandbox-secret" if sandbox_url else env["WECHAT_SECRET"],
        state=state,  # type: ignore[arg-type]
        templates={Template(name): config for name, config in parsed.items()},
    )


def _official(env: Mapping[str, str], sandbox: bool) -> OfficialSettings | None:
    if sandbox:
        return OfficialSettings("wxofficial", "sandbox-official-secret")
    if not env.get("WECHAT_MP_APPID"):
        return None
    return OfficialSettings(env["WECHAT_MP_APPID"], _required(env, "WECHAT_MP_SECRET"))


def _pushes(env: Mapping[str, str], sandbox: bool) -> dict[str, PushSettings]:
    """By account: mp (the official account) and mini, those that are set."""
    if sandbox:
        return {name: PushSettings(f"sandbox-{name}", SANDBOX_AES_KEY) for name in ("mp", "mini")}
    found = {}
    for name, prefix in (("mp", "WECHAT_MP"), ("mini", "WECHAT_MINI")):
        if not env.get(f"{prefix}_TOKEN"):
            continue
        key = _required(env, f"{prefix}_AES_KEY")
        if not re.fullmatch(r"[A-Za-z0-9+/]{43}", key):
            raise SettingsError(f"{prefix}_AES_KEY must have 43 characters")
        found[name] = PushSettings(env[f"{prefix}_TOKEN"], key)
    return found


def _verification(env: Mapping[str, str]) -> tuple[str, str]:
    text = env.get("WECHAT_VERIFICATION_FILE", "")
    name, _, content = text.partition("=")
    if text and not (re.fullmatch(r"[A-Za-z0-9_-]{1,64}\.txt", name) and content):
        raise SettingsError("WECHAT_VERIFICATION_FILE must look like name.txt=content")
    return name, content


_STAFF: Final = (
    # role, variable of account numbers, variable of the group, the sandbox's group
    (VIEWER, "VIEWERS", "CAS_VIEWER_GROUP", "library-view"),
    (LIBRARIAN, "LIBRARIANS", "CAS_LIBRARIAN_GROUP", "library-admin"),
    (ADMINISTRATOR, "ADMINISTRATORS", "CAS_ADMINISTRATOR_GROUP", "library-head"),
)


def _staff(env: Mapping[str, str], sandbox: bool) -> StaffDirectory:
    numbers, groups = dict[str, str](), dict[str, str]()
    for role, accounts, group, demo in _STAFF:
        listed = (normalise_student_no(number) for number in env.get(accounts, "").split(","))
        numbers |= {number: role for number in listed if number}
        if name := env.get(group, demo if sandbox else ""):
            groups[name] = role
    return StaffDirectory(numbers, groups)


def _cas(env: Mapping[str, str], sandbox_url: str | None) -> CasSettings:
    if not (sandbox_url or env.get("CAS_BASE_URL")):
        raise SettingsError(
            "CAS_BASE_URL is required: readers sign in there (to try the service without, use "
            "demo, or SANDBOX=1)"
        )
    return CasSettings(
        base_url=sandbox_url or _cas_url(env),
        name_attribute=env.get("CAS_NAME_ATTRIBUTE", "cn"),
        kind_attribute=env.get("CAS_KIND_ATTRIBUTE", "userType"),
    )


def _entry(env: Mapping[str, str]) -> EntrySettings:
    match _one_of(env, "CAMPUS_ENTRY", "cas", ("cas", "ticket", "wecom")):
        case "ticket":
            url, secret = (
                _required_url(env, "CAMPUS_TICKET_URL"),
                _required(env, "CAMPUS_TICKET_SECRET"),
            )
            return EntrySettings("ticket", url=url, secret=secret)
        case "wecom":
            return EntrySettings(
                "wecom",
                secret=_required(env, "WECOM_SECRET"),
                corp_id=_required(env, "WECOM_CORP_ID"),
                agent_id=_required(env, "WECOM_AGENT_ID"),
                api_url=_url(env, "WECOM_BASE_URL", "https://qyapi.weixin.qq.com"),
                authorize_url=_url(
                    env,
                    "WECOM_AUTHORIZE_URL",
                    "https://open.weixin.qq.com/connect/oauth2/authorize",
                ),
            )
    return EntrySettings("cas")


def _driver(env: Mapping[str, str]) -> Driver:
    chosen = _one_of(env, "MONGO_DRIVER", "pymongo", ("pymongo", "motor"))
    return "motor" if chosen == "motor" else "pymongo"


def _sealer(env: Mapping[str, str]) -> FieldCipher:
    try:
        return FieldCipher.parse(_required(env, "DATA_KEYS"))
    except ValueError as error:
        raise SettingsError(
            "DATA_KEYS must look like 1:<base64 of 32 bytes>,2:<base64 of 32 bytes>"
        ) from error


def _required(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "")
    if not value:
        raise SettingsError(f"{name} is required")
    return value


def _number(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = env.get(name, "") or str(default)
    if not (text.isascii() and text.isdecimal()) or not low <= int(text) <= high:
        raise SettingsError(f"{name} must be a whole number from {low} to {high}")
    return int(text)


def _one_of(env: Mapping[str, str], name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = env.get(name, "") or default
    if value not in allowed:
        raise SettingsError(f"{name} must be one of {', '.join(allowed)}")
    return value


def _database(env: Mapping[str, str]) -> str:
    name = env.get("MONGO_DATABASE") or "seats"
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,38}", name):
        raise SettingsError("MONGO_DATABASE must be letters, digits, _ and -, at most 38")
    return name


def _required_url(env: Mapping[str, str], name: str) -> str:
    _required(env, name)
    return _url(env, name, "")


def _url(env: Mapping[str, str], name: str, default: str) -> str:
    value = (env.get(name, "") or default).rstrip("/")
    try:
        parts = urlsplit(value)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query
    except ValueError:  # half a bracket of an IPv6 address
        fits = False
    if not fits:
        raise SettingsError(f"{name} must be an http or https address")
    return value


def _origin(env: Mapping[str, str], name: str, default: str) -> str:
    """An address without a path: the service's own pages begin at /."""
    value = _url(env, name, default)
    if path := urlsplit(value).path:
        raise SettingsError(
            f"{name} must end after the host: the service answers at the root of a host name of "
            f"its own, not under {path}"
        )
    return value


def _cas_url(env: Mapping[str, str]) -> str:
    value = _url(env, "CAS_BASE_URL", "")
    path = urlsplit(value).path
    if found := _CAS_ENDPOINT.search(path):
        raise SettingsError(
            f"CAS_BASE_URL must end before {found[0]}: write "
            f"{value[: len(value) - len(path)]}{path[: found.start()]}"
        )
    return value


def _database_url(env: Mapping[str, str], name: str, read: Callable[[str], object]) -> str:
    value = _required(env, name)
    try:
        read(value)
    except ValueError as error:
        raise SettingsError(f"{name}: {error}") from None
    return value


def _networks(
    env: Mapping[str, str], name: str, default: str = ""
) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    try:
        return tuple(
            ipaddress.ip_network(part.strip())
            for part in (env.get(name, "") or default).split(",")
            if part.strip()
        )
    except ValueError as error:
        raise SettingsError(f"{name} must list addresses or networks: {error}") from error


def _template(name: str, **fields: str) -> dict[str, object]:
    return {
        "template_id": f"sandbox-{name.lower().replace('_', '-')}",
        "page": "pages/reservation/detail",
        "fields": fields,
    }


SANDBOX_TEMPLATES: Final[dict[str, dict[str, object]]] = {
    "RESERVED": _template(
        "RESERVED",
        thing1="seat",
        time2="period",
        character_string3="receipt",
        phrase4="status",
        thing5="tip",
    ),
    "CHECK_IN_REMINDER": _template(
        "CHECK_IN_REMINDER",
        thing1="seat",
        time2="start",
        time3="until",
        thing4="place",
        thing5="tip",
    ),
    "NO_SHOW": _template(
        "NO_SHOW", thing1="kind", time2="at", thing3="seat", number4="count", thing5="tip"
    ),
    "CHECKED_IN": _template(
        "CHECKED_IN", thing1="seat", time2="at", phrase3="result", time4="end", thing5="tip"
    ),
    "ENDING_SOON": _template("ENDING_SOON", thing1="seat", time2="end", thing3="tip"),
    "ENDED": _template(
        "ENDED",
        thing1="seat",
        time2="start",
        time3="end",
        character_string4="duration",
        thing5="tip",
    ),
    "LEAVE": _template(
        "LEAVE", thing1="seat", time2="left_at", time3="return_by", phrase4="status", thing5="tip"
    ),
    "LEAVE_REMINDER": _template("LEAVE_REMINDER", thing1="seat", time2="return_by", thing3="tip"),
    "LEAVE_TIMEOUT": _template(
        "LEAVE_TIMEOUT",
        thing1="seat",
        time2="left_at",
        time3="released_at",
        phrase4="result",
        thing5="tip",
    ),
    "OFFER": _template("OFFER", thing1="seat", time2="period", time3="until", thing4="tip"),
    "SUSPENDED": _template("SUSPENDED", time1="until", thing2="reason", thing3="tip"),
    "MOVED": _template("MOVED", thing1="seat", time2="start", thing3="tip"),
}
"""The designs that the sandbox answers to; a real account's ids and keys come from its console."""
