"""What pages show of kiosks, and of the labels that may stand in for them."""

from __future__ import annotations

from collections.abc import Iterable

from models.library.entities import Kiosk, PresenceSource, Venue
from models.reference_data import ReferenceData


def proving_kiosks(reference: ReferenceData, venues: Iterable[Venue]) -> list[Kiosk]:
    """The kiosks where a reader can check in in these venues."""
    ids = {venue.id for venue in venues if PresenceSource.KIOSK in venue.presence_sources}
    return [k for k in reference.catalog.kiosks.values() if k.venue_id in ids]


def kiosk_names(reference: ReferenceData, venues: Iterable[Venue]) -> list[str]:
    """The names of the kiosks where a reader can check in in these venues."""
    return [k.name for k in proving_kiosks(reference, venues)]


def labels_are_taken(venues: Iterable[Venue]) -> bool:
    """Can a reader check in by a seat's label, in some of these venues?"""
    return any(PresenceSource.SEAT_LABEL in venue.presence_sources for venue in venues)
