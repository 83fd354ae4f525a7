"""The study rooms on an area's plan, with their states in the plan's time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.library.rooms import Room
from models.rooms.service import RoomDay
from models.seat_map.availability import MapQuery

PlanRoomStatus = Literal["free", "taken", "closed"]


@dataclass(frozen=True, slots=True)
class PlanRoom:
    """A room on a plan. ``status``: its state at the moment or in the chosen time; None for a whole
    day, or if it is not known."""

    room: Room
    status: PlanRoomStatus | None = None


def status_in(d: RoomDay, query: MapQuery) -> PlanRoomStatus | None:
    if query.span is not None:
        if not d.hours.covers(query.span.start, query.span.end):
            return "closed"
        return "taken" if any(taken.overlaps(query.span) for taken in d.taken) else "free"
    if query.as_of is None:
        return None
    if d.hours.containing(query.as_of) is None:
        return "closed"
    return "taken" if any(taken.contains(query.as_of) for taken in d.taken) else "free"
