"""The occupancy of one day: its live reservations in memory. Rows come from a load of the day,
from this worker's writes and from the change stream, in any order and more than once. A row
whose revision is not newer than the one in memory is ignored."""

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
"""At least this many changes are kept; listeners that missed more must read all seats again."""
_GONE: Final = 1 << 62
"""A revision higher than all others, for reservations whose documents were deleted."""


Key = TypeVar("Key")


class MissingRevision(Exception):
    """A revision between a row in memory and its update is missing: the day must be reloaded."""


class DayOccupancy:
    """The live reservations of one day, by seat and by reader, each list in the order of starts.
    ``version`` grows with every change."""

    def __init__(self) -> None:
        self.by_seat: dict[SeatId, list[OccupancyRow]] = {}
        self.by_reader: dict[ReaderId, list[OccupancyRow]] = {}
        self._rows: dict[ReservationId, OccupancyRow] = {}
        # The last revision of reservations that have ended: a late report must not revive them.
        self._ended = _RecentRevisions()
        # Updates that arrived before their row: the answer to this worker's own write can come
        # after the report of another worker's change to the same reservation.
        self._ahead = _RecentRevisions()
        self._log: list[SeatId] = []
        self._trimmed = 0

    @property
    def version(self) -> int:
        return self._trimmed + len(self._log)

    @property
    def rows(self) -> Mapping[ReservationId, OccupancyRow]:
        return self._rows

    def since(self, version: int) -> Sequence[SeatId] | None:
        """The seats whose occupancy changed after ``version``, some perhaps twice; None if the
        changes since then are no longer remembered."""
        if version < self._trimmed:
            return None
        return self._log[version - self._trimmed :]

    def apply(self, change: Change) -> bool:
        """Applies a change. Returns False if nothing changed: the change is older than the row
        in memory, or the reservation is not in memory. Raises: MissingRevision."""
        if isinstance(change, OccupancyRow):
            if change.rev < self._ahead.get(change.id):
                raise MissingRevision()
            return self._upsert(change)
        row = self._rows.get(change.id)
        if (
            isinstance(change, RowRemoval)
            or change.fields.get("state", ReservationState.RESERVED) not in LIVE
        ):
            return self._remove_ended(
                change.id, _GONE if isinstance(change, RowRemoval) else change.rev
            )
        if row is None:
            self._ahead.put(change.id, change.rev)
            return False
        if change.rev <= row.rev:
            return False
        if change.rev > row.rev + 1:
            raise MissingRevision()
        return self._upsert(change.on(row))

    def forget_older(self) -> None:
        """Forgets what was remembered before the previous call (ended reservations, and updates
        of unknown reservations): all late reports about these have arrived by now."""
        self._ended.forget_older()
        self._ahead.forget_older()

    @property
    def remembered(self) -> int:
        """The number of reservations that are remembered without being live in memory: they have
        ended, or only an update of them has arrived."""
        return len(self._ended) + len(self._ahead)

    def load(self, rows: Iterable[OccupancyRow]) -> None:
        """Replaces all live reservations of the day by ``rows``, which were read from the
        database. A newer state in memory stays."""
        loaded = {row.id: row for row in rows}
        for present in list(self._rows.values()):
            if present.id not in loaded:
                self._drop(present, present.rev)
        for row in loaded.values():
            if self._ended.get(row.id) == row.rev:
                # The previous load missed the reservation, because it had read an older state.
                self._ended.drop(row.id)
            self._upsert(row)

    def _remove_ended(self, id: ReservationId, rev: int) -> bool:
        """Removes the reservation, and remembers it as ended at ``rev``, so that a late report
        does not revive it. False if it was not in memory."""
        self._ahead.drop(id)
        row = self._rows.get(id)
        if row is not None:
            self._drop(row, rev)
            return True
        self._ended.put(id, max(rev, self._ended.get(id)))
        return False

    def _upsert(self, row: OccupancyRow) -> bool:
        present = self._rows.get(row.id)
        last = present.rev if present is not None else self._ended.get(row.id)
        if row.rev <= last:
            return False
        if row.state not in LIVE:
            return self._remove_ended(row.id, row.rev)
        self._ahead.drop(row.id)
        if present is not None:
            self._unlink(present)
        self._rows[row.id] = row
        insort(self.by_seat.setdefault(row.seat_id, []), row, key=_order)
        insort(self.by_reader.setdefault(row.reader_id, []), row, key=_order)
        self._log_change(row.seat_id)
        return True

    def _drop(self, row: OccupancyRow, rev: int) -> None:
        del self._rows[row.id]
        self._ended.put(row.id, rev)
        self._unlink(row)

    def _unlink(self, row: OccupancyRow) -> None:
        _without(self.by_seat, row.seat_id, row.id)
        _without(self.by_reader, row.reader_id, row.id)
        self._log_change(row.seat_id)

    def _log_change(self, seat_id: SeatId) -> None:
        self._log.append(seat_id)
        if len(self._log) > 2 * LOG_KEPT:
            self._trimmed += len(self._log) - LOG_KEPT
            del self._log[:-LOG_KEPT]


class _RecentRevisions:
    """Reservations' last revisions, each until the second ``forget_older`` after its ``put``."""

    def __init__(self) -> None:
        self._new: dict[ReservationId, int] = {}
        self._old: dict[ReservationId, int] = {}

    def __len__(self) -> int:
        return len(self._new) + len(self._old)

    def get(self, id: ReservationId) -> int:
        """The reservation's last revision; 0 if none is remembered."""
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
