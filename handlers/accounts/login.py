"""Signing in and out with the campus, and single logout."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable
from datetime import datetime
from typing import Final

from aiohttp import web

from bind.login_service import SignIn
from bind.providers.base import LoginRejected, ProviderUnavailable
from bind.providers.cas_client import STATE
from bind.providers.cas_xml import CasUnavailable, TicketRefused, parse_logout
from bind.session_service import IssuedToken
from handlers.accounts.scan_note import begin_sign_in, finish_sign_in
from handlers.http.authentication import (
    SIGN_INS,
    UNKNOWN_LOGOUTS,
    client_address,
    enforce_rate_limit,
    require_own_origin,
    signed_in,
)
from handlers.http.browser_name import browser_name
from handlers.http.cookies import (
    forget_session_cookie,
    give_cookie,
    give_session_cookie,
)
from handlers.http.errors import status_of
from handlers.http.forms import form_of
from handlers.http.keys import CLOCK, LOAD_SHEDDER, REFERENCE, SESSIONS, SITE
from handlers.http.local_rate_limiter import raise_if_limited
from handlers.http.middleware import NOW
from handlers.http.pages import Handler, domain_error_page
from handlers.http.refusals import count_error
from handlers.http.rendering import render_page
from handlers.http.request_body import ANONYMOUS_BODY_BYTES
from handlers.http.return_to import forget_return_url, remember_return_url, return_url
from handlers.keys import CAS, IDENTITY_PROVIDER, LOGINS, OUTAGES
from handlers.texts.errors import text_of
from handlers.texts.pages import SIGN_IN_HEADINGS, SIGN_IN_TEXT
from models.kernel.errors import ClockWrong, DomainError, InvalidRequest, Unauthenticated

SERVICE_PATH: Final = "/login/cas"
ENTRY_PATH: Final = "/entry"
_STATE: Final = "seat_state"
_STATE_SECONDS: Final = 600
_RENEW: Final = "renew."
"""Begins the state of a sign-in for which the password has to be typed."""


def login_routes() -> list[web.RouteDef]:
    """The addresses of signing in and out."""
    return [
        web.get("/login", login),
        web.get(SERVICE_PATH, _sign_in(cas_ticket)),
        web.post(SERVICE_PATH, single_logout),
        web.post("/login/confirm", _sign_in(confirm_sign_in)),
        web.get(ENTRY_PATH, _sign_in(campus_entry)),
        web.post("/logout", logout),
    ]


def _sign_in(handler: Handler) -> Handler:
    """The handler, limited by address and with a queue of its own: signing in waits for another
    service. A refusal is shown as a page."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            await enforce_rate_limit(request, SIGN_INS, client_address(request))
            async with request.app[LOAD_SHEDDER].campus_sign_ins:
                return await handler(request)
        except DomainError as error:
            return domain_error_page(request, error)

    return handle


def welcome(request: web.Request) -> web.Response:
    """The front page for visitors who are not signed in."""
    which = "welcome" if request.app[SITE].wechat else "welcome_without_wechat"
    return _message(request, 200, *SIGN_IN_TEXT[which])


async def login(request: web.Request) -> web.Response:
    """To the campus's sign-on. Who is signed in there comes back without being asked anything."""
    renew = request.query.get("renew") == "1"
    state = f"{_RENEW if renew else ''}{secrets.token_urlsafe(16)}"
    return _begin(request, request.app[CAS].login_url(state, renew=renew), state)


async def cas_ticket(request: web.Request) -> web.Response:
    """CAS sends the browser back with a ticket; the redirect takes it out of the address. One that
    this browser has not asked for may be anybody's: its reader is asked first.

    Tickets have 128 random bits, so their rate is limited and wrong ones are not counted: a whole
    campus shares an address.
    """
    if not request.app[CLOCK].trusted:
        return _refusal(request, ClockWrong())
    ticket, cas = request.query.get("ticket", ""), request.app[CAS]
    ours, theirs = request.cookies.get(_STATE, ""), request.query.get(STATE, "")
    try:
        user = await cas.validate(ticket, theirs, renew=ours.startswith(_RENEW))
    except TicketRefused as error:
        count_error(request, error)
        return _message(request, 401, *SIGN_IN_TEXT["ticket_refused"])
    except CasUnavailable:
        await request.app[OUTAGES].record_cas_failure(request.app[CLOCK].now())
        return _message(request, 503, *SIGN_IN_TEXT["cas_unavailable"])
    who = SignIn(
        user.user,
        user.name,
        user.kind,
        ticket,
        user.groups,
        browser_name(request),
        dict(user.attributes),
    )
    if not ours or (not cas.exact_service and not _same(ours, theirs)):
        return _ask_first(request, who)
    before = await signed_in(request, request[NOW]) if ours.startswith(_RENEW) else None
    if before is not None:
        until = await request.app[LOGINS].renew(who, before.session, request[NOW])
        if until is not None:
            return _keep_session(request, until)
    return await _open_session(request, request.app[LOGINS].sign_in(who, request[NOW]), ours)


def _keep_session(request: web.Request, until: datetime) -> web.Response:
    """The browser keeps the session that it has, until it ends now: what they were writing can
    still be sent."""
    response = _redirect(return_url(request))
    forget_return_url(request, response)
    token = request.cookies.get(request.app[SITE].session_cookie)
    if token is not None:  # and no header instead
        give_session_cookie(request, response, token, request[NOW], until)
    return response


