"""The occupancy of a day on which an area is open across midnight. It joins up to three days
(the day and its neighbours) without copying. Each reservation belongs to the day of its start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Generic, TypeVar

from models.kernel.ids import ReaderId, ReservationId
from models.library.entities import SeatId
from models.occupancy.occupancy import DayOccupancy
from models.reservations.occupancy_rows import OccupancyRow

_PART: Final = 1 << 48
"""The days' versions are the digits of a joined version in this base, which no version reaches."""
Key = TypeVar("Key", SeatId, ReaderId)


class _JoinedRows(Generic[Key]):
    """Rows of several days by seat or reader; of day ``before`` only those that pass midnight."""

    def __init__(
        self,
        midnight: datetime,
        before: Mapping[Key, Sequence[OccupancyRow]],
        others: Sequence[Mapping[Key, Sequence[OccupancyRow]]],
    ) -> None:
        self._midnight = midnight
        self._before: Mapping[Key, Sequence[OccupancyRow]] = before
        self._others: Sequence[Mapping[Key, Sequence[OccupancyRow]]] = others

    def get(self, key: Key, default: Sequence[OccupancyRow] = ()) -> Sequence[OccupancyRow]:
        joined: list[OccupancyRow] = []
        joined += (row for row in self._before.get(key, ()) if row.end > self._midnight)
        for rows in self._others:
            joined += rows.get(key, ())
        return joined or default


class JoinedOccupancy:
    """The occupancy of the day from ``midnight``: its own bookings, those of the day ``before``
    that end in it, and those of the next day. Has the interface of ``DayOccupancy``."""

    def __init__(
        self, midnight: datetime, before: DayOccupancy | None, others: Sequence[DayOccupancy]
    ) -> None:
        self._midnight, self._before = midnight, before
        self.parts = others if before is None else (before, *others)
        empty = DayOccupancy()
        self.by_seat = _JoinedRows(
            midnight, (before or empty).by_seat, [part.by_seat for part in others]
        )
        self.by_reader = _JoinedRows(
            midnight, (before or empty).by_reader, [part.by_reader for part in others]
        )

    @property
    def version(self) -> int:
        version = 0
        for part in self.parts:
            version = version * _PART + part.version
        return version

    @property
    def rows(self) -> Mapping[ReservationId, OccupancyRow]:
        joined = {id: row for part in self.parts for id, row in part.rows.items()}
        if self._before is not None:
            over = [row.id for row in self._before.rows.values() if row.end <= self._midnight]
            for id in over:
                joined.pop(id, None)
        return joined

    def since(self, version: int) -> Sequence[SeatId] | None:
        """The seats that changed after ``version``; None if those changes are no longer known."""
        seats: list[SeatId] = []
        for part in reversed(self.parts):
            version, part_version = divmod(version, _PART)
            changed = part.since(part_version)
            if changed is None:
                return None
            seats += changed
        return seats


OccupancyView = DayOccupancy | JoinedOccupancy
