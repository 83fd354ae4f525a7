from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile
from math import inf

from languages.text import Language
from models.kernel.text import natural
from models.library.entities import Area, Kiosk, PresenceSource, Venue
from models.library.names import name_in, names_of_floor
from models.reference_data import ReferenceData


def proving_kiosks(
    reference: ReferenceData, venues: Iterable[Venue], area: Area | None = None
) -> list[Kiosk]:
    """The kiosks in these venues at which readers can check in. First come those on the area's
    floor, then those with fewest floors between, as the kiosks' names say; on one floor those
    whose names begin as the area's does (三层东). Kiosks whose name says no floor come last."""
    ids = {venue.id for venue in venues if PresenceSource.KIOSK in venue.presence_sources}
    kiosks = [k for k in reference.catalog.kiosks.values() if k.venue_id in ids]
    if area is None:
        return kiosks
    venue = reference.catalog.venues[area.venue_id]
    used = [1, *(a.floor for a in reference.catalog.areas_in_use if a.venue_id == venue.id)]
    numbers = range(min(used), max(used) + 1)
    floors = [(name, n) for n in numbers for name in names_of_floor(venue.floor(n))]

    def distance(kiosk: Kiosk) -> float:
        texts = [kiosk.name, *kiosk.names.values()]
        said = [(len(name), n) for name, n in floors if any(name in text for text in texts)]
        # The longest one: 2层 is in 12层, too.
        return abs(max(said)[1] - area.floor) if said else inf

    def rank(kiosk: Kiosk) -> tuple[object, ...]:
        same = _same_beginning(kiosk.name, area.name)
        return kiosk.venue_id != area.venue_id, distance(kiosk), -same, natural(kiosk.name)

    return sorted(kiosks, key=rank)


def _same_beginning(one: str, other: str) -> int:
    return len([*takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))])


def kiosk_names(
    reference: ReferenceData, venues: Iterable[Venue], language: Language, area: Area | None = None
) -> list[str]:
    return [name_in(kiosk, language.tag) for kiosk in proving_kiosks(reference, venues, area)]


def labels_are_taken(venues: Iterable[Venue]) -> bool:
    """Whether at least one of the venues accepts check-ins by seat label."""
    return any(PresenceSource.SEAT_LABEL in venue.presence_sources for venue in venues)
