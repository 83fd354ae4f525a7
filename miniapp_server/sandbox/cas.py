"""A stand-in CAS server with demo accounts. It follows CAS 3.0 (section numbers below), so that the
service's own client, cookies and single logout are exercised."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Final
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from handlers.http.forms import form_of
from handlers.http.request_body import ANONYMOUS_BODY_BYTES
from miniapp_server.sandbox.cas_repository import GrantedTicket, SandboxCas
from miniapp_server.sandbox.rendering import render_page

ROOT = "/sandbox/cas"
COOKIE = "TGC"
PASSWORD = "demo"
LIBRARIAN = "librarian"
STAFF: Final = {
    "viewer": ("周明远", "library-view"),
    LIBRARIAN: ("林静怡", "library-admin"),
    "administrator": ("高文博", "library-head"),
}
"""Name and CAS group of each member of the demo library's staff, by account."""
SIGN_ON_LASTS = timedelta(hours=8)
REMEMBERED_LASTS = timedelta(days=14)
# 3.1.1 wants tickets to live "a reasonable time", at most five minutes.
TICKET_LASTS = timedelta(minutes=1)
# The browser waits while services are notified, so an unreachable one must not hold it for long.
LOGOUT_TIMEOUT_S = 2.0

STUDENT = re.compile(r"[0-9]{6,12}")
GRADUATE = re.compile(r"[A-Z][0-9]{1,15}")
# The URL becomes a Location header, so only visible ASCII of an encoded URL is allowed.
SERVICE = re.compile(r"[\x21-\x7e]{1,2000}")

SURNAMES = "王李张刘陈杨赵黄周吴徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余"
GIVEN = "子涵宇轩雨桐欣怡浩然思远嘉琪梓萱俊杰明哲若曦晨阳佳宁文博诗雅天佑静怡志远晓彤"
SCHOOLS = (
    ("信息学部", "计算机学院"),
    ("城市建设学部", "建筑工程学院"),
    ("材料与制造学部", "机械与能源工程学院"),
    ("环境与生命学部", "环境科学系"),
    ("理学部", "数学统计学与力学学院"),
    ("文法学部", "外国语学院"),
    ("经济与管理学院", "管理科学系"),
    ("艺术设计学院", "视觉传达系"),
)

_STYLE = render_page("cas.css")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CasState:
    """The stand-in's storage, clock and settings.

    Args:
        store: sign-ons and tickets.
        now: returns the service's time, aware, in UTC.
        service_prefixes: URLs that services may redirect to; each must end where a URL part ends.
        secure: whether browsers reach the server over https, for the cookie's Secure flag.
    """

    store: SandboxCas
    now: Callable[[], datetime]
    service_prefixes: tuple[str, ...]
    secure: bool = False


