"""Public occupancy: free seats by area, for other screens and programs, without a sign-in."""

from __future__ import annotations

import asyncio
from datetime import datetime
from hashlib import blake2b
from typing import Final

import msgspec
from aiohttp import web
from msgspec import UNSET

from handlers.display import schemas
from handlers.display.board import AreaRow, row_now
from handlers.display.made_once import MADE_EVERY_S, MadeOnce
from handlers.display.schemas import PublicAreaOut, PublicOccupancyOut, PublicOccupancyQuery
from handlers.http.api_routes import ApiRoutes
from handlers.http.cached_response import CachedBody
from handlers.http.endpoint import Access, ApiRequest
from handlers.seat_map.cache import SeatMapCache
from models.kernel.errors import NotFound
from models.kernel.time_range import floor_minute
from models.library.entities import Area, VenueId
from models.reference_data import ReferenceData
from models.seat_map.service import SeatMapService

routes = ApiRoutes()


FOR_EVERYBODY: Final = {
    # It has no personal data and does not depend on cookies, so any site may read it.
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": f"public, max-age={MADE_EVERY_S}",
}


class PublicOccupancy:
    """This worker's cached responses with public occupancy, computed from seat maps in memory."""

    def __init__(
        self, reference: ReferenceData, plans: SeatMapCache, seat_map: SeatMapService
    ) -> None:
        self._reference, self._plans, self._occupancy = reference, plans, seat_map.occupancy
        self._answers = MadeOnce(reference, self._make)

    async def of(self, venue_id: VenueId | None, now: datetime) -> CachedBody:
        """A response, at most five seconds old, for one venue or (None) for all that publish
        their occupancy. Raises: NotFound for another venue, or if none does."""
        public = self._public_venues(now)
        if not public or (venue_id is not None and venue_id not in public):
            raise NotFound()
        return await self._answers.get(venue_id, now)

    def _public_venues(self, now: datetime) -> set[VenueId]:
        reference, day = self._reference, self._reference.zone.day(now)
        ids = [venue.id for venue in reference.catalog.venues_in_use]
        return {id for id in ids if reference.policy_on(day, id).public_occupancy}

    async def _make(self, venue_id: VenueId | None, now: datetime) -> CachedBody:
        minute = floor_minute(now)
        today = await self._occupancy.get_day(self._reference.zone.day(minute))
        time_window = self._plans.window(None, None, None, minute)
        items, public = [], self._public_venues(now)
        for area in self._reference.catalog.bookable_areas:
            if venue_id in (None, area.venue_id) and area.venue_id in public:
                items.append(
                    self._area(
                        area, row_now(self._plans.plan(area, today, time_window, minute), minute)
                    )
                )
                await asyncio.sleep(0)  # evaluating all seats takes long: lets other tasks run
        at, language = self._reference.zone.local(minute), self._reference.profile.language
        content = msgspec.json.encode(PublicOccupancyOut(at, items, language))
        etag = blake2b(content, digest_size=12).hexdigest()
        return CachedBody(content, etag, headers=FOR_EVERYBODY)

    def _area(self, area: Area, row: AreaRow) -> PublicAreaOut:
        catalog = self._reference.catalog
        venue = catalog.venues[area.venue_id]
        return PublicAreaOut(
            id=area.id,
            **catalog.names_of(area),
            venue_id=area.venue_id,
            venue=venue.name,
            venue_names=dict(venue.names) or UNSET,
            state=row.state or ("reserved" if row.groups else "open"),
            seats_free=row.free,
            seats_total=row.total,
            opens_at=self._reference.zone.local_if_any(row.opens),
            reason=row.reason,
        )


PUBLIC_OCCUPANCY: Final = web.AppKey("public_occupancy", PublicOccupancy)


@routes.get(
    "/public/occupancy",
    "Get free seats by area; public, if the library has switched it on",
    Access.ANYONE,
    answer=schemas.PublicOccupancyOut,
    cached=True,
    errors=(NotFound,),
)
async def public_occupancy(call: ApiRequest, query: PublicOccupancyQuery) -> web.StreamResponse:
    venue_id = VenueId(query.venue) if query.venue is not None else None
    body = await call[PUBLIC_OCCUPANCY].of(venue_id, call.now)
    return body.answer(call.request)
