"""Every operation of the API. OpenAPI is made from these tables, so it cannot drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from aiohttp import web

from handlers.accounts import routes as accounts
from handlers.calendar_feed import routes as calendar_feed
from handlers.check_in import routes as check_in
from handlers.display import routes as display
from handlers.email_addresses import routes as email_addresses
from handlers.fault_reports import routes as fault_reports
from handlers.favourites import routes as favourites
from handlers.gates import routes as gates
from handlers.gates.schemas import GateEventIn
from handlers.http import openapi
from handlers.http.endpoint import Endpoint, handler
from handlers.http.openapi_webhooks import add_webhooks
from handlers.kiosks import routes as kiosks
from handlers.messages import routes as messages
from handlers.notices import routes as notices
from handlers.policy import routes as policy
from handlers.reservations import routes as reservations
from handlers.seat_map import routes as seat_map
from handlers.seat_reports import routes as seat_reports
from handlers.staff import api_routes as staff
from handlers.violations import routes as violations
from handlers.waitlist import routes as waitlist
from models.messages.entities import Channel

PREFIX: Final = "/api/v1"
ROUTES: Final[tuple[Endpoint, ...]] = (
    *accounts.ROUTES,
    *messages.ROUTES,
    *seat_map.ROUTES,
    *notices.ROUTES,
    *policy.ROUTES,
    *reservations.ROUTES,
    *check_in.ROUTES,
    *waitlist.ROUTES,
    *seat_reports.ROUTES,
    *fault_reports.ROUTES,
    *favourites.ROUTES,
    *email_addresses.ROUTES,
    *calendar_feed.ROUTES,
    *violations.ROUTES,
    *staff.ROUTES,
    *gates.ROUTES,
    *kiosks.ROUTES,
    *display.ROUTES,
)
WECHAT_ONLY: Final = frozenset(
    PREFIX + path
    for path in (
        "/wx/login",
        "/bindings",
        "/bindings/preview",
        "/bindings/current",
        "/binding-requests/current",
        "/binding-requests/{id}/confirm",
        "/binding-requests/{id}/refuse",
        "/activation-codes",
        "/subscriptions",
    )
)
"""Served only where the library has a mini-program."""
MAIL_ONLY: Final = frozenset(PREFIX + route.path for route in email_addresses.ROUTES)
"""Served only where the library sends mail."""


_MOST_ASKED: Final = "/areas/{id}/map"
"""Routes that begin alike are tried in the order in which they were added."""


@dataclass(frozen=True, slots=True)
class Served:
    """Says what is served in a library with these ``channels`` to its readers."""

    channels: frozenset[Channel]

    @property
    def wechat(self) -> bool:
        """Whether the library has a mini-program."""
        return Channel.WECHAT in self.channels

    def has(self, path: str) -> bool:
        """Whether the operation at the path is served."""
        mail = Channel.EMAIL in self.channels
        return (self.wechat or path not in WECHAT_ONLY) and (mail or path not in MAIL_ONLY)


def api_routes() -> list[web.RouteDef]:
    """All operations with their handlers; each route has its operation's name."""
    most_asked_first = sorted(ROUTES, key=lambda route: route.path != _MOST_ASKED)
    return [
        web.route(route.method, PREFIX + route.path, handler(route), name=route.name)
        for route in most_asked_first
    ]


def document(routes: Sequence[Endpoint] = ROUTES) -> dict[str, Any]:
    """The OpenAPI description of the routes."""
    # A batch of gate events names the shape of one, which no operation takes alone.
    return add_webhooks(openapi.document(routes, PREFIX, (GateEventIn,)))


@cache
def docs_routes(served: Served) -> list[web.RouteDef]:
    """``/openapi.json`` and ``/docs``, made once, of the routes that are served."""
    routes = [route for route in ROUTES if served.has(PREFIX + route.path)]
    return openapi.docs_routes(document(routes), PREFIX)