def person(account: str) -> Mapping[str, tuple[str, ...]]:
    """The CAS attributes of a demo account, derived from its name, so that they never change."""
    if account in STAFF:
        name, group = STAFF[account]
        return {
            "cn": (name,),
            "userType": ("staff",),
            "memberOf": (group,),
            "ou": ("图书馆", "读者服务部"),
        }
    digest = hashlib.sha256(account.encode()).digest()
    pair = 2 * (digest[1] % (len(GIVEN) // 2))
    return {
        "cn": (SURNAMES[digest[0] % len(SURNAMES)] + GIVEN[pair : pair + 2],),
        "userType": ("graduate" if GRADUATE.fullmatch(account) else "student",),
        "ou": SCHOOLS[digest[2] % len(SCHOOLS)],
    }


def refusal(account: str, password: str) -> str | None:
    """The error text for a wrong account or password; None if they are accepted."""
    if not account or not password:
        return "请输入账号和密码。"
    if account not in STAFF and GRADUATE.fullmatch(account.upper()) and account != account.upper():
        return "研究生学号中的字母请用大写。"
    if account not in STAFF and not (STUDENT.fullmatch(account) or GRADUATE.fullmatch(account)):
        return "没有这个演示账号：请输入 6 至 12 位数字，或一个大写字母加数字。"
    if not secrets.compare_digest(password.encode(), PASSWORD.encode()):
        return f"密码不正确：演示账号的密码都是 {PASSWORD}。"
    return None


def cas_routes(state: CasState) -> list[web.RouteDef]:
    server = _Server(state)
    return [
        web.get(f"{ROOT}/login", server.show_login),
        web.post(f"{ROOT}/login", server.take_login),
        web.get(f"{ROOT}/logout", server.logout),
        web.get(f"{ROOT}/serviceValidate", server.validate_2),
        web.get(f"{ROOT}/p3/serviceValidate", server.validate_3),
        web.get(f"{ROOT}/style.css", server.style),
    ]


class _Server:
    def __init__(self, state: CasState) -> None:
        self._state = state
        self._store = state.store

    async def show_login(self, request: web.Request) -> web.Response:
        """CAS protocol, section 2.1: issues a ticket to a signed-in browser, otherwise shows the
        sign-in form."""
        service = request.query.get("service", "")
        renew, gateway = _is_set(request, "renew"), _is_set(request, "gateway")
        if service and not self._allows(service):
            return _unknown_service()
        sign_on = request.cookies.get(COOKIE, "")
        account = await self._store.account_of(sign_on, self._state.now()) if sign_on else None
        if account and service and not renew:
            return _go(await self._with_ticket(service, account, sign_on, primary=False))
        if gateway and service and not renew:
            return _go(service)
        if account and not renew:
            return _signed_in(account)
        return _form(service)

    async def take_login(self, request: web.Request) -> web.Response:
        """CAS protocol, section 2.2: checks account and password, and signs the browser in."""
        form = await form_of(request, ANONYMOUS_BODY_BYTES)
        service = _text(form.get("service")) or request.query.get("service", "")
        if service and not self._allows(service):
            return _unknown_service()
        account, password = _text(form.get("username")).strip(), _text(form.get("password"))
        why = refusal(account, password)
        if why is not None:
            return _form(service, account, why, 401)
        now = self._state.now()
        await self._store.forget_ended(now)
        if old := request.cookies.get(COOKIE, ""):
            # A different account signed in here before: its session ends, also at the services.
            if await self._store.account_of(old, now) == account:
                if service:
                    return _go(await self._with_ticket(service, account, old, primary=True))
            else:
                await self._end(old)
        sign_on = f"TGT-{secrets.token_urlsafe(32)}"
        remember = bool(_text(form.get("rememberMe")))
        lasts = REMEMBERED_LASTS if remember else SIGN_ON_LASTS
        await self._store.open_sign_on(sign_on, account, now + lasts)
        if service:
            answer = _go(await self._with_ticket(service, account, sign_on, primary=True))
        else:
            answer = _signed_in(account)
        answer.set_cookie(
            COOKIE,
            sign_on,
            path=ROOT,
            httponly=True,
            samesite="Lax",
            secure=self._state.secure,
            max_age=int(lasts.total_seconds()) if remember else None,
        )
        return answer

    async def logout(self, request: web.Request) -> web.Response:
        """CAS protocol, section 2.3: ends the sign-on, notifies its services, then redirects to
        ``service``."""
        if sign_on := request.cookies.get(COOKIE, ""):
            await self._end(sign_on)
        service = request.query.get("service", "")
        back = service and self._allows(service)
        answer = _go(service) if back else _page("cas_signed_out.html")
        answer.del_cookie(COOKIE, path=ROOT)
        return answer

    async def validate_2(self, request: web.Request) -> web.Response:
        """CAS protocol, section 2.5: validates a ticket, and returns its account."""
        return await self._validate(request, attributes=False)

    async def validate_3(self, request: web.Request) -> web.Response:
        """CAS protocol, section 2.8: validates a ticket and returns its account with attributes."""
        return await self._validate(request, attributes=True)

    async def style(self, request: web.Request) -> web.Response:
        return web.Response(text=_STYLE, content_type="text/css")

    async def _validate(self, request: web.Request, attributes: bool) -> web.Response:
        service, ticket = request.query.get("service", ""), request.query.get("ticket", "")
        if not service or not ticket:
            return _failure("INVALID_REQUEST", "service and ticket are both required")
        granted = await self._store.redeem(ticket, self._state.now())
        if granted is None:
            return _failure("INVALID_TICKET", "the ticket is not recognized")
        if granted.service != service:
            return _failure("INVALID_SERVICE", "the ticket was granted to another service")
        if _is_set(request, "renew") and not granted.primary:
            return _failure("INVALID_TICKET", "the password was not typed for this ticket")
        released = "".join(
            f"<cas:{name}>{escape(value)}</cas:{name}>"
            for name, values in person(granted.account).items()
            for value in values
        )
        inside = f"<cas:user>{escape(granted.account)}</cas:user>"
        inside += f"<cas:attributes>{released}</cas:attributes>" if attributes else ""
        return _xml(f"<cas:authenticationSuccess>{inside}</cas:authenticationSuccess>")

    def _allows(self, service: str) -> bool:
        # "http://a" must not allow "http://a.evil" or "http://a@evil".
        return SERVICE.fullmatch(service) is not None and any(
            service.startswith(prefix)
            and (prefix.endswith("/") or service[len(prefix) : len(prefix) + 1] in ("", *"/?#"))
            for prefix in self._state.service_prefixes
        )

    async def _with_ticket(self, service: str, account: str, sign_on: str, primary: bool) -> str:
        ticket = GrantedTicket(f"ST-{secrets.token_hex(24)}", account, service, primary)
        await self._store.grant(ticket, sign_on, self._state.now() + TICKET_LASTS)
        url, hash_, fragment = service.partition("#")
        joint = "&" if "?" in url else "?"
        return f"{url}{joint}{urlencode({'ticket': ticket.id})}{hash_}{fragment}"

    async def _end(self, sign_on: str) -> None:
        """Ends the sign-on and concurrently sends its services a logout request (section 2.3.3)."""
        tickets = await self._store.close_sign_on(sign_on)
        if not tickets:
            return
        timeout = aiohttp.ClientTimeout(total=LOGOUT_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            await asyncio.gather(*(self._notify(session, ticket) for ticket in tickets))

    async def _notify(self, session: aiohttp.ClientSession, ticket: GrantedTicket) -> None:
        message = LOGOUT_REQUEST.format(
            id=secrets.token_hex(16),
            at=self._state.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            account=escape(ticket.account),
            ticket=escape(ticket.id),
        )
        try:
            async with session.post(
                ticket.service, data={"logoutRequest": message}, allow_redirects=False
            ) as response:
                if response.status < 400:
                    return
        except (aiohttp.ClientError, TimeoutError):
            pass
        log.warning("sandbox_cas_logout_not_delivered")


def _text(field: object) -> str:
    return field if isinstance(field, str) else ""


def _is_set(request: web.Request, name: str) -> bool:
    return request.query.get(name, "").lower() not in ("", "false")


def _go(url: str) -> web.Response:
    # 303: after a POST the browser must not post the password on to the service.
    return web.Response(status=303, headers={"Location": url, "Cache-Control": "no-store"})


def _xml(inside: str) -> web.Response:
    return web.Response(
        text=f"<cas:serviceResponse xmlns:cas='http://www.yale.edu/tp/cas'>{inside}"
        "</cas:serviceResponse>",
        content_type="application/xml",
        charset="utf-8",
        headers={"Cache-Control": "no-store"},
    )


def _failure(code: str, why: str) -> web.Response:
    return _xml(f'<cas:authenticationFailure code="{code}">{why}</cas:authenticationFailure>')


def _page(template: str, status: int = 200, **values: str) -> web.Response:
    # The policy has no form-action: Chromium would apply it to the redirect to the service, too.
    return web.Response(
        status=status,
        text=render_page(template, root=ROOT, **values),
        content_type="text/html",
        charset="utf-8",
        headers={
            "Cache-Control": "no-store",
            "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
            "base-uri 'none'; frame-ancestors 'none'",
        },
    )


def _unknown_service() -> web.Response:
    return _page("cas_unknown_service.html", 403)


def _signed_in(account: str) -> web.Response:
    return _page("cas_signed_in.html", account=account, name=person(account)["cn"][0])


def _form(service: str, account: str = "", why: str = "", status: int = 200) -> web.Response:
    return _page(
        "cas_login.html",
        status,
        service=service,
        account=account,
        why=why,
        password=PASSWORD,
        staff="、".join(STAFF),
    )


LOGOUT_REQUEST = (
    '<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" '
    'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="LR-{id}" Version="2.0" '
    'IssueInstant="{at}"><saml:NameID>{account}</saml:NameID>'
    "<samlp:SessionIndex>{ticket}</samlp:SessionIndex></samlp:LogoutRequest>"
)
