"""An unfriendly library: two venues with the same areas, seats, and floors, and names that are
long, Latin, Chinese, or given in several languages."""

from __future__ import annotations

from typing import Final

from models.library.entities import Area, AreaId, Kiosk, KioskId, Seat, SeatId, Venue, VenueId
from models.library.names import Floor

HAUPT: Final = Venue(
    VenueId("haupt"),
    "Hauptbibliothek",
    order=5,
    names={"en": "Main Library", "zh": "总馆"},
    floors=(Floor(0, "EG", {"en": "Ground floor"}), Floor(1, "1. OG")),
)
JURA: Final = Venue(VenueId("jura"), "Rechtshaus", order=6, floors=(Floor(1, "二层"),))
_NUMBERS: Final = ("A-1-07", "Carrel 3", "12", "Gruppenarbeit-000001")


def _area(id: str, venue: Venue, name: str, floor: int, **names: str) -> Area:
    area_id = AreaId(id)
    seats = (
        Seat(SeatId(f"{id}-{place}"), area_id, number, 60 * place, 0)
        for place, number in enumerate(_NUMBERS)
    )
    return Area(area_id, venue.id, name, floor, 0, 400, 100, tuple(seats), (), names=names)


AREAS: Final = (
    _area("haupt-eg", HAUPT, "A区", 0, en="Zone A"),
    _area("haupt-1", HAUPT, "Lesesaal A", 1),
    _area("jura-0", JURA, "A区", 0),
    _area("jura-1", JURA, "Wirtschaftswissenschaftlicher Lesesaal A", 1, zh="经济学阅览室"),
)
_PILLAR: Final = "Säule am Eingang"
KIOSKS: Final = (
    Kiosk(KioskId("jura-k"), JURA.id, _PILLAR, "query_terminal", names={"en": "Pillar"}),
)
