"""A stand-in for WeChat's server API under ``/sandbox/wechat``.

It answers as api.weixin.qq.com does where this service would notice: tokens expire and are told
apart by account, login codes are good once, a message needs the reader's credit, values must fit
their field's type, and sends to one reader must not overlap. What WeChat does on bad days is a
mode, set by ``POST /sandbox/wechat/_mode``.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
import secrets
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

import segno
from aiohttp import web

from models.store.sandbox_wechat import Delivered, Mode, SandboxWeChat

ROOT: Final = "/sandbox/wechat"

_CODE: Final = re.compile(r"demo-([0-9A-Za-z_-]+)-[0-9A-Za-z_]+")
# wxa/getwxacodeunlimit: at most 32 visible characters, no percent sign.
_SCENE: Final = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@._~-]{1,32}")
_ERRMSG: Final[Mapping[int, str]] = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40013: "invalid appid",
    40016: "invalid button size",
    40018: "invalid button name size",
    40029: "invalid code",
    40037: "invalid template_id",
    40097: "invalid args",
    40119: "invalid use button type",
    40125: "invalid appsecret",
    40129: "invalid scene",
    40163: "code been used",
    40164: "invalid ip, not in whitelist",
    40169: "invalid length for scene, or the data is not json string",
    40226: "code blocked",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    41030: "invalid page",
    42001: "access_token expired",
    43101: "user refuse to accept the msg",
    43107: "template is banned",
    43108: "concurrent sends to the same user",
    44002: "empty post data",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit",
    45168: "the message has sensitive words",
    46003: "menu no exist",
    47001: "data format error",
    47003: "argument invalid!",
    48001: "api unauthorized",
    48004: "api forbidden for irregularities, view detail on mp.weixin.qq.com",
    50001: "user unauthorized",
    50002: "user limited",
    61007: "api is unauthorized to component",
}
_ENDPOINTS: Final = frozenset(
    {
        "token",
        "stable_token",
        "jscode2session",
        "subscribe_send",
        "getwxacodeunlimit",
        "generate_urllink",
        "menu_create",
        "menu_get",
        "user_info",
    }
)


class WeChatSandbox:
    """The stand-in's accounts, templates and stored state.

    Args:
        store: where it all is kept.
        accounts: secrets by appid; a mini-program and an official account have one each.
        templates: message names by template id. Other template ids are refused (40037).
        now: the sandbox's clock.
    """

    def __init__(
        self,
        store: SandboxWeChat,
        accounts: Mapping[str, str],
        templates: Mapping[str, str],
        now: Callable[[], datetime],
    ) -> None:
        self.store = store
        self.accounts = accounts
        self.templates = templates
        self.now = now

    async def grant(self, openid: str, template_id: str, times: int = 1) -> None:
        """The reader taps "accept" in the mini-program's dialog: ``times`` more messages."""
        await self.store.grant(openid, template_id, times)

    async def inbox(self, openid: str | None = None) -> list[Delivered]:
        """What was delivered (to one reader, or to all), oldest first."""
        return await self.store.inbox(openid)

    async def reset(self) -> None:
        """No codes used, no tokens, no credits, no messages, no modes."""
        await self.store.reset()


def wechat_routes(state: WeChatSandbox) -> list[web.RouteDef]:
    """All routes of the stand-in, to be added to the service's own application."""
    server = _Server(state)
    return [
        web.get(f"{ROOT}/cgi-bin/token", server.answer("token", server.token)),
        web.post(
            f"{ROOT}/cgi-bin/stable_token", server.answer("stable_token", server.stable_token)
        ),
        web.get(
            f"{ROOT}/sns/jscode2session", server.answer("jscode2session", server.code_to_session)
        ),
        web.post(
            f"{ROOT}/cgi-bin/message/subscribe/send",
            server.answer("subscribe_send", server.subscribe_send),
        ),
        web.post(
            f"{ROOT}/wxa/getwxacodeunlimit", server.answer("getwxacodeunlimit", server.code_picture)
        ),
        web.post(
            f"{ROOT}/wxa/generate_urllink", server.answer("generate_urllink", server.url_link)
        ),
        web.post(f"{ROOT}/cgi-bin/menu/create", server.answer("menu_create", server.create_menu)),
        web.get(f"{ROOT}/cgi-bin/user/info", server.answer("user_info", server.user_info)),
        web.get(f"{ROOT}/cgi-bin/menu/get", server.answer("menu_get", server.get_menu)),
        web.post(f"{ROOT}/_grant", server.grant),
        web.post(f"{ROOT}/_mode", server.set_mode),
    ]


