"""The sandbox as a whole: WeChat, CAS, the phone's inbox, and a clock that can be moved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import msgspec
from aiohttp import web
from jinja2 import Environment, PackageLoader, select_autoescape

from handlers.http.authentication import require_own_origin
from handlers.services import ON_CONSENT_REPORTED, SERVICES
from miniapp_server.app import Parts
from miniapp_server.sandbox.cas import CasState, cas_routes
from miniapp_server.sandbox.cas_repository import SandboxCas
from miniapp_server.sandbox.library import seed_demo
from miniapp_server.sandbox.state_repository import SandboxState
from miniapp_server.sandbox.wechat import WeChatSandbox, wechat_routes
from miniapp_server.sandbox.wechat_repository import SandboxWeChat
from miniapp_server.scheduler import end
from models.kernel.errors import Conflict, DomainError, InvalidRequest
from models.kernel.time_range import to_local
from models.messages.entities import WECHAT_TEMPLATES, Template
from models.storage.broadcast import AcknowledgedBroadcast
from notify.templates import TEMPLATE_BY_EVENT

_PAGES = Environment(
    loader=PackageLoader("miniapp_server.sandbox", "templates"), autoescape=select_autoescape()
)
_CLOCK_POLL_S: Final = 0.5
_LONGEST_MOVE: Final = timedelta(days=366)

_AT_EACH_STEP: Final = frozenset({"carry_over", "offer", "relay", "deliver"})
"""Jobs that follow from others, or have no deadline in the store."""
_BRINGS_DEADLINES: Final = frozenset({"gates", "carry_over"})
"""What these write may be due at once, as it tells of an instant before."""


class ClockCannotGoBack(Conflict):
    """The clock goes back only while there are no reservations."""

    code = "clock_held"


class Sandbox:
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
        self._moving = asyncio.Lock()
        self._moves = 0
        self._reset_seen = ""
        self._others = AcknowledgedBroadcast(parts.redis, f"clock:{settings.database}")

    async def begin(self) -> None:
        """The clock as it stands."""
        self._parts.clock.offset, self._reset_seen = await self.state.clock()

    async def reset(self) -> None:
        """Back to the demo library, without readers, on real time."""
        async with self._exclusive_move():
            await self.state.wipe()
            self._parts.clock.offset = timedelta()
            self._forget()
            await seed_demo(self._parts)
            self._reset_seen = await self.state.note_reset()
        await self._broadcast_clock()

    def _forget(self) -> None:
        """What this worker remembers of before the reset."""
        parts = self._parts
        parts.sessions.invalidate_all()
        parts.desk.invalidate()
        parts.channel.disabled.clear()

    # --- the clock ------------------------------------------------------------------------------

    async def move(self, wanted: Callable[[datetime], datetime]) -> None:
        """Let the clock reach what ``wanted`` makes of its time, in every worker: forward through
        each due instant in its order.

        Raises: ClockCannotGoBack, InvalidRequest.
        """
        async with self._exclusive_move():
            now = self._parts.clock.now()
            target = wanted(now)
            if target < now:
                await self._back(target)
            elif target - now > _LONGEST_MOVE:
                raise InvalidRequest("now", "at most 366 days ahead")
            else:
                await self._forward(now, target)
        await self._broadcast_clock()

    @asynccontextmanager
    async def _exclusive_move(self) -> AsyncIterator[None]:
        """One move at a time in this worker; a look that began before it counts for nothing."""
        async with self._moving:
            self._moves += 1
            yield

    async def _forward(self, now: datetime, target: datetime) -> None:
        """Through each instant at which something is due. All jobs run at the first and the last
        one; between them those run that have something to do."""
        step, jobs = now, None
        while (due := await self._next_due(step)) is not None and due[0] <= target:
            step = due[0]
            await self._advance_to(step, jobs and due[1] | await self._waiting(step) | jobs)
            jobs = None if await self._parts.desk.outages.all() else _AT_EACH_STEP
        await self._advance_to(target)

    async def _next_due(self, after: datetime) -> tuple[datetime, frozenset[str]] | None:
        """The first instant after ``after`` at which something is due, and the jobs for it."""
        found = await self._parts.desk.reservations.next_due(after)
        delivery = await self._parts.messages.next_due(after)
        if delivery is None or (found is not None and found[0] < delivery):
            return found
        at_once = found[1] if found is not None and found[0] == delivery else frozenset[str]()
        return delivery, at_once | {"deliver"}

    async def _waiting(self, now: datetime) -> frozenset[str]:
        """Jobs whose deadlines may have been left for later, as a gate has not told all yet."""
        gates = await self._parts.desk.gates.all()
        if all(gate.last_seen_at is None for gate in gates):
            return frozenset()
        return frozenset({"gates"}) | await self._parts.desk.reservations.overdue(now)

    async def _advance_to(self, instant: datetime, jobs: frozenset[str] | None = None) -> None:
        """Let it be ``instant``, and do what is due then: all jobs, or those that are named and
        what follows from them."""
        # The heartbeat first: a moved clock is not a time in which the service was down.
        await self._parts.desk.heartbeat.set(instant)
        # Nor one in which the kiosks were.
        for kiosk in await self._parts.desk.catalogue.kiosk_last_seen():
            await self._parts.desk.catalogue.record_kiosk_seen(kiosk, instant)
        await self.state.set_offset(self._parts.clock.set(instant))
        done = await self._parts.runner.run_until_idle(instant, jobs)
        if jobs is not None and done & _BRINGS_DEADLINES:
            await self._parts.runner.run_until_idle(instant)

    async def _back(self, target: datetime) -> None:
        if await self._parts.desk.reservations.count():
            raise ClockCannotGoBack()
        await self._parts.desk.heartbeat.set(target)
        await self.state.set_offset(self._parts.clock.set(target))

    async def follow(self, _: web.Application) -> AsyncIterator[None]:
        """Workers agree on the clock: it is in MongoDB, and each looks when told, and often."""

        async def look_often() -> None:
            while True:
                await asyncio.sleep(_CLOCK_POLL_S)
                await self._look()

        tasks = [
            asyncio.create_task(look_often()),
            asyncio.create_task(self._others.subscribe(self._look)),
        ]
        yield
        await end(tasks)

    async def _look(self) -> None:
        if self._moving.locked():
            return
        before = self._moves
        try:
            offset, reset = await self.state.clock()
            if before != self._moves:
                return  # this worker moved it meanwhile
            self._parts.clock.offset = offset
            if reset != self._reset_seen:
                self._reset_seen = reset
                self._forget()
                await self._parts.desk.refresh()
        except DomainError:
            return  # MongoDB is away; the next look comes soon

    async def _broadcast_clock(self) -> None:
        """Whoever asks any worker from now on is answered by the clock that stands now."""
        if not await self._others.send():
            await asyncio.sleep(2 * _CLOCK_POLL_S)  # they look by themselves

    # --- the phone ------------------------------------------------------------------------------

    async def record_consent_tap(self, openid: str, results: Mapping[str, str]) -> None:
        """A client that reports ``accept`` has tapped it on the phone: WeChat has seen that too."""
        templates = self._parts.settings.wechat.templates
        for name, result in results.items():
            if result in ("accept", "acceptWithAudio") and name in WECHAT_TEMPLATES:
                await self.wechat.grant(openid, templates[Template(name)].template_id)


async def mount_sandbox(app: web.Application, parts: Parts) -> None:
    """Add the sandbox's routes, its clock and its phone to the service."""
    sandbox = Sandbox(parts)
    await sandbox.begin()
    pages = _Pages(sandbox, parts)
    app.add_routes([*wechat_routes(sandbox.wechat), *cas_routes(sandbox.cas), *pages.routes()])
    app.cleanup_ctx.append(partial(Sandbox.follow, sandbox))
    app[ON_CONSENT_REPORTED] = sandbox.record_consent_tap


