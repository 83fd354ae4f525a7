"""The JSON of plans and area lists, joined from parts that are encoded once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from handlers.http import schemas
from handlers.seat_map import schemas as seat_map_schemas
from models.kernel.zone import Zone
from models.library.entities import Area, features_of
from models.library.seat_features import SeatFeatures
from models.reference_data import ReferenceData
from models.rooms.on_plans import PlanRoom
from models.seat_map.area_view import AreaMap
from models.seat_map.availability import SeatState


class MapBody(schemas.Response):
    """The response ``SeatMapOut`` with fields ``seats``, ``desks`` and ``rooms`` that are already
    encoded as JSON."""

    area: seat_map_schemas.AreaSummary
    width: int
    height: int
    seats: msgspec.Raw
    marks: list[seat_map_schemas.MarkOut]
    desks: msgspec.Raw
    faces: str
    version: str
    rooms: msgspec.Raw | UnsetType


class AreasBody(schemas.Response):
    items: msgspec.Raw


def clock_time(text: str | None) -> time | None:
    return time.fromisoformat(text) if text is not None else None


def seat_body(
    zone: Zone,
    area: Area,
    place: int,
    view: SeatState,
    reserved_for: Sequence[str],
    own: SeatFeatures,
) -> bytes:
    """The JSON of the seat with the index ``place`` in the area's plan. ``reserved_for``: the
    groups that the seat is reserved for, if the reader may not use it. ``own``: the library's
    own features."""
    seat = area.seats[place]
    return msgspec.json.encode(
        seat_map_schemas.SeatOut(
            id=seat.id,
            no=seat.number,
            x=seat.x,
            y=seat.y,
            status=view.status.value,
            free_until=zone.local_if_any(view.free_until),
            next_free=zone.local_if_any(view.next_free),
            **features_of(seat),
            reserved_for=list(reserved_for) or UNSET,
            features=[f.id for f in own.of(seat.features)] or UNSET if seat.features else UNSET,
        )
    )


def room_body(one: PlanRoom) -> bytes:
    """The JSON of the study room on the plan."""
    place = one.room.place
    assert place is not None
    return msgspec.json.encode(
        seat_map_schemas.PlanRoomOut(
            id=one.room.id,
            name=one.room.name,
            x=place.x,
            y=place.y,
            w=place.w,
            h=place.h,
            status=one.status,
            names=dict(one.room.names) or UNSET,
        )
    )


def area_out(
    view: AreaMap,
    marks: frozenset[str],
    names: Mapping[str, Any],
    max_minutes: int | None = None,
    reserved_for: Sequence[str] = (),
) -> seat_map_schemas.AreaOut:
    """An area with its counts of seats for the API. Seats are counted that have all features
    ``marks``. ``names``: as ``Catalog.names_of``. ``max_minutes``: the reader's longest stay; None
    for the area's usual one."""
    assert view.query is not None
    area, n, policy = view.area, view.count_with_features(marks), view.query.policy
    return seat_map_schemas.AreaOut(
        id=area.id,
        **names,
        seats_total=n.total,
        seats_free=n.free,
        seats_in_use=n.in_use,
        seats_away=n.away,
        seats_disabled=n.disabled,
        max_minutes=policy.max_minutes if max_minutes is None else max_minutes,
        step_minutes=policy.step_minutes,
        reserved_for=list(reserved_for) or UNSET,
        closed=why_closed(view),
    )


def why_closed(view: AreaMap) -> str | UnsetType:
    """Why the area is closed all day; UNSET if it is open."""
    assert view.query is not None
    return UNSET if view.query.opening.intervals else view.query.opening.reason


def array(items: Sequence[bytes]) -> msgspec.Raw:
    return msgspec.Raw(b"[" + b",".join(items) + b"]")


def versions(reference: ReferenceData) -> bytes:
    return f"{reference.catalog.version} {reference.policy.version}".encode()


def digest(parts: Sequence[bytes]) -> str:
    return blake2b(b"\0".join(parts), digest_size=12).hexdigest()
