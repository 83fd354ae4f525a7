from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from models.messages.entities import Template
from notify.wechat.callbacks import CallbackVerifier
from notify.wechat.template_config import TemplateConfig

CALLBACK_VERIFIERS: Final[web.AppKey[Mapping[str, CallbackVerifier]]] = web.AppKey(
    "callback_verifiers"
)
"""Key of the verifiers of callbacks by account: mp (official account) or mini (mini-program)."""
TEMPLATES: Final[web.AppKey[Mapping[Template, TemplateConfig]]] = web.AppKey("templates")
UNIONID_OF: Final[web.AppKey[Callable[[str], Awaitable[str | None]]]] = web.AppKey("unionid_of")
"""Key of a function that returns a follower's unionid by openid; None if WeChat gives none."""
