from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from time import monotonic
from typing import Final

from aiohttp import web

from handlers.accounts.keys import ON_CONSENT_REPORTED
from handlers.http.keys import REFERENCE, SESSIONS, SITE, service_key
from handlers.http.middleware import enveloped
from miniapp_server.keys import RESOURCES
from miniapp_server.sandbox.cas import CasState, cas_routes
from miniapp_server.sandbox.cas_repository import SandboxCas
from miniapp_server.sandbox.library import seed_demo
from miniapp_server.sandbox.movable_clock import MovableClock
from miniapp_server.sandbox.pages import HOME, SandboxPages
from miniapp_server.sandbox.state_repository import SandboxState
from miniapp_server.sandbox.wechat import WeChatSandbox, wechat_routes
from miniapp_server.sandbox.wechat_repository import SandboxWeChat
from miniapp_server.wiring import OCCUPANCY
from models.messages.entities import WECHAT_TEMPLATES, Template
from models.storage.installation import Mode
from notify.wechat.channel import WeChatChannel

_HEARS_WITHIN_S: Final = 20.0
"""Seconds that a reset waits at most for the occupancy to notice that bookings were deleted. The
occupancy follows MongoDB's change stream, which is read twenty times a second."""


class Sandbox:
    def __init__(self, app: web.Application) -> None:
        resources = app[RESOURCES]
        settings, now = resources.settings, resources.clock.now
        self._app, self._service_clock = app, resources.clock
        self._templates = settings.wechat.templates
        self.state = SandboxState(resources.db)
        self.wechat = WeChatSandbox(
            SandboxWeChat(resources.db),
            {settings.wechat.appid: settings.wechat.secret}
            | ({settings.official.appid: settings.official.secret} if settings.official else {}),
            {c.template_id: t.value for t, c in settings.wechat.templates.items()},
            now,
            {c.template_id for c in settings.wechat.templates.values() if c.long_term},
            {c.template_id: tuple(c.fields) for c in settings.wechat.templates.values()},
        )
        self.cas = CasState(
            SandboxCas(resources.db),
            now,
            (settings.public_base_url,),
            settings.secure_cookies,
        )
        self.clock = MovableClock(app, self.state, self._clear_caches)

    async def reset(self) -> None:
        """Restores the initial state: the demo library without readers, and real time."""
        async with self.clock.resetting():
            await self.state.end_life()
            await self.state.wipe()
            self._service_clock.offset = timedelta()
            self._clear_caches()
            await seed_demo(self._app)
            await self._await_occupancy()

    async def _await_occupancy(self) -> None:
        """Waits until the occupancy in this worker's memory no longer shows deleted bookings."""
        occupancy, wiped = self._app[OCCUPANCY], monotonic()
        with suppress(TimeoutError):
            async with asyncio.timeout(_HEARS_WITHIN_S):
                while occupancy.behind_s > monotonic() - wiped:
                    occupancy.follow()
                    await asyncio.sleep(0.01)

    def _clear_caches(self) -> None:
        """Empties this worker's caches after a reset."""
        app = self._app
        app[SESSIONS].invalidate_all()
        app[REFERENCE].invalidate()
        app[OCCUPANCY].invalidate()
        app[service_key(WeChatChannel)].refused_until.clear()

    async def record_consent_tap(self, openid: str, results: Mapping[str, str]) -> None:
        """Adds one consent for each template that the reader accepted, as WeChat does on a tap."""
        for name, result in results.items():
            if result in ("accept", "acceptWithAudio") and name in WECHAT_TEMPLATES:
                await self.wechat.grant(openid, self._templates[Template(name)].template_id)


async def plug_in(app: web.Application) -> None:
    """Adds the sandbox's stand-ins and pages to the service. Raises: ValueError outside of
    sandbox mode, because a reset deletes all data."""
    if app[RESOURCES].settings.mode is not Mode.SANDBOX:
        raise ValueError("the sandbox requires a sandbox's settings")
    sandbox = Sandbox(app)
    await sandbox.clock.begin()
    pages = SandboxPages(
        app[RESOURCES], sandbox.wechat, sandbox.clock, sandbox.state, sandbox.reset
    )
    routes = [*wechat_routes(sandbox.wechat), *cas_routes(sandbox.cas), *pages.routes()]
    app.add_routes(enveloped(app, routes))
    app.cleanup_ctx.append(sandbox.clock.follow)
    app[ON_CONSENT_REPORTED] = sandbox.record_consent_tap
    app[SITE] = replace(app[SITE], trial_page=HOME)
