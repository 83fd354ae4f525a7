"""All API operations. OpenAPI is generated from these tables."""

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
from handlers.parties import api as parties_api
from handlers.policy import api as policy_api
from handlers.reservations import api as reservations_api
from handlers.reservations import staff_api as reservations_staff_api
from handlers.room_blocks import staff_api as room_blocks_staff_api
from handlers.rooms import api as rooms_api
from handlers.rooms import staff_api as rooms_staff_api
from handlers.seasons import api as seasons_api
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
    *parties_api.routes,
    *rooms_api.routes,
    *seasons_api.routes,
    *seat_reports_api.routes,
    *fault_reports_api.routes,
    *favourites_api.routes,
    *email_addresses_api.routes,
    *calendar_feed_api.routes,
    *violations_api.routes,
    *staff_api.routes,
    *reservations_staff_api.routes,
    *rooms_staff_api.routes,
    *room_blocks_staff_api.routes,
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
"""Paths that exist only if the library has a mini-program."""
MAIL_ONLY: Final = frozenset(PREFIX + route.path for route in email_addresses_api.routes)
"""Paths that exist only if the library sends mail."""


_MOST_ASKED: Final = "/areas/{id}/map"
"""The most requested path. It is registered first, because aiohttp tries similar paths in order."""


@dataclass(frozen=True, slots=True)
class Served:
    """The library's channels to its readers. They decide which pages and API operations exist."""

    channels: frozenset[Channel]

    @property
    def wechat(self) -> bool:
        return Channel.WECHAT in self.channels

    def has(self, path: str) -> bool:
        mail = Channel.EMAIL in self.channels
        return (self.wechat or path not in WECHAT_ONLY) and (mail or path not in MAIL_ONLY)


def api_routes() -> list[web.RouteDef]:
    most_asked_first = sorted(ROUTES, key=lambda route: route.path != _MOST_ASKED)
    return [
        web.route(route.method, PREFIX + route.path, handler(route), name=route.name)
        for route in most_asked_first
    ]


def document(routes: Sequence[Endpoint] = ROUTES) -> dict[str, Any]:
    # ``GateEventIn`` is only part of a batch, so no operation takes it directly.
    return add_webhooks(openapi.document(routes, PREFIX, (GateEventIn,)))


@cache
def docs_routes(served: Served) -> list[web.RouteDef]:
    routes = [route for route in ROUTES if served.has(PREFIX + route.path)]
    return openapi.docs_routes(document(routes), PREFIX)
