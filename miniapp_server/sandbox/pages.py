from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import msgspec
from aiohttp import web

from handlers.http.authentication import require_own_origin
from handlers.http.keys import REFERENCE
from miniapp_server.resources import Resources
from miniapp_server.sandbox.movable_clock import MovableClock
from miniapp_server.sandbox.rendering import render_page
from miniapp_server.sandbox.state_repository import SandboxState
from miniapp_server.sandbox.wechat import WeChatSandbox
from models.kernel.errors import Malformed
from models.messages.entities import Template
from notify.templates import MESSAGES
from notify.wechat.template_config import TemplateConfig

HOME: Final = "/sandbox/"


class SandboxPages:
    """The sandbox's pages under ``/sandbox/``: the phone, the clock, device keys, and the reset."""

    def __init__(
        self,
        resources: Resources,
        wechat: WeChatSandbox,
        clock: MovableClock,
        state: SandboxState,
        reset: Callable[[], Awaitable[None]],
    ) -> None:
        self._service_clock = resources.clock
        self._templates = resources.settings.wechat.templates
        self._wechat = wechat
        self._clock = clock
        self._state = state
        self._reset = reset

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(HOME, self.home),
            web.get("/sandbox/messages", self.messages),
            web.get("/sandbox/clock", self.clock),
            web.post("/sandbox/clock", self.move_clock),
            web.get("/sandbox/kiosks", partial(self.machines, "kiosk")),
            web.get("/sandbox/gates", partial(self.machines, "gate")),
            web.post("/sandbox/reset", self.reset),
        ]

    async def home(self, request: web.Request) -> web.Response:
        openid = request.query.get("openid") or None
        delivered = await self._wechat.inbox(openid)
        titles = {message.template.value: message.title for message in MESSAGES}
        reference, keys = request.app[REFERENCE], await self._state.keys("kiosk")
        page = render_page(
            "phone.html",
            now=request.app[REFERENCE].zone.local(self._service_clock.now()),
            mini_program=reference.profile.mini_program,
            kiosks=[
                {"id": kiosk.id, "name": kiosk.name, "key": keys[kiosk.id]}
                for kiosk in reference.catalog.kiosks.values()
                if kiosk.id in keys
            ],
            openid=openid or "",
            phones=sorted({d.openid for d in await self._wechat.inbox()}),
            cards=[
                {
                    "title": titles.get(d.template, d.template),
                    "at": request.app[REFERENCE].zone.local(d.at),
                    "openid": d.openid,
                    "lines": _lines(d.template, d.data, self._templates),
                }
                for d in reversed(delivered)
            ],
        )
        return web.Response(text=page, content_type="text/html")

    async def messages(self, request: web.Request) -> web.Response:
        delivered = await self._wechat.inbox(request.query.get("openid") or None)
        items = [
            {
                "openid": d.openid,
                "template": d.template,
                "template_id": d.template_id,
                "page": d.page,
                "data": {key: {"value": value} for key, value in d.data.items()},
                "at": request.app[REFERENCE].zone.local(d.at),
            }
            for d in delivered
        ]
        return _json({"items": items})

    async def clock(self, request: web.Request) -> web.Response:
        return _json({"now": request.app[REFERENCE].zone.local(self._service_clock.now())})

    async def move_clock(self, request: web.Request) -> web.Response:
        _require_own_origin(request)
        raw = await request.read()
        await self._clock.move(lambda now: _target(raw, now))
        return _json({"now": request.app[REFERENCE].zone.local(self._service_clock.now())})

    async def machines(self, kind: str, _: web.Request) -> web.Response:
        keys = await self._state.keys(kind)
        return _json({"items": [{"id": id, "key": key} for id, key in keys.items()]})

    async def reset(self, request: web.Request) -> web.Response:
        _require_own_origin(request)
        await self._reset()
        return _json({"now": request.app[REFERENCE].zone.local(self._service_clock.now())})


def _require_own_origin(request: web.Request) -> None:
    """Refuses requests from pages of other sites. Raises: BadOrigin."""
    if "Origin" in request.headers:
        require_own_origin(request)


def _target(raw: bytes, now: datetime) -> datetime:
    """The instant to which a request moves the clock, parsed from its body: ``{"now": RFC
    3339}`` or ``{"advance_seconds": n}``. Raises: Malformed."""
    try:
        body = msgspec.json.decode(raw, type=dict[str, Any])
        if set(body) == {"now"}:
            target = msgspec.convert(body["now"], datetime)
            if target.tzinfo is None:
                raise Malformed("now", "must have an offset such as +08:00")
            return _sane(target)
        if set(body) == {"advance_seconds"}:
            seconds = msgspec.convert(body["advance_seconds"], float)
            return _sane(now + timedelta(seconds=seconds))
    except (msgspec.MsgspecError, UnicodeDecodeError, OverflowError, ValueError) as error:
        raise Malformed("body", str(error)[:200]) from error
    raise Malformed("body", "must have either now or advance_seconds")


def _sane(target: datetime) -> datetime:
    """The target. Raises: Malformed near the calendar's ends, where date arithmetic overflows."""
    if not 2000 <= target.year < 2100:
        raise Malformed("now", "must be in the years 2000 to 2099")
    return target


def _lines(
    template: str, data: Mapping[str, str], templates: Mapping[Template, TemplateConfig]
) -> list[tuple[str, str]]:
    """A WeChat message card's lines: the field's name as readers see it, and its value."""
    config = templates.get(Template(template))
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
