"""A database of a few seats and the events that a follower receives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, cast

from models.kernel.ids import ReaderId, ReservationId
from models.library.entities import Area, Seat, SeatId
from models.reservation_store.change_stream_repository import ChangeBatch, ReservationChangeStream
from models.reservation_store.repository import ReservationRepository
from models.reservations.entities import Reservation
from models.reservations.occupancy_rows import Change, OccupancyRow, RowRemoval, RowUpdate
from models.reservations.state_machine import LIVE
from tests.builders import AREA, LI, MONDAY, VENUE, ZHANG

SEATS = tuple(SeatId(f"2f-hall-{number:03d}") for number in range(1, 5))
READERS = (ZHANG, LI, ReaderId("c" * 24))
HOURS = [f"{hour:02}:00" for hour in range(8, 22)]
DAY = MONDAY


def row_of(r: Reservation) -> OccupancyRow:
    return OccupancyRow.of(
        r.id, r.rev, r.seat_id, r.reader_id, r.state, r.start, r.available_from, r.end
    )


class Rows(ReservationRepository):
    """Loads that are answered when the test decides, from the database at some moment."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.asked: list[asyncio.Future[list[OccupancyRow]]] = []
        self.writer = "me"

    async def occupancy_rows(self, _: object) -> list[OccupancyRow]:
        self.asked.append(asyncio.get_running_loop().create_future())
        return await self.asked[-1]


class Told(ReservationChangeStream):
    def __init__(self) -> None:
        super().__init__(cast(Any, None), "me")
        self.told: asyncio.Queue[ChangeBatch] = asyncio.Queue()

    async def batches(self) -> AsyncIterator[ChangeBatch]:
        while True:
            yield await self.told.get()


@dataclass
class Database:
    """The committed documents, and the stream of their changes."""

    now: dict[ReservationId, Reservation] = field(default_factory=dict)
    stream: list[tuple[str | None, Change]] = field(default_factory=list)

    def insert(self, r: Reservation, own: bool) -> None:
        self.now[r.id] = r
        if not own:  # the stream leaves out what this process inserts
            self.stream.append((r.date.isoformat(), row_of(r)))

    def update(self, new: Reservation) -> None:
        old = self.now[new.id]
        names = ("seat_id", "state", "available_from", "end")
        fields = {n: getattr(new, n) for n in names if getattr(new, n) != getattr(old, n)}
        if new.start != old.start:
            fields["booked_start"] = new.start
        self.now[new.id] = new
        self.stream.append((None, RowUpdate(new.id, new.rev, fields)))

    def delete(self, id: ReservationId) -> None:
        del self.now[id]
        self.stream.append((None, RowRemoval(id)))

    @property
    def rows(self) -> dict[ReservationId, OccupancyRow]:
        live = (r for r in self.now.values() if r.state in LIVE and r.date == DAY)
        return {r.id: row_of(r) for r in live}


AN_AREA = Area(
    AREA,
    VENUE,
    "二层中厅",
    2,
    1,
    100,
    100,
    (
        *(Seat(seat, AREA, seat[-3:], 0, 0) for seat in SEATS),
        Seat(SeatId("2f-hall-099"), AREA, "099", 0, 0, disabled="维修"),
    ),
    (),
)
