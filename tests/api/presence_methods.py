"""The presence sources of a venue and the recorded proofs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from models.library.entities import PresenceSource, VenueId
from models.reservations.presence import PresenceMethod
from tests.living import Living

VENUE: Final = VenueId("library")


async def nothing_proves(service: Living) -> None:
    """Removes all of the venue's proofs, as in one whose kiosks were never switched on."""
    await service.db["presence_methods"].delete_many({"_id": VENUE})


async def proofs(service: Living) -> dict[PresenceMethod, datetime]:
    return (await service.inside.stored.presence_methods.last_proofs())[VENUE]


async def choose(service: Living, *sources: PresenceSource) -> None:
    """Sets the presence sources of the venue."""
    venue = service.inside.reference.catalog.venues[VENUE]
    new = replace(venue, presence_sources=frozenset(sources), rev=venue.rev + 1)
    assert await service.inside.stored.catalogs.replace_venue(new)
    await service.inside.reference.refresh()
