"""What pages show of kiosks, and of the labels that may stand in for them."""

from __future__ import annotations

from models.library.entities import PresenceSource
from models.reference_data import ReferenceData


def kiosk_names(reference: ReferenceData) -> list[str]:
    """The names of the kiosks where a reader can check in."""
    venues = reference.catalog.venues
    return [
        kiosk.name
        for kiosk in reference.catalog.kiosks.values()
        if PresenceSource.KIOSK in venues[kiosk.venue_id].presence_sources
    ]


def labels_are_taken(reference: ReferenceData) -> bool:
    """Can a reader check in by a seat's label, in some venue?"""
    venues = reference.catalog.venues.values()
    return any(PresenceSource.SEAT_LABEL in venue.presence_sources for venue in venues)