class _Pages:
    def __init__(self, sandbox: Sandbox, parts: Parts) -> None:
        self._sandbox = sandbox
        self._parts = parts

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/sandbox/", self.home),
            web.get("/sandbox/messages", self.messages),
            web.get("/sandbox/clock", self.clock),
            web.post("/sandbox/clock", self.move_clock),
            web.get("/sandbox/kiosks", partial(self.machines, "kiosk")),
            web.get("/sandbox/gates", partial(self.machines, "gate")),
            web.post("/sandbox/reset", self.reset),
        ]

    async def home(self, request: web.Request) -> web.Response:
        """What is simulated, links, and the phone with its messages as cards."""
        openid = request.query.get("openid") or None
        delivered = await self._sandbox.wechat.inbox(openid)
        titles = {module.TEMPLATE.value: module.TITLE for module in TEMPLATE_BY_EVENT.values()}
        page = _PAGES.get_template("phone.html").render(
            now=to_local(self._parts.clock.now()),
            openid=openid or "",
            phones=sorted({d.openid for d in await self._sandbox.wechat.inbox()}),
            cards=[
                {
                    "title": titles.get(d.template, d.template),
                    "at": to_local(d.at),
                    "openid": d.openid,
                    "lines": _lines(d.template, d.data, self._parts),
                }
                for d in reversed(delivered)
            ],
        )
        return web.Response(text=page, content_type="text/html")

    async def messages(self, request: web.Request) -> web.Response:
        delivered = await self._sandbox.wechat.inbox(request.query.get("openid") or None)
        items = [
            {
                "openid": d.openid,
                "template": d.template,
                "template_id": d.template_id,
                "page": d.page,
                "data": {key: {"value": value} for key, value in d.data.items()},
                "at": to_local(d.at),
            }
            for d in delivered
        ]
        return _json({"items": items})

    async def clock(self, _: web.Request) -> web.Response:
        return _json({"now": to_local(self._parts.clock.now())})

    async def move_clock(self, request: web.Request) -> web.Response:
        _from_here(request)
        raw = await request.read()
        await self._sandbox.move(lambda now: _target(raw, now))
        return _json({"now": to_local(self._parts.clock.now())})

    async def machines(self, kind: str, _: web.Request) -> web.Response:
        keys = await self._sandbox.state.keys(kind)
        return _json({"items": [{"id": id, "key": key} for id, key in keys.items()]})

    async def reset(self, request: web.Request) -> web.Response:
        _from_here(request)
        await self._sandbox.reset()
        return _json({"now": to_local(self._parts.clock.now())})


