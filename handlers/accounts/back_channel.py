"""OpenID Connect Back-Channel Logout 1.0: a provider reports that a session has ended."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from bind.providers.base import EntryUnavailable
from bind.providers.oidc import OidcProvider
from bind.providers.oidc_tokens import LogoutToken, LogoutTokenInvalid
from bind.sign_ons import SignOns
from handlers.accounts.login import OIDC_PATH
from handlers.http.authentication import (
    UNKNOWN_LOGOUTS,
    client_address,
    enforce_rate_limit,
)
from handlers.http.forms import form_of
from handlers.http.keys import CLOCK, LOAD_SHEDDER, SESSIONS, service_key
from handlers.http.local_rate_limiter import raise_if_limited
from handlers.http.refusals import count_error
from handlers.http.request_body import ANONYMOUS_BODY_BYTES
from models.kernel.errors import NotFound, Unavailable

_NO_STORE: Final = {"Cache-Control": "no-store"}


def back_channel_routes() -> list[web.RouteDef]:
    return [web.post(f"{OIDC_PATH}{{provider}}/logout", back_channel_logout)]


async def back_channel_logout(request: web.Request) -> web.Response:
    """Ends the sessions that a provider's signed logout token names (specification, 2.5 to 2.8).
    The provider's server calls, not a browser, so neither Origin nor cookie is required. Invalid
    tokens are rate-limited by client address."""
    provider = request.app[service_key(SignOns)].oidc(request.match_info["provider"])
    if provider is None:
        raise NotFound()
    load_shedder, address = request.app[LOAD_SHEDDER], client_address(request)
    raise_if_limited(load_shedder.addresses.wait_for(address))
    form = await form_of(request, ANONYMOUS_BODY_BYTES)
    sent = form.get("logout_token")
    async with load_shedder.sign_ons(f"logout {provider.settings.id}"):
        try:
            if not isinstance(sent, str):
                raise LogoutTokenInvalid("missing")
            token = await provider.read_logout(sent)
            await _end_sessions(request, provider, token)
        except (LogoutTokenInvalid, EntryUnavailable) as error:
            await enforce_rate_limit(request, UNKNOWN_LOGOUTS, address)
            count_error(request, error)
            answer = {"error": "invalid_request", "error_description": error.details["reason"]}
            return web.json_response(answer, status=400, headers=_NO_STORE)
    return web.Response(headers=_NO_STORE)


async def _end_sessions(request: web.Request, provider: OidcProvider, token: LogoutToken) -> None:
    sessions = request.app[SESSIONS]
    try:
        if token.sid:
            await sessions.close_ticket(provider.ticket_of(token.sid), request.app[CLOCK].now())
        else:
            await sessions.close_subject(provider.settings.id, token.sub, token.at)
    except Unavailable:
        await provider.forget_logout(token)
        raise
