"""Refusals, counted by their code; those of access and of guesses stand in the security log."""

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
"""Refused as a rule is, with 422, and yet somebody may be trying what is another's."""


def count_error(request: web.Request, error: DomainError) -> None:
    """Count a refusal by its code, whether the API or a page shows it."""
    count_refusal(request, error.code, status_of(type(error)))


def count_refusal(request: web.Request, code: str, status: int, reason: str = "") -> None:
    """The same for a refusal that is no error of the service's own; ``reason`` is one static
    sentence."""
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
    """The kind of the session that the request has shown, or the program by its id; ``none`` where
    neither is known."""
    try:
        id = session_id(request)
    except Unauthenticated:
        return "none"
    known = request.app[SESSIONS].cached(id, request.app[CLOCK].now())
    if known is None:
        return "none"
    return known.program.actor_id if known.program is not None else known.session.kind.value
