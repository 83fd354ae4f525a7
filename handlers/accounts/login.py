"""Sign-in and logout through the campus's sign-ons, and CAS single logout."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from bind.held_sign_ins import HELD_FOR, HeldSignIns
from bind.login_service import LoginService, SignIn
from bind.providers.base import Attempt, EntryRefused, EntryUnavailable, ExternalIdentity
from bind.providers.cas_xml import CasUnavailable, TicketInvalid, parse_logout
from bind.providers.oidc import ATTEMPT_LASTS
from bind.session_service import IssuedToken
from bind.sign_ons import CAS_ID, SignOn, SignOns
from handlers.accounts.keys import CAMPUS_APP
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
    forget_erasure,
    forget_session_cookie,
    give_cookie,
    give_session_cookie,
    secure_name,
    was_erased,
)
from handlers.http.errors import status_of
from handlers.http.forms import form_of
from handlers.http.keys import CLOCK, LOAD_SHEDDER, REFERENCE, SESSIONS, SITE, service_key
from handlers.http.language import named_language
from handlers.http.local_rate_limiter import raise_if_limited
from handlers.http.middleware import NOW
from handlers.http.pages import Handler, domain_error_page
from handlers.http.refusals import count_error
from handlers.http.rendering import render_page
from handlers.http.request_body import ANONYMOUS_BODY_BYTES
from handlers.http.return_to import (
    forget_return_url,
    is_own_path,
    remember_return_url,
    return_url,
)
from handlers.texts.errors import text_of
from handlers.texts.pages import SIGN_IN_HEADINGS, SIGN_IN_TEXT
from models.kernel.errors import ClockWrong, DomainError, Malformed, NotFound, Unauthenticated
from models.outages.monitor import OutageMonitor

log = logging.getLogger(__name__)
SERVICE_PATH: Final = "/login/cas"
OIDC_PATH: Final = "/login/oidc/"
ENTRY_PATH: Final = "/entry"
_ENTRY: Final = "entry"
"""Stored as the provider of a sign-in attempt that came from the campus app. Other attempts
store the id of their sign-on."""
_ATTEMPT_SECONDS: Final = int(ATTEMPT_LASTS.total_seconds())


def login_routes() -> list[web.RouteDef]:
    return [
        web.get("/login", _sign_in(login, _queue_of(_chosen))),
        web.get(SERVICE_PATH, _sign_in(sign_on_answer, _queue_of(_answering))),
        web.get(f"{OIDC_PATH}{{provider}}", _sign_in(sign_on_answer, _queue_of(_answering))),
        web.post(SERVICE_PATH, single_logout),
        web.post("/login/confirm", _sign_in(confirm_sign_in)),
        web.get(ENTRY_PATH, _sign_in(campus_entry, lambda _: _ENTRY)),
        web.post("/logout", logout),
    ]


def _sign_in(
    handler: Handler, waits_for: Callable[[web.Request], str | None] = lambda _: None
) -> Handler:
    """Wraps a handler of a sign-in: limits the rate by client address, and renders refusals as a
    page. ``waits_for`` returns the external service in whose queue the request waits, or None."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            await enforce_rate_limit(request, SIGN_INS, client_address(request))
            which = waits_for(request)
            if which is None:
                return await handler(request)
            async with request.app[LOAD_SHEDDER].sign_ons(which):
                return await handler(request)
        except DomainError as error:
            return domain_error_page(request, error)

    return handle


def _queue_of(find: Callable[[web.Request], SignOn | None]) -> Callable[[web.Request], str | None]:
    """Returns a function that names a request's queue by the id of the sign-on that ``find``
    returns for the request. The name is None if ``find`` returns None."""

    def name(request: web.Request) -> str | None:
        sign_on = find(request)
        return sign_on.id if sign_on is not None else None

    return name


def _chosen(request: web.Request) -> SignOn | None:
    """The chosen sign-on, or the only one; None if there are several and none is chosen."""
    sign_ons = request.app[service_key(SignOns)]
    chosen = sign_ons.get(request.query.get("with", ""))
    return chosen if chosen is not None or len(sign_ons) > 1 else sign_ons.first