class _Refused(Exception):
    """WeChat says no, with status 200."""

    def __init__(self, errcode: int, more: str = "") -> None:
        super().__init__(errcode)
        self.errcode = errcode
        self.more = more


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Work = Callable[[web.Request, Mode], Awaitable[web.StreamResponse]]


class _Server:
    def __init__(self, state: WeChatSandbox) -> None:
        self._state = state
        self._store = state.store

    def answer(self, endpoint: str, work: Work) -> Handler:
        """The endpoint with its modes and WeChat's way of saying no."""

        async def handle(request: web.Request) -> web.StreamResponse:
            mode = await self._store.take_mode(endpoint)
            try:
                if mode.after:
                    response = await work(request, mode)
                if mode.status is not None or mode.errcode is not None or mode.after:
                    await _wait(request, mode.delay)
                if mode.status is not None:
                    return web.Response(status=mode.status, text="<html>bad gateway</html>")
                if mode.errcode is not None:
                    raise _Refused(mode.errcode)
                return response if mode.after else await work(request, mode)
            except _Refused as refused:
                return _refusal(refused)

        return handle

    # Tokens

    async def token(self, request: web.Request, mode: Mode) -> web.StreamResponse:
        query = request.query
        if query.get("grant_type") != "client_credential":
            raise _Refused(40002)
        appid = self._account(query.get("appid"), query.get("secret"))
        return await self._token(request, mode, f"plain:{appid}", renew=True)

    async def stable_token(self, request: web.Request, mode: Mode) -> web.StreamResponse:
        body = await _body(request)
        if body.get("grant_type") != "client_credential":
            raise _Refused(40002)
        appid = self._account(body.get("appid"), body.get("secret"))
        renew = body.get("force_refresh") is True
        return await self._token(request, mode, f"stable:{appid}", renew=renew)

    async def _token(
        self, request: web.Request, mode: Mode, account: str, *, renew: bool
    ) -> web.StreamResponse:
        if not mode.after:
            await _wait(request, mode.delay)
        fresh = secrets.token_urlsafe(96)
        token, left = await self._store.token(account, fresh, self._state.now(), renew=renew)
        return web.json_response({"access_token": token, "expires_in": left})

    def _account(self, appid: object, secret: object) -> str:
        if not appid:
            raise _Refused(41002)
        if not secret:
            raise _Refused(41004)
        known = self._state.accounts.get(str(appid))
        if known is None:
            raise _Refused(40013)
        if secret != known:
            raise _Refused(40125)
        return str(appid)

    async def _authorised(self, request: web.Request) -> str:
        token = request.query.get("access_token")
        if not token:
            raise _Refused(41001)
        found = await self._store.token_state(token, self._state.now())
        if found is None:
            raise _Refused(40001)
        if not found[1]:
            raise _Refused(42001)
        return found[0].partition(":")[2]

    # Login

    async def code_to_session(self, request: web.Request, mode: Mode) -> web.StreamResponse:
        query = request.query
        self._account(query.get("appid"), query.get("secret"))
        if query.get("grant_type") != "authorization_code":
            raise _Refused(40002)
        code = query.get("js_code")
        if not code:
            raise _Refused(41008)
        if not mode.after:
            await _wait(request, mode.delay)
        known = _CODE.fullmatch(code)
        if known is None:
            raise _Refused(40029)
        if not await self._store.use_code(code, self._state.now()):
            raise _Refused(40163)
        session = {
            "session_key": base64.b64encode(secrets.token_bytes(16)).decode(),
            "openid": f"o-{known[1]}",
            "unionid": f"u-{known[1]}",
        }
        return web.Response(text=json.dumps(session), content_type="text/plain")

    # Messages

    async def subscribe_send(self, request: web.Request, mode: Mode) -> web.StreamResponse:
        await self._authorised(request)
        body = await _body(request)
        openid, template_id = body.get("touser"), body.get("template_id")
        if not isinstance(openid, str) or not openid.startswith("o-"):
            raise _Refused(40003)
        async with self._alone(openid):
            if not mode.after:
                await _wait(request, mode.delay)
            name = self._state.templates.get(str(template_id))
            if name is None:
                raise _Refused(40037)
            page = body.get("page", "")
            if not isinstance(page, str) or page.startswith("/"):
                raise _Refused(41030)
            if body.get("miniprogram_state") not in ("formal", "trial", "developer"):
                raise _Refused(47003, " miniprogram_state invalid")
            data = _values(body.get("data"))
            if not await self._store.spend(openid, str(template_id)):
                raise _Refused(43101)
            msgid = await self._store.deliver(
                openid, name, str(template_id), page, data, self._state.now()
            )
        return web.json_response({"errcode": 0, "errmsg": "ok", "msgid": int(msgid)})

    @asynccontextmanager
    async def _alone(self, openid: str) -> AsyncIterator[None]:
        send = secrets.token_hex(8)
        if not await self._store.begin_send(openid, send, self._state.now()):
            raise _Refused(43108)
        try:
            yield
        finally:
            await self._store.end_send(openid, send)

    # Codes, links, menus

    async def code_picture(self, request: web.Request, mode: Mode) -> web.StreamResponse:
        await self._authorised(request)
        if not mode.after:
            await _wait(request, mode.delay)
        body = await _body(request)
        scene, page, width = body.get("scene"), body.get("page", ""), body.get("width", 430)
        if not isinstance(scene, str) or len(scene) > 32:
            raise _Refused(40169)
        if _SCENE.fullmatch(scene) is None:
            raise _Refused(40129)
        if not isinstance(page, str) or page.startswith("/") or "?" in page:
            raise _Refused(41030)
        if not isinstance(width, int) or not 280 <= width <= 1280:
            raise _Refused(40097)
        return web.Response(body=_drawing(scene, width), content_type="image/png")

    async def url_link(self, request: web.Request, mode: Mode) -> web.StreamResponse:
        await self._authorised(request)
        if not mode.after:
            await _wait(request, mode.delay)
        body = await _body(request)
        path, query = body.get("path", ""), body.get("query", "")
        if not isinstance(path, str) or "?" in path or not isinstance(query, str):
            raise _Refused(40097)
        if len(query) > 1024 or body.get("expire_interval", 1) not in range(1, 31):
            raise _Refused(40097)
        link = f"https://wxaurl.cn/{secrets.token_urlsafe(8)}"
        return web.json_response({"errcode": 0, "errmsg": "ok", "url_link": link})

    async def create_menu(self, request: web.Request, mode: Mode) -> web.StreamResponse:
        account = await self._authorised(request)
        if not mode.after:
            await _wait(request, mode.delay)
        menu = await _body(request)
        _check_buttons(menu.get("button"), most=3, name_bytes=16)
        await self._store.put_menu(account, json.dumps(menu, ensure_ascii=False))
        return web.json_response({"errcode": 0, "errmsg": "ok"})

    async def get_menu(self, request: web.Request, mode: Mode) -> web.StreamResponse:
        account = await self._authorised(request)
        if not mode.after:
            await _wait(request, mode.delay)
        menu = await self._store.menu(account)
        if menu is None:
            raise _Refused(46003)
        return web.json_response({"menu": json.loads(menu)})

    async def user_info(self, request: web.Request, mode: Mode) -> web.StreamResponse:
        """A follower ``mp-<name>`` is the mini-program's user ``o-<name>`` (one unionid)."""
        await self._authorised(request)
        if not mode.after:
            await _wait(request, mode.delay)
        openid = request.query.get("openid", "")
        if not openid.startswith("mp-"):
            raise _Refused(40003)
        name = openid.removeprefix("mp-")
        return web.json_response({"subscribe": 1, "openid": openid, "unionid": f"u-{name}"})

    # The stand-in's own

    async def grant(self, request: web.Request) -> web.StreamResponse:
        body = await _own_body(request)
        openid, template_id, times = body.get("openid"), body.get("template_id"), body.get("n", 1)
        if (
            not isinstance(openid, str)
            or not isinstance(template_id, str)
            or template_id not in self._state.templates
        ):
            raise web.HTTPBadRequest(text="openid and a known template_id, please")
        if not isinstance(times, int) or not 1 <= times <= 100:
            raise web.HTTPBadRequest(text="n is 1 to 100")
        await self._state.grant(openid, template_id, times)
        return web.Response(status=204)

    async def set_mode(self, request: web.Request) -> web.StreamResponse:
        """``{}`` clears; ``{"hang_seconds": 10}`` is for every endpoint; ``{"subscribe_send":
        {"errcode": 40001, "times": 1}}`` for one. Also ``delay_ms``, ``status`` and ``after`` (do
        the work first, so that the caller misses the answer)."""
        body = await _own_body(request)
        modes: dict[str, tuple[Mode, int | None]] = {}
        every = {key: value for key, value in body.items() if key not in _ENDPOINTS}
        if every:
            modes["*"] = _mode(every)
        for endpoint in _ENDPOINTS & body.keys():
            modes[endpoint] = _mode(body[endpoint])
        await self._store.set_modes(modes)
        return web.Response(status=204)


