"""Mistakes about rooms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest import mock

from pymongo.read_concern import ReadConcern

from lab.proof.planted_rules import Around
from lab.proof.simulation import Run
from models.kernel.zone import Zone
from models.reservations.room_block import RoomBlock
from models.reservations.room_booking import RoomBooking, RoomEvent
from models.storage.mongo import Document


def answered_by_id_alone(run: Run) -> None:
    """An approval changes the booking by its ``_id`` alone."""
    _by_id_alone(run, RoomEvent.APPROVE)


def released_by_id_alone(run: Run) -> None:
    """A booking that was read with too few people is released by its ``_id`` alone."""
    _by_id_alone(run, RoomEvent.RELEASE)


def changed_by_id_alone(run: Run) -> None:
    """A booking gets another time by its ``_id`` alone."""
    _by_id_alone(run, RoomEvent.CHANGE)


def _by_id_alone(run: Run, event: RoomEvent) -> None:
    for worker in run.workers.values():
        bookings = worker.stored.room_bookings
        guarded = bookings._all
        rooms = guarded.with_options(read_concern=ReadConcern("majority"))

        async def change(
            guard: Mapping[str, Any],
            update: Mapping[str, Any],
            projection: Mapping[str, int],
            all: Any = guarded,
        ) -> Document | None:
            if update["$set"]["history"][-1]["event"] == event:
                guard = {"_id": guard["_id"]}
            found: Document | None = await all.find_one_and_update(guard, update, projection)
            return found

        setattr(rooms, "find_one_and_update", change)  # noqa: B010
        bookings._all = rooms


def series_day_by_day(run: Run) -> None:
    """The blocks of a series are stored one after the other, until one does not fit."""
    for worker in run.workers.values():
        stored = worker.stored.room_blocks

        async def insert_all(
            zone: Zone, blocks: Sequence[RoomBlock], one: Any = stored.insert_all
        ) -> None:
            for block in blocks:
                await one(zone, [block])

        setattr(stored, "insert_all", insert_all)  # noqa: B010


def buffer_is_not_claimed() -> Around:
    """A booking claims the room for the stay alone."""
    claims = RoomBooking.claims

    def of_the_stay(b: RoomBooking, zone: Zone) -> tuple[str, ...]:
        return claims(replace(b, buffer=timedelta()), zone)

    return mock.patch.object(RoomBooking, "claims", of_the_stay)


def people_are_not_claimed() -> Around:
    """A booking claims its booker's time, but not that of those who confirm."""
    claims = RoomBooking.claims

    def of_the_booker(b: RoomBooking, zone: Zone) -> tuple[str, ...]:
        return claims(replace(b, people=b.people[:1]), zone)

    return mock.patch.object(RoomBooking, "claims", of_the_booker)
