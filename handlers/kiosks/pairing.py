"""A screen without a key asks to be paired, and fetches the answer."""

from __future__ import annotations

import ipaddress
from typing import Final

from aiohttp import web

from handlers.http.api_routes import ApiRoutes
from handlers.http.authentication import client_address, enforce_rate_limit
from handlers.http.browser_name import browser_name
from handlers.http.endpoint import Access, ApiRequest
from handlers.http.rendering import render_page
from handlers.kiosks.schemas import PairingOut, PairingStateOut, PairingStateRequest
from handlers.texts.check_words import CHECK_WORD_TEXT
from models.kernel.errors import NotFound
from models.kernel.time_range import to_local
from models.kiosks.pairing import KioskPairing
from models.storage.rate_limiter import RateLimit

routes = ApiRoutes()


PAIRINGS: Final = RateLimit("pairing", capacity=20, per_second=1 / 30)
"""Requests from one address by one kind of browser: a screen behind the same address as a stranger
is seldom of their kind. It needs one in ten minutes; after a power cut all screens of a building
may come at once, perhaps by one address."""
_NETWORK_V6: Final = 64


async def page(request: web.Request) -> web.StreamResponse:
    """A screen that is no kiosk's yet: its script asks for a code and shows it."""
    return render_page(request, "kiosks/pairing.html")


@routes.post(
    "/kiosk-pairings",
    "A screen without a key gets a code, by which an administrator makes it a kiosk's",
    Access.ANYONE,
    status=201,
)
async def ask_for_pairing(call: ApiRequest) -> PairingOut:
    """A code for the screen that asks. Raises: Throttled, Busy."""
    address, browser = client_address(call.request), browser_name(call.request)
    network = network_of(address)
    await enforce_rate_limit(call.request, PAIRINGS, f"{network} {browser}")
    secret, asked = await call[KioskPairing].ask(browser, address, network, call.now)
    return PairingOut(
        secret=secret,
        code=asked.code,
        check_word=CHECK_WORD_TEXT[asked.check_word],
        expires_at=to_local(asked.expires_at),
    )


@routes.post(
    "/kiosk-pairings/state",
    "Whether the screen with this secret is a kiosk's by now, and which one's",
    Access.ANYONE,
    errors=(NotFound,),
)
async def pairing_state(call: ApiRequest, body: PairingStateRequest) -> PairingStateOut:
    """What has become of the screen's request. Raises: NotFound."""
    asked = await call[KioskPairing].of_screen(body.secret, call.now)
    return PairingStateOut(
        code=asked.code,
        check_word=CHECK_WORD_TEXT[asked.check_word],
        expires_at=to_local(asked.expires_at),
        kiosk_id=asked.kiosk_id,
    )


def network_of(address: str) -> str:
    """What counts as one sender: an address, of IPv6 the network that one host commands."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if known.version == 4:
        return address
    return str(ipaddress.ip_network((known, _NETWORK_V6), strict=False))
