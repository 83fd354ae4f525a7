"""A second venue beside the demo library, whose names are unlike those of the first."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from aiohttp import web

from handlers.http.keys import REFERENCE
from miniapp_server.keys import RESOURCES
from models.library.entities import Area, AreaId, PresenceSource, Seat, SeatId, Venue, VenueId
from models.library.transitions import retire
from models.reservations.presence import PresenceMethod

JURIDICUM: Final = VenueId("juridicum")
LESESAAL: Final = AreaId("jur-lesesaal")
_CARREL: Final = Seat(SeatId("jur-lesesaal-c3"), LESESAAL, "Carrel 3", 40, 40, power=True)
_BASEMENT: Final = AreaId("jur-basement")


async def retire_second_venue(app: web.Application) -> None:
    """Leaves the library with its first venue, as most libraries are."""
    catalogs, catalog = app[RESOURCES].repositories.catalogs, app[REFERENCE].catalog
    for area in (area for area in catalog.areas.values() if area.venue_id == JURIDICUM):
        assert await catalogs.replace_area(retire(area))
    venue = catalog.venues[JURIDICUM]
    assert await catalogs.replace_venue(replace(venue, retired=True, rev=venue.rev + 1))
    await app[REFERENCE].refresh()


async def add_second_venue(app: web.Application) -> None:
    """Adds Juridicum with Lesesaal A (A-1-01 to A-1-12 and Carrel 3) and, on the floor below,
    A区. No kiosk or gate stands there: readers check in at the desk."""
    numbered = (
        Seat(
            SeatId(f"jur-a-1-{n:02}"), LESESAAL, f"A-1-{n:02}", 40 + 60 * (n % 6), 120 + n // 6 * 80
        )
        for n in range(1, 13)
    )
    hall = Area(LESESAAL, JURIDICUM, "Lesesaal A", 1, 0, 480, 360, (*numbered, _CARREL), ())
    seat = replace(_CARREL, id=SeatId("jur-basement-1"), area_id=_BASEMENT, number="1")
    room = replace(hall, id=_BASEMENT, name="A区", floor=0, seats=(seat,))
    venue = Venue(JURIDICUM, "Juridicum", frozenset({PresenceSource.DESK}), order=1)
    resources = app[RESOURCES]
    await resources.repositories.catalogs.add_missing([venue], [hall, room], [])
    await resources.repositories.presence_methods.put(
        JURIDICUM, PresenceMethod.DESK, resources.clock.now()
    )
    await app[REFERENCE].refresh()