def _mode(entry: object) -> tuple[Mode, int | None]:
    known = {"errcode", "status", "delay_ms", "hang_seconds", "after", "times"}
    if not isinstance(entry, dict) or not entry.keys() <= known:
        raise web.HTTPBadRequest(
            text=f"a mode has {', '.join(sorted(known))}; endpoints are "
            f"{', '.join(sorted(_ENDPOINTS))}"
        )
    try:
        delay = float(entry.get("delay_ms", 0)) / 1000 + float(entry.get("hang_seconds", 0))
        numbers = [
            None if entry.get(key) is None else int(entry[key])
            for key in ("errcode", "status", "times")
        ]
    except (TypeError, ValueError):
        raise web.HTTPBadRequest(text="numbers, please") from None
    errcode, status, times = numbers
    return Mode(errcode, status, delay, entry.get("after") is True), times


async def _own_body(request: web.Request) -> dict[str, Any]:
    try:
        return await _body(request)
    except _Refused:
        raise web.HTTPBadRequest(text="a JSON object, please") from None


async def _body(request: web.Request) -> dict[str, Any]:
    raw = await request.read()
    if not raw:
        raise _Refused(44002)
    try:
        body = json.loads(raw)
    except ValueError:
        raise _Refused(47001) from None
    if not isinstance(body, dict):
        raise _Refused(47001)
    return body


