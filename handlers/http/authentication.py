"""The caller of a request: session or API token, own origin, client address, rate limits."""

from __future__ import annotations

import ipaddress
from datetime import datetime
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.hdrs import AUTHORIZATION

from handlers.http.keys import CLOCK, RATE_LIMITER, REFERENCE, SESSIONS, SITE, Network
from models.identity.api_tokens import TOKEN_PREFIX, ApiToken
from models.identity.entities import Principal, SessionKind
from models.identity.errors import NotBound, SecondFactorRequired, SignInAgain
from models.identity.roles import Role
from models.kernel.errors import BadOrigin, ClockWrong, Forbidden, Throttled, Unauthenticated
from models.readers.entities import Reader
from models.storage.rate_limiter import RateLimit

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
WRITES: Final = RateLimit("write", capacity=60, per_second=2)
"""The rate limit of a reader's changes: after a burst of 60, two a second."""
BOOKINGS: Final = RateLimit("book", capacity=10, per_second=0.5)
"""Limits a reader's attempts to get a seat, on all channels: enough by hand, not for a script."""
QUESTIONS: Final = RateLimit("question", capacity=5, per_second=1 / 600)
"""The rate limit of a reader's messages to the library, which a person has to read."""
SIGN_INS: Final = RateLimit("sign-in", capacity=1000, per_second=100)
"""The rate limit of sign-ins from one client address, which a whole campus may share."""
UNKNOWN_LOGOUTS: Final = RateLimit("logout", capacity=300, per_second=5)
"""The rate limit, by client address, of single logouts for tickets without a session. The
campus's CAS also sends such logouts for readers who have already signed out here."""
_AT_ONCE_S: Final = 10
"""After a pause, a program may send the requests of this many seconds in one burst."""
_NETWORK_V6: Final = 64
_WAYS: Final = {SessionKind.WX: "mini", SessionKind.WEB: "web", SessionKind.KIOSK: "kiosk"}


def session_id(request: web.Request) -> str:
    """The id of the session that the bearer token or the cookie was issued for; the session may
    have ended. Needs no database query. Raises: Unauthenticated."""
    return request.app[SESSIONS].id_of(_token(request))


def _token(request: web.Request) -> str:
    """The request's bearer token or session cookie. Raises: Unauthenticated if it has neither."""
    header = request.headers.get(AUTHORIZATION)
    if header is not None:
        if header[:7].lower() != "bearer ":
            raise Unauthenticated()
        token = header[7:].strip()
    else:
        token = request.cookies.get(request.app[SITE].session_cookie, "")
        if token.startswith(TOKEN_PREFIX):
            raise Unauthenticated()  # an API token is not accepted as a cookie
    if not token:
        raise Unauthenticated()
    return token


def recognise(request: web.Request, app: web.Application, now: datetime) -> Principal | None:
    """The session of the request's bearer token if this worker has cached it. Otherwise None,
    and the caller must use ``identify``. The cache saves a tenth of the time of a GET request."""
    header = request.headers.get(AUTHORIZATION)
    if header is None or header[:7] != "Bearer ":
        return None
    return app[SESSIONS].recognised(header[7:], now)


async def identify(request: web.Request, now: datetime, id: str = "") -> Principal:
    """The session and the reader or program of the request. ``id``: the ``session_id``, if the
    caller already has it. Raises: Unauthenticated, BadOrigin."""
    try:
        sessions = request.app[SESSIONS]
        id = id or sessions.id_of(_token(request))
        if request.method not in _SAFE and AUTHORIZATION not in request.headers:
            require_own_origin(request)
        principal = sessions.cached(id, now)
        return principal if principal is not None else await sessions.open(id, now)
    except Unauthenticated:
        if request.headers.get(AUTHORIZATION, "")[7:].strip().startswith(TOKEN_PREFIX):
            raise Unauthenticated(reason="token") from None  # a program cannot sign in again
        raise


async def signed_in(request: web.Request, now: datetime) -> Principal | None:
    """The session of a calling person; None for programs and visitors. Raises: BadOrigin."""
    try:
        principal = await identify(request, now)
    except Unauthenticated:
        return None
    return principal if principal.program is None else None


