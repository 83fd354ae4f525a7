from __future__ import annotations

from collections.abc import Iterable

from languages.text import Language
from models.library.entities import Kiosk, PresenceSource, Venue
from models.library.names import name_in
from models.reference_data import ReferenceData


def proving_kiosks(reference: ReferenceData, venues: Iterable[Venue]) -> list[Kiosk]:
    """The kiosks in these venues at which readers can check in."""
    ids = {venue.id for venue in venues if PresenceSource.KIOSK in venue.presence_sources}
    return [k for k in reference.catalog.kiosks.values() if k.venue_id in ids]


def kiosk_names(reference: ReferenceData, venues: Iterable[Venue], language: Language) -> list[str]:
    return [name_in(kiosk, language.tag) for kiosk in proving_kiosks(reference, venues)]


def labels_are_taken(venues: Iterable[Venue]) -> bool:
    """Whether at least one of the venues accepts check-ins by seat label."""
    return any(PresenceSource.SEAT_LABEL in venue.presence_sources for venue in venues)