async def campus_entry(request: web.Request) -> web.Response:
    """The way in from the campus app: nobody types a password. Who is signed in goes on at once."""
    if await signed_in(request, request[NOW]) is not None:
        return _redirect("/")
    if not request.app[CLOCK].trusted:
        return _refusal(request, ClockWrong())
    provider = request.app[IDENTITY_PROVIDER]
    proof = request.query.get(provider.proof, "") if provider.proof else ""
    state = secrets.token_urlsafe(16)
    begins_at = provider.authorization_url(state)
    if not proof and begins_at is not None:
        return _begin(request, begins_at, state)
    ours = request.cookies.get(_STATE, "")
    if begins_at is not None and not _same(ours, request.query.get("state", "")):
        proof = ""  # somebody else began this, and would sign the reader in as themselves
    try:
        user = await provider.authenticate(proof)
    except (LoginRejected, ProviderUnavailable) as error:
        return _refusal(request, error)
    who = SignIn(user.number, user.name, user.kind, f"entry {proof}", device=browser_name(request))
    if begins_at is None:
        return _ask_first(request, who)  # the campus's app sends tickets that nobody asked us for
    return await _open_session(request, request.app[LOGINS].sign_in(who, request[NOW]), ours)


def _ask_first(request: web.Request, who: SignIn) -> web.Response:
    """以 张* 登录？ The answer is a form, which no other site can send."""
    held = request.app[LOGINS].hold(who, request[NOW])
    name, number = who.masked
    return render_page(
        request, "accounts/confirm_sign_in.html", name=name, number=number, held=held
    )


async def confirm_sign_in(request: web.Request) -> web.Response:
    """The reader says that it is they who sign in."""
    require_own_origin(request)
    form = await form_of(request, ANONYMOUS_BODY_BYTES)
    held = form.get("held")
    if not isinstance(held, str):
        raise InvalidRequest("held", "missing")
    return await _open_session(request, request.app[LOGINS].confirm(held, request[NOW]), "")


def _begin(request: web.Request, sign_on: str, state: str) -> web.Response:
    """To the sign-on; the cookie proves afterwards that this browser began it."""
    response = _redirect(sign_on)
    remember_return_url(request, response)
    begin_sign_in(request, response, state)
    give_cookie(request, response, _STATE, state, _STATE_SECONDS)
    return response


def _same(ours: str, theirs: str) -> bool:
    return bool(ours) and hmac.compare_digest(ours.encode(), theirs.encode())


async def _open_session(
    request: web.Request, signing_in: Awaitable[IssuedToken], state: str
) -> web.Response:
    """The browser gets the session's cookie, and the note of a scan that ``state`` was begun with;
    the session that it had before ends."""
    clock, sessions = request.app[CLOCK], request.app[SESSIONS]
    try:
        issued = await signing_in
    except LoginRejected as error:
        return _refusal(request, error)
    except Unauthenticated as error:
        count_error(request, error)
        return _message(request, 401, *SIGN_IN_TEXT["logged_out_elsewhere"])
    if (before := await signed_in(request, request[NOW])) is not None:
        await sessions.close(before.session)
    response = _redirect(return_url(request))
    forget_return_url(request, response)
    if _STATE in request.cookies:
        response.del_cookie(_STATE, path="/")
    finish_sign_in(request, response, state, sessions.id_of(issued.token))
    give_session_cookie(request, response, issued.token, clock.now(), issued.expires_at)
    return response


async def single_logout(request: web.Request) -> web.Response:
    """CAS says that a ticket's session is over. No Origin: a server calls, naming a ticket.

    A ticket with a session always counts. One without may belong to a login that is under way, and
    is remembered; since anybody can make such tickets up, their rate is limited by address.
    """
    load_shedder, address = request.app[LOAD_SHEDDER], client_address(request)
    raise_if_limited(load_shedder.addresses.wait_for(address))
    form = await form_of(request, ANONYMOUS_BODY_BYTES)
    sent = form.get("logoutRequest")
    if not isinstance(sent, str):
        raise InvalidRequest("logoutRequest", "missing")
    ticket = parse_logout(sent)
    async with load_shedder.door:
        if not await request.app[SESSIONS].end_ticket(ticket):
            await enforce_rate_limit(request, UNKNOWN_LOGOUTS, address)
            await request.app[SESSIONS].close_ticket(ticket, request.app[CLOCK].now())
    return web.Response(status=204)


async def logout(request: web.Request) -> web.Response:
    """End our session, then the campus's."""
    require_own_origin(request)
    principal = await signed_in(request, request[NOW])
    if principal is not None:
        await request.app[SESSIONS].close(principal.session)
    response = _redirect(request.app[CAS].logout_url(request.app[SITE].public_base_url + "/"))
    forget_session_cookie(request, response)
    return response


def _redirect(to: str) -> web.Response:
    return web.Response(status=302, headers={"Location": to, "Cache-Control": "no-store"})


def _refusal(request: web.Request, error: DomainError) -> web.Response:
    """The page for a sign-in that is refused."""
    count_error(request, error)
    campus_app = request.app[REFERENCE].profile.campus_app
    text = text_of(error.code, {**error.details, "campus_app": campus_app})
    heading = SIGN_IN_HEADINGS[error.code].format(campus_app=campus_app)
    return _message(request, status_of(type(error)), heading, text)


def _message(request: web.Request, status: int, heading: str, text: str) -> web.Response:
    return render_page(request, "accounts/welcome.html", status=status, heading=heading, text=text)
