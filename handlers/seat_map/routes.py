"""Operations of the API: venues, areas, plans, seats."""

from __future__ import annotations

from typing import Final

from handlers.http.endpoint import Access, get
from handlers.seat_map import api, schemas
from models.identity.api_tokens import Scope
from models.kernel.errors import NotFound
from models.policy.errors import FilterDisabled
from models.reservations.errors import BeyondBookingWindow, NotATimeStep, StartInPast

_DAY: Final = (StartInPast, BeyondBookingWindow)
ROUTES: Final = (
    get(
        "/catalog",
        api.catalog,
        "Venues, areas and seats: what does not change with the hour",
        Access.SESSION,
        scope=Scope.CATALOG_READ,
    ),
    get(
        "/venues",
        api.list_venues,
        "Venues and their bookable days",
        Access.SESSION,
        at_kiosk=True,
        scope=Scope.CATALOG_READ,
    ),
    get(
        "/areas",
        api.list_areas,
        "Areas with their free seats",
        Access.SESSION,
        answer=schemas.AreasOut,
        cached=True,
        errors=(*_DAY, FilterDisabled),
        at_kiosk=True,
        scope=Scope.OCCUPANCY_READ,
    ),
    get(
        "/forecast",
        api.forecast,
        "How many seats areas are expected to have left, with the usual error",
        Access.SESSION,
        errors=_DAY,
        at_kiosk=True,
        scope=Scope.OCCUPANCY_READ,
    ),
    get("/proposal", api.proposal, "One free seat that is proposed to the reader", errors=_DAY),
    get(
        "/areas/{id}/map",
        api.area_map,
        "The plan of an area",
        Access.SESSION,
        answer=schemas.SeatMapOut,
        cached=True,
        errors=(NotFound, *_DAY),
        at_kiosk=True,
        scope=Scope.OCCUPANCY_READ,
    ),
    get(
        "/areas/{id}/events",
        api.watch_area,
        "The plan as it changes: Server-Sent Events `seat`, and `version` after them",
        Access.SESSION,
        answer=schemas.SeatEvent,
        stream=True,
        errors=(NotFound, *_DAY),
        at_kiosk=True,
        scope=Scope.OCCUPANCY_READ,
    ),
    get(
        "/seats/{id}",
        api.seat_day,
        "A seat and its day",
        Access.SESSION,
        errors=(NotFound, *_DAY),
        at_kiosk=True,
        scope=Scope.OCCUPANCY_READ,
    ),
    get(
        "/seats/{id}/times",
        api.seat_times,
        "Free starts of a seat; with a start, its free ends",
        Access.SESSION,
        errors=(NotFound, NotATimeStep, *_DAY),
        at_kiosk=True,
        scope=Scope.OCCUPANCY_READ,
    ),
)
