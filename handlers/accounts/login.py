"""Signing in and out by the campus's CAS, and single logout."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from typing import Final

from aiohttp import web

from bind.providers.base import LoginRejected, ProviderUnavailable
from bind.providers.cas_xml import CasUnavailable, TicketRefused, parse_logout
from handlers.http.authentication import (
    SESSION_COOKIE,
    SIGN_INS,
    UNKNOWN_LOGOUTS,
    client_address,
    enforce_rate_limit,
    identify,
    require_own_origin,
)
from handlers.http.errors import status_of
from handlers.http.forms import form_of
from handlers.http.local_rate_limiter import raise_if_limited
from handlers.http.pages import Handler, domain_error_page, render_page
from handlers.http.request_body import ANONYMOUS_BODY_BYTES
from handlers.http.return_to import forget_way, remember_return_url, return_url
from handlers.services import SERVICES
from handlers.texts.errors import text_of
from models.identity.entities import Principal
from models.kernel.errors import ClockWrong, DomainError, InvalidRequest, Unauthenticated
from models.readers.entities import normalise_student_no

SERVICE_PATH: Final = "/login/cas"
ENTRY_PATH: Final = "/entry"
_STATE: Final = "seat_entry"


def login_routes() -> list[web.RouteDef]:
    return [
        web.get("/login", login),
        web.get(SERVICE_PATH, _sign_in(ticket_arrives)),
        web.post(SERVICE_PATH, single_logout),
        web.get(ENTRY_PATH, _sign_in(entry)),
        web.post("/logout", logout),
    ]


def _sign_in(handler: Handler) -> Handler:
    """Paced by address, in a line of its own: signing in waits for another service. A browser
    asks, so it is refused with a page."""

    async def handle(request: web.Request) -> web.StreamResponse:
        services = request.app[SERVICES]
        try:
            await enforce_rate_limit(services, SIGN_INS, client_address(request, services))
            async with services.admission.campus_sign_ins:
                return await handler(request)
        except DomainError as error:
            return domain_error_page(request, error)

    return handle


def welcome(request: web.Request) -> web.Response:
    """What a stranger sees at the front door."""
    return _said(request, 200, "欢迎使用座位预约", "登录后即可选座、签到，并获取小程序的激活码。")


async def login(request: web.Request) -> web.Response:
    """To the campus's sign-on. Who is signed in there comes back without being asked anything."""
    response = _redirect(request.app[SERVICES].cas.login_url())
    remember_return_url(request, response)
    return response


async def ticket_arrives(request: web.Request) -> web.Response:
    """CAS sends the browser back with a ticket; the redirect takes it out of the address.

    Tickets have 128 random bits, so they are paced and not counted: a campus shares an address.
    """
    services = request.app[SERVICES]
    if not services.clock.trusted:
        return _clock_wrong(request)
    ticket = request.query.get("ticket", "")
    try:
        user = await services.cas.validate(ticket)
    except TicketRefused:
        return _said(request, 401, "登录凭据已失效", "请重新登录；如反复出现，请关闭浏览器后再试。")
    except CasUnavailable:
        await services.watch.record_cas_failure(services.now())
        return _said(request, 503, "统一身份认证暂不可用", "请稍后再试，或到服务台办理。")
    return await _signed_in(request, user.user, user.name, user.kind, ticket, user.groups)


async def entry(request: web.Request) -> web.Response:
    """日新工大's way in: nobody types a password. Who is signed in already just goes on."""
    services = request.app[SERVICES]
    if await _maybe(request) is not None:
        return _redirect("/")
    if not services.clock.trusted:
        return _clock_wrong(request)
    entrance = services.entrance
    proof = request.query.get(entrance.proof, "") if entrance.proof else ""
    state = secrets.token_urlsafe(16)
    begins_at = entrance.authorization_url(state)
    if not proof and begins_at is not None:
        response = _redirect(begins_at)
        remember_return_url(request, response)
        response.set_cookie(
            _STATE,
            state,
            path=ENTRY_PATH,
            max_age=600,
            httponly=True,
            samesite="Lax",
            secure=services.secure_cookies,
        )
        return response
    ours = request.cookies.get(_STATE, "")
    if begins_at is not None and not hmac.compare_digest(
        ours.encode(), request.query.get("state", "").encode() or b"-"
    ):
        proof = ""  # somebody else began this, and would sign the reader in as themselves
    try:
        user = await entrance.authenticate(proof)
    except (LoginRejected, ProviderUnavailable) as error:
        heading = "没有登录成功" if isinstance(error, LoginRejected) else "日新工大暂时连不上"
        return _said(request, status_of(type(error)), heading, text_of(error.code, error.details))
    response = await _signed_in(request, user.number, user.name, user.kind, f"entry {proof}")
    response.del_cookie(_STATE, path=ENTRY_PATH)
    return response


async def _signed_in(
    request: web.Request,
    number: str,
    name: str,
    kind: str,
    ticket: str,
    groups: Iterable[str] = (),
) -> web.Response:
    services, number = request.app[SERVICES], normalise_student_no(number)
    kind = services.staff.kind_of(number, groups, kind)
    reader = await services.desk.readers.upsert_from_login(number, name, kind, services.now())
    try:
        issued = await services.sessions.open_web(reader.id, ticket, services.now())
    except Unauthenticated:
        return _said(request, 401, "您已在别处退出登录", "请重新登录。")
    response = _redirect(return_url(request))
    forget_way(request, response)
    response.set_cookie(
        SESSION_COOKIE,
        issued.token,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=services.secure_cookies,
        max_age=int((issued.expires_at - services.now()).total_seconds()),
    )
    return response


async def single_logout(request: web.Request) -> web.Response:
    """CAS says that a ticket's session is over. No Origin: a server calls, naming a ticket.

    A ticket with a session is always heard. One without may belong to a login that is under way,
    and is remembered; since anybody can make such tickets up, those are paced by address.
    """
    services = request.app[SERVICES]
    admission, address = services.admission, client_address(request, services)
    raise_if_limited(admission.addresses.wait_for(address))
    form = await form_of(request, ANONYMOUS_BODY_BYTES)
    sent = form.get("logoutRequest")
    if not isinstance(sent, str):
        raise InvalidRequest("logoutRequest", "missing")
    ticket = parse_logout(sent)
    async with admission.door:
        if not await services.sessions.end_ticket(ticket):
            await enforce_rate_limit(services, UNKNOWN_LOGOUTS, address)
            await services.sessions.close_ticket(ticket, services.now())
    return web.Response(status=204)


async def logout(request: web.Request) -> web.Response:
    """End our session, then the campus's."""
    services = request.app[SERVICES]
    require_own_origin(request, services)
    principal = await _maybe(request)
    if principal is not None:
        await services.sessions.close(principal.session)
    response = _redirect(services.cas.logout_url(services.public_base_url + "/"))
    response.del_cookie(SESSION_COOKIE, path="/")
    return response


def _redirect(to: str) -> web.Response:
    return web.Response(status=302, headers={"Location": to, "Cache-Control": "no-store"})


async def _maybe(request: web.Request) -> Principal | None:
    try:
        services = request.app[SERVICES]
        return await identify(request, services, services.now())
    except Unauthenticated:
        return None


def _clock_wrong(request: web.Request) -> web.Response:
    error = ClockWrong()
    return _said(request, status_of(ClockWrong), "暂时不能登录", text_of(error.code, error.details))


def _said(request: web.Request, status: int, heading: str, text: str) -> web.Response:
    return render_page(request, "welcome.html", status=status, heading=heading, text=text)