def _answering(request: web.Request) -> SignOn | None:
    """The sign-on that redirected the browser back to this service; None for an unknown id."""
    return request.app[service_key(SignOns)].get(request.match_info.get("provider", CAS_ID))


async def welcome(request: web.Request) -> web.Response:
    which = "welcome" if request.app[SITE].wechat else "welcome_without_wechat"
    return _message(request, 200, *SIGN_IN_TEXT[which])


async def login(request: web.Request) -> web.Response:
    """Redirects to the chosen or only sign-on, or lists the sign-ons if none is chosen. Forces a
    new authentication for a reader who has just erased their data."""
    sign_on = _chosen(request)
    if sign_on is None:
        return _message(request, 200, *SIGN_IN_TEXT["several"])
    return await _begin_at(request, sign_on)


async def _begin_at(request: web.Request, sign_on: SignOn) -> web.Response:
    renew = request.query.get("renew") == "1" or was_erased(request)
    attempt = Attempt.begin(sign_on.id, renew=renew)
    try:
        away = await sign_on.provider.authorization_url(attempt)
    except EntryUnavailable as error:
        return await _sign_on_fails(request, sign_on, error)
    assert away is not None  # a sign-on always has a page to redirect to
    return _begin(request, away, attempt)


async def sign_on_answer(request: web.Request) -> web.Response:
    """Signs in the browser that a sign-on redirects back. Wrong tickets and codes are not
    counted as guesses: real ones have 128 random bits, and a campus may share an IP address."""
    sign_on = _answering(request)
    if sign_on is None:
        raise NotFound()
    if not request.app[CLOCK].trusted:
        return _refusal(request, ClockWrong())
    attempt = _attempt_of(request, sign_on.id)
    try:
        user = await sign_on.provider.authenticate(request.query, attempt)
    except (TicketInvalid, EntryRefused) as error:
        count_error(request, error)
        return _message(request, 401, *SIGN_IN_TEXT["ticket_refused"])
    except (CasUnavailable, EntryUnavailable) as error:
        return await _sign_on_fails(request, sign_on, error)
    request.app[service_key(SignOns)].note(sign_on.id, failed=False)
    who = _sign_in_of(request, user, sign_on)
    if user.unasked:
        return _ask_first(request, who)
    renew = attempt is not None and attempt.renew
    before = await signed_in(request, request[NOW]) if renew else None
    if before is not None:
        until = await request.app[service_key(LoginService)].renew(
            who, before.session, request[NOW]
        )
        if until is not None:
            return _keep_session(request, until)
    return await _open_session(
        request, request.app[service_key(LoginService)].sign_in(who, request[NOW]), attempt
    )


async def _sign_on_fails(
    request: web.Request, sign_on: SignOn, error: CasUnavailable | EntryUnavailable
) -> web.Response:
    sign_ons = request.app[service_key(SignOns)]
    count_error(request, error)
    is_outage = not isinstance(error, EntryUnavailable) or error.is_seen
    if is_outage and not sign_ons.is_failing(sign_on.id):
        # Logged once per outage, since every reader on campus meets it.
        reason = str(error.details.get("reason", ""))
        log.warning("sign_on_failed", extra={"sign_on": sign_on.id, "reason": reason})
    if is_outage:
        sign_ons.note(sign_on.id, failed=True)
    if is_outage and not sign_on.realm:
        await request.app[service_key(OutageMonitor)].record_cas_failure(request.app[CLOCK].now())
    which = "another_fails" if len(sign_ons) > 1 else "cas_unavailable"
    response = _message(request, 503, *SIGN_IN_TEXT[which])
    response.headers["Retry-After"] = str(error.retry_after)
    return response


