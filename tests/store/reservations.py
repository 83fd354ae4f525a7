"""Reservations and their repository."""

from __future__ import annotations

from typing import Any

from models.policy.entities import Policy
from models.reservation_store.repository import ReservationRepository
from models.reservations.entities import Reservation
from models.storage.mongo import new_id
from tests.builders import reserved

POLICY = Policy()
OTHER_SEAT = "2f-hall-066"


def another(start: str = "14:00", end: str = "16:00", **facts: Any) -> Reservation:
    return reserved(start, end, **{"id": new_id(), **facts})


async def insert_all(store: ReservationRepository, *made: Reservation) -> None:
    for r in made:
        await store.insert(r)