def _refusal(refused: _Refused) -> web.Response:
    text = f"{_ERRMSG.get(refused.errcode, 'error')}{refused.more} rid: {secrets.token_hex(8)}"
    return web.json_response({"errcode": refused.errcode, "errmsg": text})


async def _wait(request: web.Request, seconds: float) -> None:
    """Wait in small steps, and end when the caller has gone."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while (left := until - loop.time()) > 0:
        if request.transport is None or request.transport.is_closing():
            return
        await asyncio.sleep(min(left, 0.05))


# Values of a message

_CLOCK = r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?"
_DAY = r"(\d{4}年\d{1,2}月\d{1,2}日|\d{4}([-/.]\d{1,2}){1,2}|\d{1,2}-\d{1,2}|\d{1,2}月\d{1,2}日)"
_PATTERNS: Final[Mapping[str, re.Pattern[str]]] = {
    kind: re.compile(pattern, re.ASCII)
    for kind, pattern in {
        "number": r"-?\d+(\.\d+)?",
        "letter": r"[A-Za-z]+",
        "symbol": r"[^0-9A-Za-z\s\u3400-\u9fff]+",
        "character_string": r"[!-~]+",
        "time": rf"({_DAY} ?)?{_CLOCK}(~({_DAY} ?)?{_CLOCK})?",
        "date": rf"{_DAY}( ?{_CLOCK})?(~{_DAY}( ?{_CLOCK})?)?",
        "amount": r"[¥￥$€£]?\d{1,10}(\.\d+)?元?",
        "phone_number": r"[-+() 0-9]+",
        "car_number": r"[0-9A-Za-z\u4e00-\u9fff][0-9A-Za-z]*[0-9A-Za-z\u4e00-\u9fff]?",
        "phrase": r"[\u4e00-\u9fff]+",
        "name": r"[^\d]+",
    }.items()
}
_LONGEST: Final[Mapping[str, int]] = {
    "thing": 20,
    "number": 32,
    "letter": 32,
    "symbol": 5,
    "character_string": 32,
    "phone_number": 17,
    "car_number": 8,
    "phrase": 5,
}


def fits(kind: str, value: str) -> bool:
    """Whether WeChat takes ``value`` in a field of that type."""
    known = kind in _PATTERNS or kind in _LONGEST or kind == "enum"
    if not known or not value.strip() or any(unicodedata.category(char) == "Cc" for char in value):
        return False
    # Latin names may be twice as long as Chinese ones.
    longest = (20 if value.isascii() else 10) if kind == "name" else _LONGEST.get(kind, 64)
    pattern = _PATTERNS.get(kind)
    return len(value) <= longest and (pattern is None or pattern.fullmatch(value) is not None)


def _values(data: object) -> dict[str, str]:
    if not isinstance(data, dict) or not data:
        raise _Refused(47003, " data is empty")
    values: dict[str, str] = {}
    for key, entry in data.items():
        value = entry.get("value") if isinstance(entry, dict) else None
        if value is None or value == "":
            raise _Refused(47003, f" data.{key}.value is empty")
        kind = re.fullmatch(r"([a-z_]+)[0-9]+", key)
        if kind is None or not isinstance(value, str) or not fits(kind[1], value):
            raise _Refused(47003, f" data.{key}.value invalid")
        values[key] = value
    return values


def _check_buttons(buttons: object, *, most: int, name_bytes: int) -> None:
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= most:
        raise _Refused(40016)
    for button in buttons:
        if not isinstance(button, dict):
            raise _Refused(40016)
        if not 1 <= len(str(button.get("name", "")).encode()) <= name_bytes:
            raise _Refused(40018)
        if "sub_button" in button and most == 3:
            _check_buttons(button["sub_button"], most=5, name_bytes=60)
            continue
        needed = {"miniprogram": ("url", "appid", "pagepath"), "view": ("url",), "click": ("key",)}
        fields = needed.get(str(button.get("type")))
        if fields is None or not all(button.get(field) for field in fields):
            raise _Refused(40119)


def _drawing(scene: str, width: int) -> bytes:
    """A PNG of about that width, where WeChat would draw its own kind of code."""
    code, out = segno.make(f"sandbox:{scene}", error="m", micro=False), io.BytesIO()
    code.save(out, kind="png", scale=max(1, width // code.symbol_size()[0]))
    return out.getvalue()
