"""A screen without a key requests pairing, and polls the result."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from handlers.http.api_routes import ApiRoutes
from handlers.http.authentication import client_address, enforce_rate_limit, network_of
from handlers.http.browser_name import browser_name
from handlers.http.endpoint import Access, ApiRequest
from handlers.http.keys import REFERENCE
from handlers.http.language import library_language
from handlers.http.rendering import render_page
from handlers.kiosks.schemas import PairingOut, PairingStateOut, PairingStateRequest
from handlers.texts.check_words import CHECK_WORD_TEXT
from models.kernel.errors import NotFound
from models.kiosks.pairing import KioskPairing
from models.storage.rate_limiter import RateLimit

routes = ApiRoutes()


PAIRINGS: Final = RateLimit("pairing", capacity=20, per_second=1 / 30)
"""The rate limit of pairing requests for one network address and kind of browser. Each kind is
counted alone, so that strangers at a screen's address seldom use up the screen's limit. After a
power cut, all screens of a building may send a request within seconds."""


async def page(request: web.Request) -> web.StreamResponse:
    language = library_language(request.app[REFERENCE].profile)
    return render_page(request, "kiosks/pairing.html", page_language=language)


@routes.post(
    "/kiosk-pairings",
    "Start pairing a screen with a kiosk: get a code for an administrator to enter",
    Access.ANYONE,
    status=201,
)
async def ask_for_pairing(call: ApiRequest) -> PairingOut:
    """Creates a pairing request for the screen that calls. Raises: Throttled, Busy."""
    address, browser = client_address(call.request), browser_name(call.request)
    network = network_of(address)
    await enforce_rate_limit(call.request, PAIRINGS, f"{network} {browser}")
    secret, request = await call[KioskPairing].ask(browser, address, network, call.now)
    return PairingOut(
        secret=secret,
        code=request.code,
        check_word=CHECK_WORD_TEXT[request.check_word],
        expires_at=call.zone.local(request.expires_at),
    )


@routes.post(
    "/kiosk-pairings/state",
    "Get the state of a pairing, and the kiosk once it is confirmed",
    Access.ANYONE,
    errors=(NotFound,),
)
async def pairing_state(call: ApiRequest, body: PairingStateRequest) -> PairingStateOut:
    """The state of the pairing request with the secret in ``body``. Raises: NotFound."""
    request = await call[KioskPairing].of_screen(body.secret, call.now)
    return PairingStateOut(
        code=request.code,
        check_word=CHECK_WORD_TEXT[request.check_word],
        expires_at=call.zone.local(request.expires_at),
        kiosk_id=request.kiosk_id,
    )
