from __future__ import annotations

from typing import Final

from aiohttp import web

from handlers.http.authentication import client_address, session_id
from handlers.http.errors import status_of
from handlers.http.keys import CLOCK, METRICS, SECURITY_LOG, SESSIONS
from handlers.http.routing import route_of
from models.identity.errors import ActivationCodeInvalid
from models.kernel.errors import DomainError, Unauthenticated
from models.kiosks.errors import QrInvalid
from models.readers.errors import CardUnknown

_OF_ACCESS: Final = frozenset({401, 403, 429})
_GUESSES: Final = frozenset({ActivationCodeInvalid.code, QrInvalid.code, CardUnknown.code})
"""Errors of status 422 that go to the security log, because the client may be guessing a code."""


def count_error(request: web.Request, error: DomainError) -> None:
    """Counts the error by code. Errors of access and guessed codes also go to the security log."""
    count_refusal(request, error.code, status_of(type(error)))


def count_refusal(request: web.Request, code: str, status: int, reason: str = "") -> None:
    """Counts a refusal that no exception reports. ``reason``: a fixed text for the security log."""
    request.app[METRICS].refusals.labels(code).inc()
    if status in _OF_ACCESS or code in _GUESSES:
        request.app[SECURITY_LOG].add(
            code, client_address(request), lambda: _facts(request, reason)
        )


def _facts(request: web.Request, reason: str) -> dict[str, str]:
    facts = {
        "method": request.method,
        "route": route_of(request),
        "session": _session_of(request),
    }
    return facts | ({"reason": reason} if reason else {})


def _session_of(request: web.Request) -> str:
    """For the security log: the kind of the request's session, or the id of a program. ``none``
    if this worker does not have the session in its cache."""
    try:
        id = session_id(request)
    except Unauthenticated:
        return "none"
    principal = request.app[SESSIONS].cached(id, request.app[CLOCK].now())
    if principal is None:
        return "none"
    return (
        principal.program.actor_id
        if principal.program is not None
        else principal.session.kind.value
    )
