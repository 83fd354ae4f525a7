"""Finds rooms and readers that two bookings had at once at some time of a history, even if one of
them has ended since.

A booking has its place from the moment at which its reader was answered until somebody asked to end
it, or the service ended it. Both are on the safe side: it was stored before, and ended later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Final

from lab.history.records import History, Operation, Promise, StoredRoomBooking

_ENDS: Final = frozenset({"cancel", "finish", "decline"})
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_CLOCK: Final = timedelta(seconds=10)
"""The most by which the clock of a host can be ahead (docs/operations.md)."""


@dataclass(frozen=True, slots=True)
class _Holding:
    """The time from ``start`` to ``end`` of a room or reader, which ``id`` had from the moment
    ``since`` until ``until``. ``room``: it is a booking of a room."""

    start: datetime
    end: datetime
    since: datetime
    until: datetime
    id: str
    room: bool = True

    def meets(self, other: _Holding) -> bool:
        at_once = self.since < other.until and other.since < self.until
        return at_once and self.start < other.end and other.start < self.end


def held_twice(history: History) -> Iterator[str]:
    """Each room and reader that two bookings had at once, one of them a room's, in words."""
    holdings: dict[str, list[_Holding]] = defaultdict(list)
    for thing, holding in (*_of_rooms(history), *_of_seats(history)):
        holdings[thing].append(holding)
    for thing, each in holdings.items():
        for one, other in combinations(each, 2):
            if one.id != other.id and (one.room or other.room) and one.meets(other):
                first, second = sorted((one.id, other.id))
                yield f"{thing}: {first} and {second}"


def _of_rooms(history: History) -> Iterator[tuple[str, _Holding]]:
    """The rooms and readers of bookings of rooms."""
    by_booking: dict[str, list[Operation]] = defaultdict(list)
    for o in history.room_operations:
        by_booking[o.target or (o.promise.id if o.promise is not None else "")].append(o)
    for b in history.rooms:
        operations = by_booking[b.id]
        if "change" in {o.verb for o in operations}:
            continue  # it had another room or time before
        asked = [o.asked_at for o in operations if o.verb in _ENDS and not o.refusal]
        ended = min([(b.ended_at or _NEVER) - _CLOCK, *asked])
        for o in operations:
            if o.promise is None or o.answered_at is None or o.verb not in ("book", "confirm"):
                continue
            left = min([ended, *_withdrawals(operations, o)])
            if o.answered_at < left:
                yield f"reader {o.reader}", _Holding(b.start, b.end, o.answered_at, left, b.id)
            if o.verb == "book":
                yield from _of_room(b, o.answered_at, ended)


def _withdrawals(operations: list[Operation], confirmed: Operation) -> Iterator[datetime]:
    """When the reader may have withdrawn, after or while confirming."""
    for o in operations:
        later = o.answered_at is None or o.answered_at > confirmed.asked_at or o.attempts > 1
        if later and (o.reader, o.verb) == (confirmed.reader, "withdraw"):
            yield o.asked_at


def _of_room(
    b: StoredRoomBooking, since: datetime, ended: datetime
) -> Iterator[tuple[str, _Holding]]:
    """The room's time with the buffer; after a stay until its buffer is over."""
    if since < ended:
        yield f"room {b.room}", _Holding(b.start, b.end + b.buffer, since, ended, b.id)
    if not b.live and b.room_until is not None:
        since = max(since, b.ended_at or since)
        yield f"room {b.room}", _Holding(b.start, b.room_until, since, _NEVER, b.id)


def _of_seats(history: History) -> Iterator[tuple[str, _Holding]]:
    """The readers of seats, from the last answer on that names the stored seat and time."""
    placed: dict[str, tuple[Promise, datetime]] = {}
    given_back: dict[str, datetime] = {}
    for o in history.operations:
        if o.promise is not None and o.answered_at is not None and o.verb not in _ENDS:
            placed[o.promise.id] = o.promise, o.answered_at
        if o.verb in _ENDS and not o.refusal:
            given_back.setdefault(o.target, o.asked_at)
    for r in history.stored:
        if r.id not in placed:
            continue
        promise, since = placed[r.id]
        until = min((r.ended_at or _NEVER) - _CLOCK, given_back.get(r.id, _NEVER))
        same = (promise.seat, promise.start, promise.end) == (r.seat, r.start, r.end)
        if same and since < until:
            yield f"reader {r.reader}", _Holding(r.start, r.end, since, until, r.id, room=False)
