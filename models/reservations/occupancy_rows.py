from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from models.kernel.ids import ReaderId, ReservationId
from models.kernel.records import record
from models.kernel.time_range import floor_minute
from models.library.entities import SeatId
from models.reservations.state_machine import ReservationState


@record
class OccupancyRow:
    """A live reservation in the in-memory occupancy. ``start``: the booked start or, after an
    early check-in, the earlier minute from which the reader may sit on the seat."""

    id: ReservationId
    rev: int
    seat_id: SeatId
    reader_id: ReaderId
    state: ReservationState
    booked_start: datetime
    available_from: datetime | None
    end: datetime
    start: datetime

    @classmethod
    def of(
        cls,
        id: ReservationId,
        rev: int,
        seat_id: SeatId,
        reader_id: ReaderId,
        state: ReservationState,
        booked_start: datetime,
        available_from: datetime | None,
        end: datetime,
    ) -> OccupancyRow:
        start = floor_minute(min(booked_start, available_from or booked_start))
        return cls(id, rev, seat_id, reader_id, state, booked_start, available_from, end, start)


@dataclass(frozen=True, slots=True)
class RowUpdate:
    """A change of a reservation in the change stream: its new revision and the changed fields."""

    id: ReservationId
    rev: int
    fields: Mapping[str, object]

    def on(self, row: OccupancyRow) -> OccupancyRow:
        changed = replace(row, rev=self.rev, **self.fields)  # type: ignore[arg-type]
        start = min(changed.booked_start, changed.available_from or changed.booked_start)
        return replace(changed, start=floor_minute(start))


@dataclass(frozen=True, slots=True)
class RowRemoval:
    """A deleted document: an old tombstone, or a reservation before a restart of the sandbox."""

    id: ReservationId


Change = OccupancyRow | RowUpdate | RowRemoval
