from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from miniapp_server.settings.environment import EnvironmentReader
from models.messages.entities import Template
from notify.templates import FIELDS
from notify.wechat.template_config import TemplateConfig, TemplateConfigError, parse_templates

VARIABLES: Final = (
    *("WECHAT_APPID", "WECHAT_SECRET", "WECHAT_BASE_URL", "WECHAT_ENV_VERSION"),
    *("WECHAT_TEMPLATES", "WECHAT_MINI_TOKEN", "WECHAT_MINI_AES_KEY"),
    *("WECHAT_MP_APPID", "WECHAT_MP_SECRET", "WECHAT_MP_TOKEN", "WECHAT_MP_AES_KEY"),
    "WECHAT_VERIFICATION_FILE",
)


@dataclass(frozen=True, slots=True)
class WeChatSettings:
    """The mini-program's account; all fields are empty if the library has no mini-program.
    ``templates``: the configured templates of WeChat, by message."""

    base_url: str
    appid: str
    secret: str = field(repr=False)
    state: Literal["formal", "trial", "developer"]
    templates: Mapping[Template, TemplateConfig]

    @property
    def used(self) -> bool:
        return bool(self.appid)

    @property
    def long_term(self) -> frozenset[Template]:
        """Messages with a long-term template, to which readers consent only once (长期订阅)."""
        return frozenset(name for name, config in self.templates.items() if config.long_term)

    @property
    def account(self) -> str:
        """A name for the app id and its secret. It contains a fingerprint of the secret, so that
        a changed secret counts as another account."""
        marked = hashlib.sha256(f"{self.appid} {self.secret}".encode()).hexdigest()
        return f"{self.appid}:{marked[:16]}"


@dataclass(frozen=True, slots=True)
class CallbackSettings:
    """Token and key with which WeChat's callbacks for one account are verified and decrypted."""

    token: str = field(repr=False)
    aes_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OfficialAccountSettings:
    appid: str
    secret: str = field(repr=False)


def read_wechat(read: EnvironmentReader) -> WeChatSettings:
    """The mini-program's settings; empty if no WECHAT_… variable is set."""
    present = [name for name, value in read.env.items() if name.startswith("WECHAT_") and value]
    if not present:
        return WeChatSettings(base_url="", appid="", secret="", state="formal", templates={})
    why = f" because {present[0]} is set (without a mini-program, set no WECHAT_… variable)"
    return WeChatSettings(
        base_url=read.url("WECHAT_BASE_URL", "https://api.weixin.qq.com"),
        appid=read.required("WECHAT_APPID", why),
        secret=read.required("WECHAT_SECRET", why),
        state=read.one_of("WECHAT_ENV_VERSION", "formal", ("formal", "trial", "developer")),
        templates=_templates(read, why),
    )


def _templates(read: EnvironmentReader, why: str) -> Mapping[Template, TemplateConfig]:
    if not (text := read.required("WECHAT_TEMPLATES", why)):
        return {}
    try:
        if text.startswith("@"):
            text = Path(text[1:]).read_text(encoding="utf-8")
        parsed = parse_templates(text, {t.value: names for t, names in FIELDS.items()})
    except (OSError, UnicodeDecodeError, TemplateConfigError) as error:
        read.fault(f"WECHAT_TEMPLATES: {error}")
        return {}
    return {Template(name): config for name, config in parsed.items()}


def read_official_account(read: EnvironmentReader) -> OfficialAccountSettings | None:
    """The official account; None if the library has none."""
    appid = read.text("WECHAT_MP_APPID")
    if not appid:
        return None
    return OfficialAccountSettings(appid, read.required("WECHAT_MP_SECRET"))


def read_callbacks(read: EnvironmentReader) -> dict[str, CallbackSettings]:
    """The settings of WeChat's callbacks, by account: ``mp`` (the official account) or ``mini``
    (the mini-program). Accounts without callbacks are left out."""
    callbacks = {}
    for name, prefix in (("mp", "WECHAT_MP"), ("mini", "WECHAT_MINI")):
        token = read.text(f"{prefix}_TOKEN")
        if not token:
            continue
        key = read.required(f"{prefix}_AES_KEY")
        if key and not re.fullmatch(r"[A-Za-z0-9+/]{43}", key):
            read.fault(f"{prefix}_AES_KEY must have 43 characters")
        callbacks[name] = CallbackSettings(token, key)
    return callbacks


def read_verification(read: EnvironmentReader) -> Mapping[str, str]:
    """Contents of the files by which WeChat verifies the domain, by file name."""
    files: dict[str, str] = {}
    for part in read.text("WECHAT_VERIFICATION_FILE").split(","):
        name, _, content = part.strip().partition("=")
        if re.fullmatch(r"[A-Za-z0-9_-]{1,64}\.txt", name) and content and name not in files:
            files[name] = content
        elif part.strip():
            read.fault("WECHAT_VERIFICATION_FILE must look like name.txt=content,name.txt=content")
    return files
