"""Keys of the application for the library's accounts at WeChat."""

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
"""By the names in the addresses that WeChat calls."""
TEMPLATES: Final[web.AppKey[Mapping[Template, TemplateConfig]]] = web.AppKey("templates")
UNIONID_OF: Final[web.AppKey[Callable[[str], Awaitable[str | None]]]] = web.AppKey("unionid_of")
"""The unionid of a follower of the official account, where WeChat tells it."""