def _sign_in_of(
    request: web.Request, user: ExternalIdentity, sign_on: SignOn | None = None
) -> SignIn:
    return SignIn(
        user.number,
        user.name,
        user.kind,
        user.ticket,
        user.groups,
        browser_name(request),
        sign_on.attributes(user) if sign_on is not None else None,
        user.email,
        sign_on.id if sign_on is not None else "",
        sign_on.realm if sign_on is not None else "",
        user.sign_on,
        user.second_factor,
        named_language(request),
    )


def _keep_session(request: web.Request, until: datetime) -> web.Response:
    """Extends the browser's session cookie to ``until``, and redirects to the page where the
    reader began. A half-written form on that page can then still be sent."""
    response = _redirect(return_url(request))
    forget_return_url(request, response)
    token = request.cookies.get(request.app[SITE].session_cookie)
    if token is not None:  # missing if a header carried the token
        give_session_cookie(request, response, token, request[NOW], until)
    return response


async def campus_entry(request: web.Request) -> web.Response:
    """Signs in a reader who comes from the campus app, which needs no password; asks first where a
    reader was just erased. A reader with a session goes on to the page in ``next``."""
    if await signed_in(request, request[NOW]) is not None:
        target = request.query.get("next", "")
        return _redirect(target if is_own_path(target) else "/")
    if not request.app[CLOCK].trusted:
        return _refusal(request, ClockWrong())
    provider = request.app[CAMPUS_APP]
    if provider is None:
        return await _begin_at(request, request.app[service_key(SignOns)].first)
    begun = Attempt.begin(_ENTRY)
    try:
        away = await provider.authorization_url(begun)
        if away is not None and "code" not in request.query:
            return _begin(request, away, begun)
        attempt = _attempt_of(request, _ENTRY)
        user = await provider.authenticate(request.query, attempt)
    except (EntryRefused, EntryUnavailable) as error:
        return _refusal(request, error)
    who = _sign_in_of(request, user)
    if user.unasked or was_erased(request):
        return _ask_first(request, who)
    return await _open_session(
        request, request.app[service_key(LoginService)].sign_in(who, request[NOW]), attempt
    )


def _ask_first(request: web.Request, who: SignIn) -> web.Response:
    """Renders the page 以 张* 登录？ to ask for confirmation. A cookie ties it to this browser."""
    held = request.app[service_key(HeldSignIns)].hold(who, request[NOW])
    name, number = who.masked
    response = render_page(
        request,
        "accounts/confirm_sign_in.html",
        name=name,
        number=number,
        held=held.text,
        erased=was_erased(request),
    )
    cookie = secure_name(request, "seat_held")
    give_cookie(request, response, cookie, held.holder, int(HELD_FOR.total_seconds()))
    return response


async def confirm_sign_in(request: web.Request) -> web.Response:
    require_own_origin(request)
    form = await form_of(request, ANONYMOUS_BODY_BYTES)
    held = form.get("held")
    if not isinstance(held, str):
        raise Malformed("held", "missing")
    holder = request.cookies.get(secure_name(request, "seat_held"), "")
    return await _open_session(request, _confirmed(request, held, holder), None)


async def _confirmed(request: web.Request, held: str, holder: str) -> IssuedToken:
    who = await request.app[service_key(HeldSignIns)].release(held, holder, request[NOW])
    return await request.app[service_key(LoginService)].sign_in(who, request[NOW])


def _begin(request: web.Request, sign_on: str, attempt: Attempt) -> web.Response:
    """Redirects to the URL ``sign_on``. A cookie ties the sign-in attempt to this browser."""
    response = _redirect(sign_on)
    remember_return_url(request, response)
    begin_sign_in(request, response, attempt.state)
    give_cookie(request, response, _attempt_cookie(request), str(attempt), _ATTEMPT_SECONDS)
    return response


def _attempt_of(request: web.Request, provider: str) -> Attempt | None:
    """The sign-in attempt that this browser began at ``provider``; None if there is none."""
    attempt = Attempt.parse(request.cookies.get(_attempt_cookie(request), ""))
    return attempt if attempt is not None and attempt.provider == provider else None


def _attempt_cookie(request: web.Request) -> str:
    return secure_name(request, "seat_state")


