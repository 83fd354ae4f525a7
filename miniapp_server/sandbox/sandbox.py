"""The sandbox as a whole: WeChat, CAS, the phone's inbox, and a clock that can be moved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from aiohttp import web

from handlers.services import ON_CONSENT_REPORTED
from miniapp_server.app import Parts
from miniapp_server.sandbox.cas import CasState, cas_routes
from miniapp_server.sandbox.cas_repository import SandboxCas
from miniapp_server.sandbox.library import seed_demo
from miniapp_server.sandbox.movable_clock import MovableClock
from miniapp_server.sandbox.pages import SandboxPages
from miniapp_server.sandbox.state_repository import SandboxState
from miniapp_server.sandbox.wechat import WeChatSandbox, wechat_routes
from miniapp_server.sandbox.wechat_repository import SandboxWeChat
from models.message import CONSENTED, Template


class Sandbox:
    """The stand-ins for WeChat and CAS, and the clock."""

    def __init__(self, parts: Parts) -> None:
        settings = parts.settings
        self._parts = parts
        self.state = SandboxState(parts.db)
        self.wechat = WeChatSandbox(
            SandboxWeChat(parts.db),
            {settings.wechat.appid: settings.wechat.secret}
            | ({settings.official.appid: settings.official.secret} if settings.official else {}),
            {c.template_id: t.value for t, c in settings.wechat.templates.items()},
            parts.clock.now,
        )
        self.cas = CasState(
            SandboxCas(parts.db),
            parts.clock.now,
            (settings.public_base_url,),
            settings.secure_cookies,
        )
        self.clock = MovableClock(parts, self.state, self._clear_caches)

    async def reset(self) -> None:
        """Back to the demo library, without readers, on real time."""
        async with self.clock.resetting():
            await self.state.wipe()
            self._parts.clock.offset = timedelta()
            self._clear_caches()
            await seed_demo(self._parts)

    def _clear_caches(self) -> None:
        """Empty what this worker keeps in memory: it is of before the reset."""
        parts = self._parts
        parts.sessions.forget_all()
        parts.desk.forget()
        parts.channel.disabled.clear()

    async def record_consent_tap(self, openid: str, results: Mapping[str, str]) -> None:
        """A client that reports ``accept`` has tapped it on the phone: WeChat has seen that too."""
        templates = self._parts.settings.wechat.templates
        for name, result in results.items():
            if result in ("accept", "acceptWithAudio") and name in CONSENTED:
                await self.wechat.grant(openid, templates[Template(name)].template_id)


async def mount_sandbox(app: web.Application, parts: Parts) -> None:
    """Add the sandbox's routes, its clock and its phone to the service."""
    sandbox = Sandbox(parts)
    await sandbox.clock.begin()
    pages = SandboxPages(parts, sandbox.wechat, sandbox.clock, sandbox.state, sandbox.reset)
    app.add_routes([*wechat_routes(sandbox.wechat), *cas_routes(sandbox.cas), *pages.routes()])
    app.cleanup_ctx.append(sandbox.clock.follow)
    app[ON_CONSENT_REPORTED] = sandbox.record_consent_tap
