"""What pages show of kiosks."""

from __future__ import annotations

from models.reference_data import ReferenceData


def kiosk_names(reference: ReferenceData) -> list[str]:
    """The names of all kiosks: where a reader can check in."""
    return [kiosk.name for kiosk in reference.catalog.kiosks.values()]
