from __future__ import annotations

from dataclasses import asdict, fields
from datetime import date

import msgspec

from models.library.entities import Area, AreaId, AreaState, Fixture, Seat, SeatId, VenueId
from models.library.rooms import Room
from models.storage.mongo import Document


def area_to_document(area: Area) -> Document:
    return {
        "_id": area.id,
        "venue": area.venue_id,
        "name": area.name,
        "floor": area.floor,
        "order": area.order,
        "width": area.width,
        "height": area.height,
        "seats": [_seat_document(seat) for seat in area.seats],
        "fixtures": [asdict(mark) for mark in area.fixtures],
        "removed_seats": [_seat_document(seat) for seat in area.removed_seats],
        "rev": area.rev,
        "state": area.state.value,
        "retired_seats": [_seat_document(seat) for seat in area.retired_seats],
        "names": dict(area.names),
    }


_SEAT_FIELDS = tuple(field.name for field in fields(Seat) if field.name != "area_id")


def _seat_document(seat: Seat) -> Document:
    values = {key: getattr(seat, key) for key in _SEAT_FIELDS}
    if not seat.features:
        del values["features"]
    return {
        key: value.isoformat() if isinstance(value, date) else value
        for key, value in values.items()
    }


def _seat(area_id: AreaId, d: Document) -> Seat:
    days = {
        name: date.fromisoformat(d[name])
        for name in ("disabled_from", "disabled_until")
        if d.get(name)
    }
    own = {"features": tuple(d["features"])} if "features" in d else {}
    return Seat(**{**d, **days, **own, "id": SeatId(d["id"])}, area_id=area_id)


def area_from_document(d: Document) -> Area:
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
        fixtures=tuple(Fixture(**mark) for mark in d["fixtures"]),
        removed_seats=tuple(_seat(area_id, seat) for seat in d["removed_seats"]),
        rev=d["rev"],
        # Documents written before areas could be retired have no state.
        state=AreaState(d.get("state", AreaState.IN_USE)),
        retired_seats=tuple(_seat(area_id, seat) for seat in d.get("retired_seats", ())),
        names=d.get("names", {}),
    )


def room_to_document(room: Room) -> Document:
    values = msgspec.to_builtins(room)
    return {"_id": values.pop("id"), "venue": values.pop("venue_id"), **values}


def room_from_document(d: Document) -> Room:
    return msgspec.convert({**d, "id": d["_id"], "venue_id": d["venue"]}, Room)
