"""Times in which readers could not check in or return: their deadlines must not run then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from models.library.entities import Catalog, KioskId, PresenceSource, VenueId

MIN_DURATION: Final = timedelta(minutes=2)
"""A shorter one moves nothing."""
RETIRED_AFTER: Final = timedelta(days=3)
"""A kiosk that has not been seen for longer is not there any more."""
CAS: Final = "cas"


@dataclass(frozen=True, slots=True)
class Outage:
    """``what`` is ``cas``, or ``kiosks:<venue>`` where no kiosk of the venue is seen. ``end`` is
    None while it lasts."""

    component: str
    start: datetime
    end: datetime | None = None

    @property
    def venue_id(self) -> VenueId | None:
        """Where; None for everywhere."""
        kind, _, venue = self.component.partition(":")
        return VenueId(venue) if kind == "kiosks" else None

    def is_significant(self, now: datetime) -> bool:
        return (self.end or now) - self.start > MIN_DURATION


def observed_until(screens: Iterable[datetime], now: datetime) -> datetime:
    """Until when a venue's kiosks were seen, when their ``screens`` last were. At most GRACE back:
    then it is an outage, or nobody expects them to be seen. ``now`` where there are none."""
    living = [seen for seen in screens if now - seen < RETIRED_AFTER]
    return max(min(max(living), now), now - MIN_DURATION) if living else now


def screens_of(
    catalog: Catalog, last_seen: Mapping[KioskId, datetime]
) -> Mapping[VenueId, Sequence[datetime]]:
    """When the kiosks' screens were last seen, by venue; of venues whose kiosks prove presence."""
    found: dict[VenueId, list[datetime]] = {}
    for id, seen in last_seen.items():
        # One that was added, retired or deleted a moment ago may be missing here.
        kiosk = catalog.kiosks.get(id)
        venue = catalog.venues[kiosk.venue_id] if kiosk is not None else None
        if venue is not None and PresenceSource.KIOSK in venue.presence_sources:
            found.setdefault(venue.id, []).append(seen)
    return found


def kiosk_outage_key(venue_id: VenueId) -> str:
    return f"kiosks:{venue_id}"
