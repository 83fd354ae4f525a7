"""The occupancy of a day whose bookings meet those of the days beside it: hours cross midnight.

Each reservation stands in the occupancy of the day that it starts on, and nowhere else. Here those
of up to three days are seen together, without a copy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Generic, TypeVar

from models.kernel.ids import ReaderId, ReservationId
from models.library.entities import SeatId
from models.occupancy.occupancy import DayOccupancy
from models.reservations.occupancy_rows import OccupancyRow

_PART: Final = 1 << 48
"""More changes than a day ever has: the versions of the parts are the digits of one number."""
Key = TypeVar("Key", SeatId, ReaderId)


class _JoinedRows(Generic[Key]):
    """The rows of each seat, or reader, on the days; of the first, what ends after midnight."""

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
        found: list[OccupancyRow] = []
        found += (row for row in self._before.get(key, ()) if row.end > self._midnight)
        for rows in self._others:
            found += rows.get(key, ())
        return found or default


class JoinedOccupancy:
    """A day, with what ends in it of the one ``before`` it, and the one after it among ``others``.

    It is read as a ``DayOccupancy`` is. ``midnight`` is when the day begins.
    """

    def __init__(
        self, midnight: datetime, before: DayOccupancy | None, others: Sequence[DayOccupancy]
    ) -> None:
        self._midnight, self._before = midnight, before
        self.parts = others if before is None else (before, *others)
        nobody = DayOccupancy()
        self.by_seat = _JoinedRows(
            midnight, (before or nobody).by_seat, [part.by_seat for part in others]
        )
        self.by_reader = _JoinedRows(
            midnight, (before or nobody).by_reader, [part.by_reader for part in others]
        )

    @property
    def version(self) -> int:
        """Grows with every change of a part."""
        version = 0
        for part in self.parts:
            version = version * _PART + part.version
        return version

    @property
    def rows(self) -> Mapping[ReservationId, OccupancyRow]:
        found = {id: row for part in self.parts for id, row in part.rows.items()}
        if self._before is not None:
            over = [row.id for row in self._before.rows.values() if row.end <= self._midnight]
            for id in over:
                found.pop(id, None)
        return found

    def since(self, version: int) -> Sequence[SeatId] | None:
        """The seats that changed after ``version``; None if it is too old."""
        found: list[SeatId] = []
        for part in reversed(self.parts):
            version, seen = divmod(version, _PART)
            changed = part.since(seen)
            if changed is None:
                return None
            found += changed
        return found


OccupancyView = DayOccupancy | JoinedOccupancy
