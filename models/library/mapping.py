"""Areas and seats as documents."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Final

from models.library.entities import Area, AreaId, Fixture, Seat, SeatId, VenueId
from models.library.repository import _SEAT_FIELDS
from models.storage.mongo import Document


def _area_document(area: Area) -> Document:
    return {
        "_id": area.id,
        "venue": area.venue_id,
        "name": area.name,
        "floor": area.floor,
        "order": area.order,
        "width": area.width,
        "height": area.height,
        "seats": [_seat_document(seat) for seat in area.seats],
        "marks": [asdict(mark) for mark in area.fixtures],
        "removed": [_seat_document(seat) for seat in area.removed_seats],
        "rev": area.rev,
    }


_OPTIONAL_FIELDS: Final = frozenset(
    {"disabled_from", "disabled_until", "rule_sets", "accessible_only"}
)
"""Fields that came later. They are written where they say something: the version before reads what
does without them, beside this one and after it."""


def _seat_document(seat: Seat) -> Document:
    values = {key: getattr(seat, key) for key in _SEAT_FIELDS}
    return {
        key: value.isoformat() if isinstance(value, date) else value
        for key, value in values.items()
        if value or key not in _OPTIONAL_FIELDS
    }


def _seat(area_id: AreaId, d: Document) -> Seat:
    days = {
        name: date.fromisoformat(d[name])
        for name in ("disabled_from", "disabled_until")
        if d.get(name)
    }
    return Seat(**{**d, **days, "id": SeatId(d["id"])}, area_id=area_id)


def _area(d: Document) -> Area:
    area_id = AreaId(d["_id"])
    return Area(
        id=area_id,
        venue_id=VenueId(d["venue"]),
        name=d["name"],
        floor=d["floor"],
        order=d["order"],
        width=d["width"],
        height=d["height"],
        seats=tuple(_seat(area_id, seat) for seat in d["seats"]),
        fixtures=tuple(Fixture(**mark) for mark in d["marks"]),
        removed_seats=tuple(_seat(area_id, seat) for seat in d.get("removed", ())),
        rev=d.get("rev", 0),
    )