def _from_here(request: web.Request) -> None:
    """A page of another site must not move the demo's clock. Raises: BadOrigin."""
    if "Origin" in request.headers:
        require_own_origin(request, request.app[SERVICES])


def _target(raw: bytes, now: datetime) -> datetime:
    """``{"now": RFC 3339}`` or ``{"advance_seconds": n}``. Raises: InvalidRequest."""
    try:
        body = msgspec.json.decode(raw, type=dict[str, Any])
        if set(body) == {"now"}:
            target = msgspec.convert(body["now"], datetime)
            if target.tzinfo is None:
                raise InvalidRequest("now", "needs an offset such as +08:00")
            return _sane(target)
        if set(body) == {"advance_seconds"}:
            seconds = msgspec.convert(body["advance_seconds"], float)
            return _sane(now + timedelta(seconds=seconds))
    except (msgspec.MsgspecError, UnicodeDecodeError, OverflowError, ValueError) as error:
        raise InvalidRequest("body", str(error)[:200]) from error
    raise InvalidRequest("body", "needs now or advance_seconds")


def _sane(target: datetime) -> datetime:
    """At the ends of the calendar there is no day before or after. Raises: InvalidRequest."""
    if not 2000 <= target.year < 2100:
        raise InvalidRequest("now", "a year from 2000 to 2099")
    return target


def _lines(template: str, data: Mapping[str, str], parts: Parts) -> list[tuple[str, str]]:
    """The card's lines with the names that a reader sees."""
    config = parts.settings.wechat.templates.get(Template(template))
    fields = config.fields if config else {}
    return [(_NAMES.get(fields.get(key, ""), key), value) for key, value in data.items()]


_NAMES: Final = {
    "seat": "座位",
    "period": "时段",
    "receipt": "预约编号",
    "status": "状态",
    "tip": "提示",
    "start": "开始时间",
    "end": "结束时间",
    "until": "截止时间",
    "place": "签到地点",
    "kind": "类型",
    "at": "时间",
    "count": "违约次数",
    "result": "结果",
    "duration": "使用时长",
    "left_at": "暂离时间",
    "return_by": "最晚返回",
    "released_at": "释放时间",
    "reason": "原因",
}


def _json(body: object) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body), content_type="application/json", charset="utf-8"
    )
