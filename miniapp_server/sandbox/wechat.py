"""A stand-in for WeChat's server API, under ``/sandbox/wechat``.

It behaves as api.weixin.qq.com where this service would notice: tokens expire and belong to an
account, login codes work once, messages need consent, values must fit their field's type, and sends
to one reader must not overlap. ``POST /sandbox/wechat/_mode`` simulates faults.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from aiohttp import web

from miniapp_server.sandbox.faults import ENDPOINTS, FaultMode, parse_fault, wait
from miniapp_server.sandbox.wechat_checks import checked_text, suggestion_on
from miniapp_server.sandbox.wechat_codes import drawing
from miniapp_server.sandbox.wechat_conversations import checked_message
from miniapp_server.sandbox.wechat_errors import WeChatError
from miniapp_server.sandbox.wechat_fields import checked_values, listed_template
from miniapp_server.sandbox.wechat_menu import check_buttons
from miniapp_server.sandbox.wechat_repository import Delivered, SandboxWeChat

ROOT: Final = "/sandbox/wechat"

_CODE: Final = re.compile(r"demo-([0-9A-Za-z_-]+)-[0-9A-Za-z_]+")
# wxa/getwxacodeunlimit: at most 32 visible characters, no percent sign.
_SCENE: Final = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@._~-]{1,32}")


class WeChatSandbox:
    """The accounts, templates and stored state of the stand-in for WeChat.

    Args:
        store: the stored state.
        accounts: secrets by appid, of a mini-program and an official account.
        templates: message names by template id. Other template ids are refused (40037).
        now: returns the time of the sandbox's clock.
        long_term: ids of long-term templates.
        fields: field keys by template id.
    """

    def __init__(
        self,
        store: SandboxWeChat,
        accounts: Mapping[str, str],
        templates: Mapping[str, str],
        now: Callable[[], datetime],
        long_term: Collection[str] = (),
        fields: Mapping[str, Collection[str]] = MappingProxyType({}),
    ) -> None:
        self.store = store
        self.accounts = accounts
        self.templates = templates
        self.now = now
        self.long_term = long_term
        self.fields = fields

    async def grant(self, openid: str, template_id: str, times: int = 1) -> None:
        """Adds consent to ``times`` messages of the template, as a tap on "accept" does."""
        await self.store.grant(openid, template_id, times)

    async def inbox(self, openid: str | None = None) -> list[Delivered]:
        """The messages delivered to one reader, or to all, oldest first."""
        return await self.store.inbox(openid)

    async def reset(self) -> None:
        await self.store.reset()


def wechat_routes(state: WeChatSandbox) -> list[web.RouteDef]:
    server = _Server(state)
    of_wechat: list[tuple[str, str, str, Work]] = [
        ("GET", "/cgi-bin/token", "token", server.token),
        ("POST", "/cgi-bin/stable_token", "stable_token", server.stable_token),
        ("GET", "/sns/jscode2session", "jscode2session", server.code_to_session),
        ("POST", "/cgi-bin/message/subscribe/send", "subscribe_send", server.subscribe_send),
        ("POST", "/cgi-bin/message/custom/send", "custom_send", server.custom_send),
        ("POST", "/wxa/getwxacodeunlimit", "getwxacodeunlimit", server.code_picture),
        ("POST", "/wxa/generate_urllink", "generate_urllink", server.url_link),
        ("GET", "/wxaapi/newtmpl/gettemplate", "gettemplate", server.own_templates),
        ("POST", "/wxa/msg_sec_check", "msg_sec_check", server.check_text),
        ("POST", "/cgi-bin/menu/create", "menu_create", server.create_menu),
        ("GET", "/cgi-bin/user/info", "user_info", server.user_info),
        ("GET", "/cgi-bin/menu/get", "menu_get", server.get_menu),
    ]
    return [
        *(
            web.route(method, ROOT + path, server.endpoint(name, work))
            for method, path, name, work in of_wechat
        ),
        web.post(f"{ROOT}/_grant", server.grant),
        web.post(f"{ROOT}/_wrote", server.wrote),
        web.get(f"{ROOT}/_heard", server.heard),
        web.post(f"{ROOT}/_mode", server.set_mode),
    ]


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Work = Callable[[web.Request, FaultMode], Awaitable[web.StreamResponse]]


class _Server:
    def __init__(self, state: WeChatSandbox) -> None:
        self._state = state
        self._store = state.store

    def endpoint(self, name: str, work: Work) -> Handler:
        """An endpoint that runs ``work`` with the simulated faults of ``name``, and returns
        errors in WeChat's format."""

        async def handle(request: web.Request) -> web.StreamResponse:
            mode = await self._store.take_mode(name)
            try:
                if mode.after:
                    response = await work(request, mode)
                if mode.status is not None or mode.errcode is not None or mode.after:
                    await wait(request, mode.delay)
                if mode.status is not None:
                    return web.Response(status=mode.status, text="<html>bad gateway</html>")
                if mode.errcode is not None:
                    raise WeChatError(mode.errcode)
                return response if mode.after else await work(request, mode)
            except WeChatError as error:
                return error.response()

        return handle

    # Tokens

    async def token(self, request: web.Request, mode: FaultMode) -> web.StreamResponse:
        query = request.query
        if query.get("grant_type") != "client_credential":
            raise WeChatError(40002)
        appid = self._account(query.get("appid"), query.get("secret"))
        return await self._token(request, mode, f"plain:{appid}", renew=True)

    async def stable_token(self, request: web.Request, mode: FaultMode) -> web.StreamResponse:
        body = await _body(request)
        if body.get("grant_type") != "client_credential":
            raise WeChatError(40002)
        appid = self._account(body.get("appid"), body.get("secret"))
        renew = body.get("force_refresh") is True
        return await self._token(request, mode, f"stable:{appid}", renew=renew)

    async def _token(
        self, request: web.Request, mode: FaultMode, account: str, *, renew: bool
    ) -> web.StreamResponse:
        if not mode.after:
            await wait(request, mode.delay)
        fresh = secrets.token_urlsafe(96)
        token, left = await self._store.token(account, fresh, self._state.now(), renew=renew)
        return web.json_response({"access_token": token, "expires_in": left})

    def _account(self, appid: object, secret: object) -> str:
        if not appid:
            raise WeChatError(41002)
        if not secret:
            raise WeChatError(41004)
        expected = self._state.accounts.get(str(appid))
        if expected is None:
            raise WeChatError(40013)
        if secret != expected:
            raise WeChatError(40125)
        return str(appid)

    async def _authorised(self, request: web.Request) -> str:
        token = request.query.get("access_token")
        if not token:
            raise WeChatError(41001)
        token_state = await self._store.token_state(token, self._state.now())
        if token_state is None:
            raise WeChatError(40001)
        if not token_state[1]:
            raise WeChatError(42001)
        return token_state[0].partition(":")[2]

    # Login

    async def code_to_session(self, request: web.Request, mode: FaultMode) -> web.StreamResponse:
        query = request.query
        self._account(query.get("appid"), query.get("secret"))
        if query.get("grant_type") != "authorization_code":
            raise WeChatError(40002)
        code = query.get("js_code")
        if not code:
            raise WeChatError(41008)
        if not mode.after:
            await wait(request, mode.delay)
        code_match = _CODE.fullmatch(code)
        if code_match is None:
            raise WeChatError(40029)
        if not await self._store.use_code(code, f"o-{code_match[1]}", self._state.now()):
            raise WeChatError(40163)
        session = {
            "session_key": base64.b64encode(secrets.token_bytes(16)).decode(),
            "openid": f"o-{code_match[1]}",
            "unionid": f"u-{code_match[1]}",
        }
        return web.Response(text=json.dumps(session), content_type="text/plain")

    # Messages

    async def subscribe_send(self, request: web.Request, mode: FaultMode) -> web.StreamResponse:
        await self._authorised(request)
        body = await _body(request)
        openid, template_id = body.get("touser"), body.get("template_id")
        if not isinstance(openid, str) or not openid.startswith("o-"):
            raise WeChatError(40003)
        async with self._one_send_per_user(openid):
            if not mode.after:
                await wait(request, mode.delay)
            name = self._state.templates.get(str(template_id))
            if name is None:
                raise WeChatError(40037)
            page = body.get("page", "")
            if not isinstance(page, str) or page.startswith("/"):
                raise WeChatError(41030)
            if body.get("miniprogram_state") not in ("formal", "trial", "developer"):
                raise WeChatError(47003, " miniprogram_state invalid")
            data = checked_values(body.get("data"))
            lasting = template_id in self._state.long_term
            if not await self._store.spend(openid, str(template_id), int(not lasting)):
                raise WeChatError(43101)
            msgid = await self._store.deliver(
                openid, name, str(template_id), page, data, self._state.now()
            )
        return web.json_response({"errcode": 0, "errmsg": "ok", "msgid": int(msgid)})

    async def own_templates(self, request: web.Request, mode: FaultMode) -> web.StreamResponse:
        await self._authorised(request)
        if not mode.after:
            await wait(request, mode.delay)
        listed = [
            listed_template(id, name, self._state.fields.get(id, ()), id in self._state.long_term)
            for id, name in self._state.templates.items()
        ]
        return web.json_response({"errcode": 0, "errmsg": "ok", "data": listed})

    async def custom_send(self, request: web.Request, mode: FaultMode) -> web.StreamResponse:
        appid = await self._authorised(request)
        if not mode.after:
            await wait(request, mode.delay)
        openid, content = checked_message(await _body(request), appid)
        await self._store.conversations.send(openid, content, self._state.now())
        return web.json_response({"errcode": 0, "errmsg": "ok"})

    @asynccontextmanager
    async def _one_send_per_user(self, openid: str) -> AsyncIterator[None]:
        send = secrets.token_hex(8)
        if not await self._store.begin_send(openid, send, self._state.now()):
            raise WeChatError(43108)
        try:
            yield
        finally:
            await self._store.end_send(openid, send)

    # Codes, links, menus

    async def code_picture(self, request: web.Request, mode: FaultMode) -> web.StreamResponse:
        await self._authorised(request)
        if not mode.after:
            await wait(request, mode.delay)
        body = await _body(request)
        scene, page, width = body.get("scene"), body.get("page", ""), body.get("width", 430)
        if not isinstance(scene, str) or len(scene) > 32:
            raise WeChatError(40169)
        if _SCENE.fullmatch(scene) is None:
            raise WeChatError(40129)
        if not isinstance(page, str) or page.startswith("/") or "?" in page:
            raise WeChatError(41030)
        if not isinstance(width, int) or not 280 <= width <= 1280:
            raise WeChatError(40097)
        return web.Response(body=drawing(scene, width), content_type="image/png")

    async def url_link(self, request: web.Request, mode: FaultMode) -> web.StreamResponse:
        await self._authorised(request)
        if not mode.after:
            await wait(request, mode.delay)
        body = await _body(request)
        path, query = body.get("path", ""), body.get("query", "")
        if not isinstance(path, str) or "?" in path or not isinstance(query, str):
            raise WeChatError(40097)
        if len(query) > 1024 or body.get("expire_interval", 1) not in range(1, 31):
            raise WeChatError(40097)
        link = f"https://wxaurl.cn/{secrets.token_urlsafe(8)}"
        return web.json_response({"errcode": 0, "errmsg": "ok", "url_link": link})

    async def check_text(self, request: web.Request, mode: FaultMode) -> web.StreamResponse:
        await self._authorised(request)
        if not mode.after:
            await wait(request, mode.delay)
        openid, content = checked_text(await _body(request))
        if not await self._store.was_here(openid, self._state.now()):
            raise WeChatError(61010)
        return web.json_response(suggestion_on(content))

    async def create_menu(self, request: web.Request, mode: FaultMode) -> web.StreamResponse:
        account = await self._authorised(request)
        if not mode.after:
            await wait(request, mode.delay)
        menu = await _body(request)
        check_buttons(menu.get("button"), most=3, name_bytes=16)
        await self._store.put_menu(account, json.dumps(menu, ensure_ascii=False))
        return web.json_response({"errcode": 0, "errmsg": "ok"})

    async def get_menu(self, request: web.Request, mode: FaultMode) -> web.StreamResponse:
        account = await self._authorised(request)
        if not mode.after:
            await wait(request, mode.delay)
        menu = await self._store.menu(account)
        if menu is None:
            raise WeChatError(46003)
        return web.json_response({"menu": json.loads(menu)})

    async def user_info(self, request: web.Request, mode: FaultMode) -> web.StreamResponse:
        """Returns the profile of a follower of the official account. The user ``mp-<name>`` has
        the unionid of the mini-program's user ``o-<name>``."""
        await self._authorised(request)
        if not mode.after:
            await wait(request, mode.delay)
        openid = request.query.get("openid", "")
        if not openid.startswith("mp-"):
            raise WeChatError(40003)
        name = openid.removeprefix("mp-")
        return web.json_response({"subscribe": 1, "openid": openid, "unionid": f"u-{name}"})

    # Endpoints of the stand-in alone

    async def grant(self, request: web.Request) -> web.StreamResponse:
        body = await _own_body(request)
        openid, template_id, times = body.get("openid"), body.get("template_id"), body.get("n", 1)
        if (
            not isinstance(openid, str)
            or not isinstance(template_id, str)
            or template_id not in self._state.templates
        ):
            raise web.HTTPBadRequest(text="openid and a known template_id are required")
        if not isinstance(times, int) or not 0 <= times <= 100:
            raise web.HTTPBadRequest(text="n must be 1 to 100, or 0 to withdraw the consent")
        if times:
            await self._state.grant(openid, template_id, times)
        else:
            await self._store.withdraw(openid, template_id)
        return web.Response(status=204)

    async def wrote(self, request: web.Request) -> web.StreamResponse:
        """Simulates a user who writes in a conversation or, with ``entered``, only opens it."""
        body = await _own_body(request)
        openid, conversations = body.get("openid"), self._store.conversations
        if not isinstance(openid, str):
            raise web.HTTPBadRequest(text="openid is required")
        act = conversations.entered if body.get("entered") else conversations.wrote
        await act(openid, self._state.now())
        return web.Response(status=204)

    async def heard(self, request: web.Request) -> web.StreamResponse:
        openid = request.query.get("openid", "")
        return web.json_response({"items": await self._store.conversations.heard(openid)})

    async def set_mode(self, request: web.Request) -> web.StreamResponse:
        """Replaces all simulated faults by the body's. ``{"hang_seconds": 10}`` sets one for
        every endpoint, ``{"subscribe_send": {"errcode": 40001, "times": 1}}`` for one. Other
        keys are ``delay_ms``, ``status`` and ``after`` (the work is done, its response lost)."""
        body = await _own_body(request)
        modes: dict[str, tuple[FaultMode, int | None]] = {}
        every = {key: value for key, value in body.items() if key not in ENDPOINTS}
        if every:
            modes["*"] = parse_fault(every)
        for endpoint in ENDPOINTS & body.keys():
            modes[endpoint] = parse_fault(body[endpoint])
        await self._store.set_modes(modes)
        return web.Response(status=204)


async def _own_body(request: web.Request) -> dict[str, Any]:
    try:
        return await _body(request)
    except WeChatError:
        raise web.HTTPBadRequest(text="the body must be a JSON object") from None


async def _body(request: web.Request) -> dict[str, Any]:
    raw = await request.read()
    if not raw:
        raise WeChatError(44002)
    try:
        body = json.loads(raw)
    except ValueError:
        raise WeChatError(47001) from None
    if not isinstance(body, dict):
        raise WeChatError(47001)
    return body
