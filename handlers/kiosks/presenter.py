from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile

from languages.text import Language
from models.library.entities import Area, Kiosk, PresenceSource, Venue
from models.library.names import name_in
from models.reference_data import ReferenceData


def proving_kiosks(
    reference: ReferenceData, venues: Iterable[Venue], area: Area | None = None
) -> list[Kiosk]:
    """The kiosks in these venues at which readers can check in. First come those that are
    probably nearest to the area, since their names begin as its name does (三层东区)."""
    ids = {venue.id for venue in venues if PresenceSource.KIOSK in venue.presence_sources}
    kiosks = [k for k in reference.catalog.kiosks.values() if k.venue_id in ids]
    if area is not None:
        kiosks.sort(key=lambda kiosk: -_same_beginning(kiosk.name, area.name))
    return kiosks


def _same_beginning(one: str, other: str) -> int:
    return len([*takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))])


def kiosk_names(reference: ReferenceData, venues: Iterable[Venue], language: Language) -> list[str]:
    return [name_in(kiosk, language.tag) for kiosk in proving_kiosks(reference, venues)]


def labels_are_taken(venues: Iterable[Venue]) -> bool:
    """Whether at least one of the venues accepts check-ins by seat label."""
    return any(PresenceSource.SEAT_LABEL in venue.presence_sources for venue in venues)
