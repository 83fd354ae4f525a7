from __future__ import annotations

import re
from dataclasses import asdict, fields

from models.library.entities import Area, Seat


def plan_to_json(area: Area) -> dict[str, object]:
    """The plan as JSON, for export and for editing. False, None and () are left out."""
    return {
        "area": area.id,
        "name": area.name,
        **({"names": dict(area.names)} if area.names else {}),
        "floor": area.floor,
        "width": area.width,
        "height": area.height,
        "seats": [_written(seat) for seat in (*area.seats, *area.retired_seats)],
        "marks": [asdict(mark) for mark in area.fixtures],
    }


_FIELDS = tuple(field.name for field in fields(Seat) if field.name != "area_id")


def _written(seat: Seat) -> dict[str, object]:
    values = {name: getattr(seat, name) for name in _FIELDS} | {
        name: day.isoformat()
        for name in ("disabled_from", "disabled_until")
        if (day := getattr(seat, name)) is not None
    }
    values["no"] = values.pop("number")
    # 0 is kept: it is a coordinate.
    return {name: v for name, v in values.items() if v not in (None, ()) and v is not False}


def place_of(error: Exception) -> str:
    """The JSON path that a msgspec error names (``$.seats[0].x``); ``$`` if it names none."""
    match = re.search(r"`(\$[^`]*)`$", str(error))
    return match[1][:100] if match else "$"
