"""The settings that an environment holds, or all that is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from handlers.texts.wording import DEFAULT_CONTACT, DEFAULT_NAMES
from miniapp_server.settings.addresses import is_loopback
from miniapp_server.settings.environment import EnvironmentReader
from miniapp_server.settings.mail import read_mail
from miniapp_server.settings.model import (
    CallbackSettings,
    IdentityProviderSettings,
    OfficialAccountSettings,
    Settings,
    WeChatSettings,
)
from miniapp_server.settings.sandbox_defaults import (
    SANDBOX_AES_KEY,
    SANDBOX_APPID,
    SANDBOX_MP_APPID,
    SANDBOX_MP_SECRET,
    SANDBOX_SECRET,
    SANDBOX_TEMPLATES,
)
from miniapp_server.settings.sign_on import read_cas, read_oidc, read_staff
from miniapp_server.settings.variables import RENAMED
from models.erasure.entities import Keeping
from models.messages.entities import Template
from models.storage.connectivity import read_mongo_url
from models.storage.encryption import FieldCipher
from models.storage.redis_health import read_redis_url
from notify.templates import FIELDS
from notify.wechat.template_config import TemplateConfig, TemplateConfigError, parse_templates
from notify.wecom.client import WeComSettings

DEFAULT_PORT: Final = 8080

_CREDENTIALS: Final = (
    *("CAS_BASE_URL", "OIDC_PROVIDERS", "WECHAT_APPID", "WECHAT_SECRET"),
    *("WECHAT_MP_APPID", "WECHAT_MP_SECRET", "WECHAT_MP_TOKEN", "WECHAT_MINI_TOKEN"),
)
_PROVIDER_CREDENTIALS: Final = {
    "CAMPUS_TICKET_SECRET": "CAMPUS_TICKET_URL",
    "WECOM_SECRET": "WECOM_BASE_URL",
}
"""Secrets for another host. One that is on this machine is a stand-in as well."""


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
    if sandbox:
        _check_reachable_here_only(read, host, public, lan)
    contact = read.text("SITE_CONTACT", DEFAULT_CONTACT)
    local = f"http://{host}:{port}/sandbox"
    sealer = _sealer(read)
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
        mongo_url=_database_url(read, "MONGO_URL", read_mongo_url),
        redis_url=_database_url(read, "REDIS_URL", read_redis_url),
        database=_database(read),
        mongo_driver=read.one_of("MONGO_DRIVER", "pymongo", ("pymongo", "motor")),
        cas=cas,
        oidc=oidc,
        wechat=_wechat(read, f"{local}/wechat" if sandbox else None),
        official=_official(read, sandbox),
        pushes=_callbacks(read, sandbox),
        verification=_verification(read),
        entry=_identity_provider(read),
        smtp=read_mail(read, sandbox=sandbox),
        sandbox=sandbox,
        lan=lan,
        throttle_scale=read.number("RATE_LIMIT_SCALE", 1, 1, 1_000_000),
        trusted_proxies=read.networks("TRUSTED_PROXIES"),
        webhook_networks=read.networks("WEBHOOK_ALLOWED_NETWORKS"),
        monitors=read.networks("MONITORS", ",".join(("127.0.0.0/8", "::1", lan)).rstrip(",")),
        log_level=read.one_of("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
        keeping=_keeping(read),
    )
    read.raise_faults()
    assert sealer is not None  # else it is a fault
    return settings(sealer=sealer)


def _keeping(read: EnvironmentReader) -> Keeping:
    return Keeping(
        audit=timedelta(days=read.number("KEEP_AUDIT_DAYS", 1095, 180, 36500)),
        feedback=timedelta(days=read.number("KEEP_FEEDBACK_DAYS", 365, 30, 36500)),
        messages=timedelta(days=read.number("KEEP_MESSAGES_DAYS", 180, 30, 36500)),
        movements=timedelta(days=read.number("KEEP_MOVEMENTS_DAYS", 180, 30, 36500)),
        reservations=timedelta(days=read.number("KEEP_RESERVATIONS_DAYS", 1095, 180, 36500)),
        visitors=timedelta(days=read.number("KEEP_VISITORS_DAYS", 90, 7, 36500)),
    )


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


def _check_reachable_here_only(read: EnvironmentReader, host: str, public: str, lan: str) -> None:
    """A sandbox lets anybody in as anybody."""
    for name, shown in (("HOST", host), ("PUBLIC_BASE_URL", urlsplit(public).hostname)):
        if shown != lan if lan else not is_loopback(shown):
            wanted = f"{lan}, the address of --lan" if lan else "a loopback address"
            read.fault(
                f"{name}: a sandbox lets anybody in as anybody, so {shown} must be {wanted} "
                "(demo --lan ADDRESS opens it to a private network)"
            )


def _wechat(read: EnvironmentReader, sandbox_url: str | None) -> WeChatSettings:
    given = [name for name, value in read.env.items() if name.startswith("WECHAT_") and value]
    if not given and sandbox_url is None:
        return WeChatSettings(base_url="", appid="", secret="", state="formal", templates={})
    if sandbox_url is None:
        why = f" beside {given[0]} (a library without a mini-program sets no WECHAT_… at all)"
        for name in ("WECHAT_APPID", "WECHAT_SECRET", "WECHAT_TEMPLATES"):
            read.required(name, why)
    return WeChatSettings(
        base_url=sandbox_url or read.url("WECHAT_BASE_URL", "https://api.weixin.qq.com"),
        appid=SANDBOX_APPID if sandbox_url else read.text("WECHAT_APPID"),
        secret=SANDBOX_SECRET if sandbox_url else read.text("WECHAT_SECRET"),
        state=read.one_of("WECHAT_ENV_VERSION", "formal", ("formal", "trial", "developer")),
        templates=_templates(read),
    )


def _templates(read: EnvironmentReader) -> Mapping[Template, TemplateConfig]:
    text = read.text("WECHAT_TEMPLATES") or json.dumps(SANDBOX_TEMPLATES)
    try:
        if text.startswith("@"):
            text = Path(text[1:]).read_text(encoding="utf-8")
        parsed = parse_templates(text, {t.value: names for t, names in FIELDS.items()})
    except (OSError, UnicodeDecodeError, TemplateConfigError) as error:
        read.fault(f"WECHAT_TEMPLATES: {error}")
        return {}
    return {Template(name): config for name, config in parsed.items()}


def _official(read: EnvironmentReader, sandbox: bool) -> OfficialAccountSettings | None:
    if sandbox:
        return OfficialAccountSettings(SANDBOX_MP_APPID, SANDBOX_MP_SECRET)
    appid = read.text("WECHAT_MP_APPID")
    if not appid:
        return None
    return OfficialAccountSettings(appid, read.required("WECHAT_MP_SECRET"))


def _callbacks(read: EnvironmentReader, sandbox: bool) -> dict[str, CallbackSettings]:
    """By account: mp (the official account) and mini, those that are set."""
    if sandbox:
        return {
            name: CallbackSettings(f"sandbox-{name}", SANDBOX_AES_KEY) for name in ("mp", "mini")
        }
    found = {}
    for name, prefix in (("mp", "WECHAT_MP"), ("mini", "WECHAT_MINI")):
        token = read.text(f"{prefix}_TOKEN")
        if not token:
            continue
        key = read.required(f"{prefix}_AES_KEY")
        if key and not re.fullmatch(r"[A-Za-z0-9+/]{43}", key):
            read.fault(f"{prefix}_AES_KEY must have 43 characters")
        found[name] = CallbackSettings(token, key)
    return found


def _verification(read: EnvironmentReader) -> tuple[str, str]:
    text = read.text("WECHAT_VERIFICATION_FILE")
    name, _, content = text.partition("=")
    if text and not (re.fullmatch(r"[A-Za-z0-9_-]{1,64}\.txt", name) and content):
        read.fault("WECHAT_VERIFICATION_FILE must look like name.txt=content")
    return name, content


def _identity_provider(read: EnvironmentReader) -> IdentityProviderSettings:
    kind = read.one_of("IDENTITY_PROVIDER", "cas", ("cas", "ticket", "wecom"))
    if kind == "ticket":
        return IdentityProviderSettings(
            "ticket",
            url=read.url("CAMPUS_TICKET_URL"),
            secret=read.required("CAMPUS_TICKET_SECRET"),
        )
    if kind == "wecom":
        return IdentityProviderSettings(
            "wecom",
            wecom=WeComSettings(
                corp_id=read.required("WECOM_CORP_ID"),
                agent_id=read.required("WECOM_AGENT_ID"),
                secret=read.required("WECOM_SECRET"),
                api_url=read.url("WECOM_BASE_URL", "https://qyapi.weixin.qq.com"),
            ),
            wecom_messages=read.one_of("WECOM_MESSAGES", "0", ("0", "1")) == "1",
            authorize_url=read.url(
                "WECOM_AUTHORIZE_URL", "https://open.weixin.qq.com/connect/oauth2/authorize"
            ),
        )
    return IdentityProviderSettings("cas")


def _sealer(read: EnvironmentReader) -> FieldCipher | None:
    text = read.required("ENCRYPTION_KEYS")
    try:
        return FieldCipher.parse(text) if text else None
    except ValueError:
        read.fault("ENCRYPTION_KEYS must look like 1:<base64 of 32 bytes>,2:<base64 of 32 bytes>")
        return None


def _database(read: EnvironmentReader) -> str:
    name = read.text("MONGO_DATABASE", "seats")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,38}", name):
        read.fault("MONGO_DATABASE must be letters, digits, _ and -, at most 38")
    return name


def _database_url(read: EnvironmentReader, name: str, parse: Callable[[str], object]) -> str:
    value = read.required(name)
    try:
        if value:
            parse(value)
    except ValueError as error:
        read.fault(f"{name}: {error}")
    return value


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
