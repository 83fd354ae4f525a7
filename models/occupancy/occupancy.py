"""The occupancy of one day: its live reservations in memory, kept by revision.

The occupancy is a view of the database. Rows come from a load, from this worker's own writes, and
from the change stream, in any order and more than once; each carries the reservation's revision,
and a row that is not newer than what is known changes nothing.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeVar

from models.kernel.ids import ReaderId, ReservationId
from models.library.entities import SeatId
from models.reservations.occupancy_rows import Change, OccupancyRow, RowRemoval
from models.reservations.state_machine import LIVE, ReservationState

LOG_KEPT: Final = 20_000
"""Changes that a follower may lie behind before it has to look at everything anew."""
_GONE: Final = 1 << 62
"""No revision comes after this one."""


Key = TypeVar("Key")


class MissingRevision(Exception):
    """A revision is missing between what is known and what was told: load the day anew."""


class DayOccupancy:
    """The live reservations of one day.

    ``by_seat`` holds each seat's rows in the order of their starts; ``by_reader`` each reader's.
    ``version`` grows with every change, and ``since`` names the seats that changed after one.
    """

    def __init__(self) -> None:
        self.by_seat: dict[SeatId, list[OccupancyRow]] = {}
        self.by_reader: dict[ReaderId, list[OccupancyRow]] = {}
        self._rows: dict[ReservationId, OccupancyRow] = {}
        # The last known revision of what has ended: a late echo must not revive it.
        self._ended = _Lately()
        # Updates that were told before the row itself: an answer to this worker's own write can
        # come after the echo of what another one has made of it.
        self._ahead = _Lately()
        self._log: list[SeatId] = []
        self._trimmed = 0

    @property
    def version(self) -> int:
        return self._trimmed + len(self._log)

    @property
    def rows(self) -> Mapping[ReservationId, OccupancyRow]:
        return self._rows

    def since(self, version: int) -> Sequence[SeatId] | None:
        """The seats that changed after ``version``, some perhaps twice; None if it is too old."""
        if version < self._trimmed:
            return None
        return self._log[version - self._trimmed :]

    def apply(self, change: Change) -> bool:
        """Take the change in. False when it was known already, or is of no live reservation.

        Raises: Gap.
        """
        if isinstance(change, OccupancyRow):
            if change.rev < self._ahead.get(change.id):
                raise MissingRevision()
            return self._upsert(change)
        known = self._rows.get(change.id)
        if (
            isinstance(change, RowRemoval)
            or change.fields.get("state", ReservationState.RESERVED) not in LIVE
        ):
            return self._remove_ended(
                change.id, _GONE if isinstance(change, RowRemoval) else change.rev
            )
        if known is None:
            self._ahead.put(change.id, change.rev)
            return False
        if change.rev <= known.rev:
            return False
        if change.rev > known.rev + 1:
            raise MissingRevision()
        return self._upsert(change.on(known))

    def forget_older(self) -> None:
        """No longer remember what had ended, or was told too early, before the last call: what
        could still come late of it has come. Otherwise memory would follow what has ever ended."""
        self._ended.forget_older()
        self._ahead.forget_older()

    @property
    def remembered(self) -> int:
        """Of how many reservations something is known that are not there (any more, or yet)."""
        return len(self._ended) + len(self._ahead)

    def load(self, rows: Iterable[OccupancyRow]) -> None:
        """Take over what the database holds: all live rows of the day, and no others."""
        found = {row.id: row for row in rows}
        for known in list(self._rows.values()):
            if known.id not in found:
                self._drop(known, known.rev)
        for row in found.values():
            if self._ended.get(row.id) == row.rev:
                # The load before did not find it, an older one by what it was read from.
                self._ended.drop(row.id)
            self._upsert(row)

    def _remove_ended(self, id: ReservationId, rev: int) -> bool:
        """It has ended for good, whatever was told or missed of it before."""
        self._ahead.drop(id)
        known = self._rows.get(id)
        if known is not None:
            self._drop(known, rev)
            return True
        self._ended.put(id, max(rev, self._ended.get(id)))
        return False

    def _upsert(self, row: OccupancyRow) -> bool:
        known = self._rows.get(row.id)
        last = known.rev if known is not None else self._ended.get(row.id)
        if row.rev <= last:
            return False
        if row.state not in LIVE:
            return self._remove_ended(row.id, row.rev)
        self._ahead.drop(row.id)
        if known is not None:
            self._unlink(known)
        self._rows[row.id] = row
        insort(self.by_seat.setdefault(row.seat_id, []), row, key=_order)
        insort(self.by_reader.setdefault(row.reader_id, []), row, key=_order)
        self._log_change(row.seat_id)
        return True

    def _drop(self, known: OccupancyRow, rev: int) -> None:
        del self._rows[known.id]
        self._ended.put(known.id, rev)
        self._unlink(known)

    def _unlink(self, known: OccupancyRow) -> None:
        _without(self.by_seat, known.seat_id, known.id)
        _without(self.by_reader, known.reader_id, known.id)
        self._log_change(known.seat_id)

    def _log_change(self, seat_id: SeatId) -> None:
        self._log.append(seat_id)
        if len(self._log) > 2 * LOG_KEPT:
            self._trimmed += len(self._log) - LOG_KEPT
            del self._log[:-LOG_KEPT]


class _Lately:
    """Revisions by reservation, of those that were put in since the last but one
    ``forget_older``."""

    def __init__(self) -> None:
        self._new: dict[ReservationId, int] = {}
        self._old: dict[ReservationId, int] = {}

    def __len__(self) -> int:
        return len(self._new) + len(self._old)

    def get(self, id: ReservationId) -> int:
        """The revision; 0 where none is known."""
        return self._new.get(id) or self._old.get(id, 0)

    def put(self, id: ReservationId, rev: int) -> None:
        self._new[id] = rev

    def drop(self, id: ReservationId) -> None:
        self._new.pop(id, None)
        self._old.pop(id, None)

    def forget_older(self) -> None:
        self._old, self._new = self._new, {}


def _without(lists: dict[Key, list[OccupancyRow]], key: Key, id: ReservationId) -> None:
    left = [row for row in lists[key] if row.id != id]
    if left:
        lists[key] = left
    else:
        del lists[key]


def _order(row: OccupancyRow) -> tuple[datetime, datetime]:
    return row.start, row.end
