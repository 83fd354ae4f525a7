"""Every operation of the API. OpenAPI is made from these tables, so it cannot drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from aiohttp import web

from handlers.accounts import api as accounts_api
from handlers.accounts import scan_note as accounts_scan_note
from handlers.accounts import sessions as accounts_sessions
from handlers.calendar_feed import api as calendar_feed_api
from handlers.check_in import api as check_in_api
from handlers.display import occupancy as display_occupancy
from handlers.email_addresses import api as email_addresses_api
from handlers.fault_reports import api as fault_reports_api
from handlers.favourites import api as favourites_api
from handlers.gates import api as gates_api
from handlers.gates.schemas import GateEventIn
from handlers.http import openapi
from handlers.http.endpoint import Endpoint, handler
from handlers.kiosks import api as kiosks_api
from handlers.kiosks import pairing as kiosks_pairing
from handlers.messages import api as messages_api
from handlers.notices import api as notices_api
from handlers.policy import api as policy_api
from handlers.reservations import api as reservations_api
from handlers.reservations import staff_api as reservations_staff_api
from handlers.seat_map import api as seat_map_api
from handlers.seat_reports import api as seat_reports_api
from handlers.staff import api as staff_api
from handlers.statistics import staff_api as statistics_staff_api
from handlers.violations import api as violations_api
from handlers.waitlist import api as waitlist_api
from handlers.webhooks.openapi import add_webhooks
from models.messages.entities import Channel

PREFIX: Final = "/api/v1"
ROUTES: Final[tuple[Endpoint, ...]] = (
    *accounts_api.routes,
    *accounts_scan_note.routes,
    *accounts_sessions.routes,
    *messages_api.routes,
    *seat_map_api.routes,
    *notices_api.routes,
    *policy_api.routes,
    *reservations_api.routes,
    *check_in_api.routes,
    *waitlist_api.routes,
    *seat_reports_api.routes,
    *fault_reports_api.routes,
    *favourites_api.routes,
    *email_addresses_api.routes,
    *calendar_feed_api.routes,
    *violations_api.routes,
    *staff_api.routes,
    *reservations_staff_api.routes,
    *statistics_staff_api.routes,
    *gates_api.routes,
    *kiosks_pairing.routes,
    *kiosks_api.routes,
    *display_occupancy.routes,
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
MAIL_ONLY: Final = frozenset(PREFIX + route.path for route in email_addresses_api.routes)
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