async def _open_session(
    request: web.Request, signing_in: Awaitable[IssuedToken], attempt: Attempt | None
) -> web.Response:
    """Completes a sign-in: sets the new session's cookie, ends the browser's previous session,
    and redirects to the page where the reader began."""
    clock, sessions = request.app[CLOCK], request.app[SESSIONS]
    try:
        issued = await signing_in
    except EntryRefused as error:
        return _refusal(request, error)
    except Unauthenticated as error:
        count_error(request, error)
        return _message(request, 401, *SIGN_IN_TEXT["logged_out_elsewhere"])
    if (before := await signed_in(request, request[NOW])) is not None:
        await sessions.close(before.session)
    response = _redirect(return_url(request))
    forget_return_url(request, response)
    forget_erasure(request, response)
    if (name := _attempt_cookie(request)) in request.cookies:
        response.del_cookie(name, path="/", secure=request.app[SITE].secure_cookies)
    state = attempt.state if attempt is not None else ""
    finish_sign_in(request, response, state, sessions.id_of(issued.token))
    give_session_cookie(request, response, issued.token, clock.now(), issued.expires_at)
    return response


async def single_logout(request: web.Request) -> web.Response:
    """Ends the session that was opened with a CAS ticket. The CAS server calls, not a browser,
    so no Origin is required. A ticket without a session is stored (rate-limited by client
    address): its sign-in may still be in progress, and must then open no session."""
    if request.app[service_key(SignOns)].get(CAS_ID) is None:
        raise NotFound()
    load_shedder, address = request.app[LOAD_SHEDDER], client_address(request)
    raise_if_limited(load_shedder.addresses.wait_for(address))
    form = await form_of(request, ANONYMOUS_BODY_BYTES)
    sent = form.get("logoutRequest")
    if not isinstance(sent, str):
        raise Malformed("logoutRequest", "missing")
    ticket = parse_logout(sent)
    async with load_shedder.door:
        if not await request.app[SESSIONS].end_ticket(ticket):
            await enforce_rate_limit(request, UNKNOWN_LOGOUTS, address)
            await request.app[SESSIONS].close_ticket(ticket, request.app[CLOCK].now())
    return web.Response(status=204)


async def logout(request: web.Request) -> web.Response:
    """Ends the reader's session in this service and at the sign-on that opened it."""
    require_own_origin(request)
    principal, sign_ons = await signed_in(request, request[NOW]), request.app[service_key(SignOns)]
    sign_on: SignOn | None = sign_ons.first
    if principal is not None:
        await request.app[SESSIONS].close(principal.session)
        sign_on = sign_ons.get(principal.session.provider or CAS_ID)
    home = request.app[SITE].public_base_url + "/"
    away = await sign_on.provider.logout_url(home) if sign_on is not None else None
    response = _redirect(away or home)
    forget_session_cookie(request, response)
    return response


def _redirect(to: str) -> web.Response:
    return web.Response(status=302, headers={"Location": to, "Cache-Control": "no-store"})


def _refusal(request: web.Request, error: DomainError) -> web.Response:
    count_error(request, error)
    campus_app = request.app[REFERENCE].profile.campus_app
    text = text_of(error.code, {**error.details, "campus_app": campus_app})
    heading = SIGN_IN_HEADINGS[error.code].format(campus_app=campus_app)
    return _message(request, status_of(type(error)), heading, text)


def _message(request: web.Request, status: int, heading: str, text: str) -> web.Response:
    sign_ons = request.app[service_key(SignOns)]
    return_query = {"next": request.query.get("next") or return_url(request)}
    if "renew" in request.query:
        return_query["renew"] = request.query["renew"]
    ways = [
        {
            "name": one.name,
            "href": f"/login?{urlencode({'with': one.id, **return_query})}",
            "fails": sign_ons.is_failing(one.id),
        }
        for one in sign_ons
    ]
    return render_page(
        request, "accounts/welcome.html", status=status, heading=heading, text=text, ways=ways
    )
