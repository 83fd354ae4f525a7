"""Wiring of WeChat's callbacks, text checks and conversations."""

from __future__ import annotations

from aiohttp import web

from handlers.http.keys import service_key
from handlers.wechat.keys import CALLBACK_VERIFIERS, TEMPLATES, UNIONID_OF
from miniapp_server.resources import Resources
from miniapp_server.settings import Settings
from models.messages.channel_pause_repository import ChannelPauseRepository
from models.wechat.mini_program_code_repository import MiniProgramCodeRepository
from notify.conversations import Conversations, SendText
from notify.delivery.circuit_breaker import CircuitBreaker
from notify.wechat.callbacks import CallbackVerifier
from notify.wechat.mini_program_codes import MiniProgramCodes
from notify.wechat.text_checks import Checks, TextChecker


def text_checker(resources: Resources) -> TextChecker | None:
    """The checker of readers' texts; None without a mini-program."""
    wechat, r = resources.settings.wechat, resources.repositories
    if not wechat.used:
        return None
    pauses = ChannelPauseRepository(resources.db, Checks.TEXTS, wechat.account)
    return TextChecker(
        r.text_checks,
        resources.mini_program,
        r.bindings.openids_of,
        CircuitBreaker(pauses, resources.clock.real_now),
    )


def callback_verifiers(settings: Settings) -> dict[str, CallbackVerifier]:
    """Verifiers of WeChat's callbacks, by the account's name in the callback's URL."""
    appids = {"mini": settings.wechat.appid}
    if settings.official is not None:
        appids["mp"] = settings.official.appid
    return {
        name: CallbackVerifier(appids[name], callback.token, callback.aes_key)
        for name, callback in settings.pushes.items()
        if name in appids
    }


def open_conversations(resources: Resources) -> Conversations:
    """The customer-service conversations, with answers sent by the library's WeChat accounts."""
    accounts: dict[str, SendText] = {}
    if resources.settings.wechat.used:
        accounts["mini"] = resources.mini_program.send_text
    if resources.official_account is not None:
        accounts["mp"] = resources.official_account.send_text
    return Conversations(resources.repositories.feedback, accounts)


def wire_wechat(app: web.Application, resources: Resources) -> None:
    settings, mini_program = resources.settings, resources.mini_program
    app[TEMPLATES] = settings.wechat.templates
    app[CALLBACK_VERIFIERS] = callback_verifiers(settings)
    official = resources.official_account
    app[UNIONID_OF] = official.unionid_of if official else _no_unionid
    app[service_key(MiniProgramCodes)] = MiniProgramCodes(
        MiniProgramCodeRepository(resources.db),
        lambda scene: mini_program.entry_code(scene, settings.wechat.state),
        resources.clock.real_now,
    )


async def _no_unionid(_: str) -> None:
    return None
