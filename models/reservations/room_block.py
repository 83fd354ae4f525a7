"""Blocks (占用): stays of the library's own in study rooms, for its events."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from models.kernel.errors import WrongState
from models.kernel.ids import Actor, ReservationId
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import VenueId
from models.library.rooms import RoomId
from models.reservations.claims import room_claims
from models.reservations.entities import HistoryEntry

_BESIDE: Final = "-"


@dataclass(frozen=True, slots=True)
class RoomBlock:
    """A block, as stored.

    `title`: what for; everybody may read it. `buffer`: after the stay the room stays empty for so
    long. `ended_at`: when the block was cancelled or, after its start, ended early; None: it was
    not. `change`: as of a reservation.
    """

    id: ReservationId
    change: str
    room_id: RoomId
    venue_id: VenueId
    day: date
    span: TimeRange
    title: str
    buffer: timedelta
    ended_at: datetime | None = None
    history: tuple[HistoryEntry, ...] = ()

    @property
    def was_changed(self) -> bool:
        return any(entry.event == "change" for entry in self.history)

    @property
    def series(self) -> str:
        """The id that the blocks share which were made together."""
        return block_series(self.id)

    def claims(self, zone: Zone) -> tuple[str, ...]:
        """The claims of the room's time, buffer included."""
        if self.ended_at is not None:
            return ()
        return room_claims(
            zone, self.room_id, TimeRange(self.span.start, self.span.end + self.buffer)
        )


def block_id(series: str, id: str) -> ReservationId:
    """The id of a block of the series. ``id``: a new one."""
    return ReservationId(f"{series}{_BESIDE}{id}")


def block_series(id: str) -> str:
    """The id of the series of the block with this id."""
    return id.partition(_BESIDE)[0]


def ended(b: RoomBlock, actor: Actor, now: datetime) -> RoomBlock:
    """The block after it was cancelled or, once it has begun, ended; unchanged if it was. Raises:
    WrongState after its end."""
    if b.ended_at is not None:
        return b
    _must_not_be_over(b, now)
    event = "cancel" if now < b.span.start else "finish"
    return replace(b, ended_at=now, history=(*b.history, _entry(event, actor, now)))


def changed(b: RoomBlock, to: RoomBlock, actor: Actor, now: datetime) -> RoomBlock:
    """The block with the room, time, title and buffer of ``to``; unchanged if it has them. Raises:
    WrongState if it was ended or is over, or has begun elsewhere or at another time."""
    must_last(b, now)
    if b.span.start <= now and (b.room_id, b.span.start) != (to.room_id, to.span.start):
        raise WrongState(state="in_use")
    new = replace(to, id=b.id, change=b.change, history=b.history)
    if new == b:
        return b
    return replace(new, history=(*b.history, _entry("change", actor, now)))


def must_last(b: RoomBlock, now: datetime) -> None:
    """Raises: WrongState if the block was ended or is over."""
    if b.ended_at is not None:
        raise WrongState(state="cancelled")
    _must_not_be_over(b, now)


def restored(b: RoomBlock, actor: Actor, now: datetime) -> RoomBlock:
    """The block as if it had not been ended. Raises: WrongState after its end."""
    if b.ended_at is None:
        return b
    _must_not_be_over(b, now)
    return replace(b, ended_at=None, history=(*b.history, _entry("restore", actor, now)))


def _must_not_be_over(b: RoomBlock, now: datetime) -> None:
    if now >= b.span.end:
        raise WrongState(state="completed")


def _entry(event: str, actor: Actor, now: datetime) -> HistoryEntry:
    return HistoryEntry(now, event, actor.by, actor.via)