async def require_role(
    request: web.Request, principal: Principal, role: Role, now: datetime
) -> None:
    """Checks that the session has the staff role in some venue, was used recently, and has a
    second factor if the service requires one. Raises: Forbidden, SecondFactorRequired,
    SignInAgain."""
    zone = request.app[REFERENCE].zone
    session, rights = principal.session, principal.rights_at(zone, now)
    if rights is None and session.kind is SessionKind.WEB and principal.granted_on(zone, now):
        raise SignInAgain()  # the role was given after this sign-in
    if rights is None or not rights.role.covers(role):
        raise Forbidden()
    # With a wrong clock the role's age is not checked: staff must see the warning about it.
    if request.app[CLOCK].trusted and not await request.app[SESSIONS].use_role(session, now):
        raise SignInAgain()
    second_factor = session.role is not None and session.role.second_factor
    if request.app[SITE].staff_totp and not second_factor:
        raise SecondFactorRequired()


def require_clock(request: web.Request) -> None:
    """Raises: ClockWrong while the host's clock differs from MongoDB's."""
    if not request.app[CLOCK].trusted:
        raise ClockWrong()


def require_own_origin(request: web.Request) -> None:
    """Raises: BadOrigin if another site's page caused the request: browsers add the session
    cookie to such requests, too."""
    source = request.headers.get("Origin") or request.headers.get("Referer", "")
    ours = urlsplit(request.app[SITE].public_base_url)
    try:
        theirs = urlsplit(source)
    except ValueError:  # "//[" is no address
        raise BadOrigin() from None
    if (theirs.scheme, theirs.netloc) != (ours.scheme, ours.netloc):
        raise BadOrigin()


def bound_reader(principal: Principal) -> Reader:
    """The reader of the session. Raises: NotBound if the session is bound to no reader."""
    if principal.reader is None:
        raise NotBound()
    return principal.reader


def channel_of(principal: Principal) -> str:
    """The channel by which the session acts, for the reservation's history: mini, web or kiosk."""
    return _WAYS[principal.session.kind]


async def enforce_rate_limit(request: web.Request, bucket: RateLimit, key: str) -> None:
    """Counts one request of ``key`` (a reader or a client address) against the rate limit
    ``bucket``. Raises: Throttled if the limit is used up."""
    wait = await request.app[RATE_LIMITER].acquire(bucket, key)
    if wait > 0:
        raise Throttled(wait)


async def pace_program(request: web.Request, token: ApiToken, now: datetime) -> None:
    """Applies the rate limit of this API token and records its use. Raises: Throttled."""
    per_second = token.per_minute / 60
    limit = RateLimit("program", max(1.0, _AT_ONCE_S * per_second), per_second)
    await enforce_rate_limit(request, limit, token.id)
    await request.app[SESSIONS].use_api_token(token, now)


def client_address(request: web.Request) -> str:
    """The client's address. X-Forwarded-For counts only from configured proxies."""
    trusted = request.app[SITE].trusted_proxies
    address = request.remote or "unknown"
    if not trusted:
        return address
    # A proxy may add a header line after one that the client sent.
    lines = ",".join(request.headers.getall("X-Forwarded-For", []))
    forwarded = [part.strip() for part in lines.split(",")]
    while forwarded and is_among(address, trusted):
        candidate = forwarded.pop()
        if not _is_address(candidate):
            break
        address = candidate
    return address


def network_of(address: str) -> str:
    """The key under which rate limits count a client: its IPv4 address, or its IPv6 network,
    because one host can use all addresses of such a network."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if ip.version == 4:
        return address
    return str(ipaddress.ip_network((ip, _NETWORK_V6), strict=False))


@lru_cache(maxsize=1024)  # called for each request behind a proxy, with few addresses
def is_among(address: str, networks: tuple[Network, ...]) -> bool:
    return _is_address(address) and any(
        ipaddress.ip_address(address) in network for network in networks
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
