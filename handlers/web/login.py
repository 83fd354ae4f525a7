"""Signing in and out by the campus's CAS, single logout, and the page with the activation code."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from jinja2 import Environment, PackageLoader, select_autoescape

from bind.cas import CasUnavailable, TicketRefused, parse_logout
from handlers.forms import form_of
from handlers.security import (
    COOKIE,
    SIGN_INS,
    bound_reader,
    client_address,
    identify,
    pace,
    require_own_origin,
)
from handlers.services import SERVICES
from models.errors import Malformed, Unauthenticated
from models.reader import Principal, normalise_student_no
from models.timerange import local

SERVICE_PATH: Final = "/login/cas"
_PAGES = Environment(
    loader=PackageLoader("handlers.web", "templates"), autoescape=select_autoescape()
)


def web_routes() -> list[web.RouteDef]:
    return [
        web.get("/", home),
        web.get("/login", login),
        web.get(SERVICE_PATH, ticket_arrives),
        web.post(SERVICE_PATH, single_logout),
        web.post("/unbind", unbind),
        web.post("/logout", logout),
    ]


async def home(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    principal = await _maybe(request)
    if principal is None or principal.reader is None:
        return _page(request, 200, "欢迎", "登录后可获取激活码，绑定小程序后即可预约座位。")
    code = await services.bindings.code_for(principal.reader.id, False, services.now())
    return web.Response(
        text=_PAGES.get_template("home.html").render(
            reader=principal.reader,
            code=code,
            until=f"{local(code.expires_at):%H:%M}",
            bound=await services.bindings.is_bound(principal.reader.id),
            sandbox=services.sandbox,
        ),
        content_type="text/html",
        headers={"Cache-Control": "no-store"},
    )


async def login(request: web.Request) -> web.Response:
    return _redirect(request.app[SERVICES].cas.login_url())


async def ticket_arrives(request: web.Request) -> web.Response:
    """CAS sends the browser back with a ticket; the redirect takes it out of the address.

    Tickets have 128 random bits, so they are paced and not counted: a campus shares an address.
    """
    services = request.app[SERVICES]
    await pace(services, SIGN_INS, client_address(request, services))
    ticket = request.query.get("ticket", "")
    try:
        user = await services.cas.validate(ticket)
    except TicketRefused:
        return _page(request, 401, "登录凭据已失效", "请重新登录；如反复出现，请关闭浏览器后再试。")
    except CasUnavailable:
        return _page(request, 503, "统一身份认证暂不可用", "请稍后再试，或到服务台办理。")
    reader = await services.desk.readers.admit(
        normalise_student_no(user.user), user.name or "", user.kind or "", services.now()
    )
    try:
        issued = await services.sessions.open_web(reader.id, ticket, services.now())
    except Unauthenticated:
        return _page(request, 401, "您已在别处退出登录", "请重新登录。")
    response = _redirect("/")
    response.set_cookie(
        COOKIE,
        issued.token,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=services.secure_cookies,
        max_age=int((issued.expires_at - services.now()).total_seconds()),
    )
    return response


async def single_logout(request: web.Request) -> web.Response:
    """CAS says that a ticket's session is over. No Origin: a server calls, naming a ticket."""
    services = request.app[SERVICES]
    form = await form_of(request)
    sent = form.get("logoutRequest")
    if not isinstance(sent, str):
        raise Malformed("logoutRequest", "missing")
    await services.sessions.close_ticket(parse_logout(sent), services.now())
    return web.Response(status=204)


async def unbind(request: web.Request) -> web.Response:
    """The reader has another phone, or another WeChat."""
    services = request.app[SERVICES]
    reader = bound_reader(await identify(request, services, services.now()))
    await services.bindings.unbind(reader.id)
    return _redirect("/")


async def logout(request: web.Request) -> web.Response:
    """End our session, then the campus's."""
    services = request.app[SERVICES]
    require_own_origin(request, services)
    principal = await _maybe(request)
    if principal is not None:
        await services.sessions.close(principal.session)
    response = _redirect(services.cas.logout_url(services.public_base_url + "/"))
    response.del_cookie(COOKIE, path="/")
    return response


def _redirect(to: str) -> web.Response:
    return web.Response(status=302, headers={"Location": to, "Cache-Control": "no-store"})


async def _maybe(request: web.Request) -> Principal | None:
    try:
        services = request.app[SERVICES]
        return await identify(request, services, services.now())
    except Unauthenticated:
        return None


def _page(request: web.Request, status: int, title: str, text: str) -> web.Response:
    page = _PAGES.get_template("home.html").render(
        reader=None, title=title, text=text, sandbox=request.app[SERVICES].sandbox
    )
    return web.Response(
        status=status, text=page, content_type="text/html", headers={"Cache-Control": "no-store"}
    )
