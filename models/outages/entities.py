"""Outages: times in which readers could not check in or return, so that deadlines are extended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from models.library.entities import Catalog, KioskId, PresenceSource, VenueId

MIN_DURATION: Final = timedelta(minutes=2)
"""An outage must be longer than this to extend deadlines."""
RETIRED_AFTER: Final = timedelta(days=3)
"""A kiosk that was not seen for this long is regarded as removed."""
CAS: Final = "cas"


@dataclass(frozen=True, slots=True)
class Outage:
    """An outage of the sign-on (``component`` ``cas``) or of a venue's kiosks (``kiosks:<venue>``).
    ``end`` is None while it lasts."""

    component: str
    start: datetime
    end: datetime | None = None

    @property
    def venue_id(self) -> VenueId | None:
        """The venue whose kiosks are out; None for an outage that affects all venues."""
        kind, _, venue = self.component.partition(":")
        return VenueId(venue) if kind == "kiosks" else None

    def is_significant(self, now: datetime) -> bool:
        return (self.end or now) - self.start > MIN_DURATION


def observed_until(screens: Iterable[datetime], now: datetime) -> datetime:
    """The last instant at which one of a venue's kiosks was seen, but not before ``now`` minus
    MIN_DURATION. ``now`` if no kiosk was seen within RETIRED_AFTER. ``screens``: when each kiosk
    was last seen."""
    living = [last_seen for last_seen in screens if now - last_seen < RETIRED_AFTER]
    return max(min(max(living), now), now - MIN_DURATION) if living else now


def screens_of(
    catalog: Catalog, last_seen: Mapping[KioskId, datetime]
) -> Mapping[VenueId, Sequence[datetime]]:
    """For each venue that accepts kiosk codes as a proof of presence: when each of its kiosks
    was last seen. Venues without such a kiosk are left out."""
    screens: dict[VenueId, list[datetime]] = {}
    for id, at in last_seen.items():
        # The kiosk may be missing if it was added, retired or deleted a moment ago.
        kiosk = catalog.kiosks.get(id)
        venue = catalog.venues[kiosk.venue_id] if kiosk is not None else None
        if venue is not None and PresenceSource.KIOSK in venue.presence_sources:
            screens.setdefault(venue.id, []).append(at)
    return screens


def kiosk_outage_key(venue_id: VenueId) -> str:
    return f"kiosks:{venue_id}"
