"""Offers that hold a seat, with one repository that holds it too late."""

from __future__ import annotations

from collections.abc import Mapping

from models.reservation_store.repository import ReservationRepository
from models.reservations.entities import Reservation
from models.storage.transactions import InTransaction
from tests.race.stage import Stage


async def held(stage: Stage) -> list[str]:
    rows = await stage.db["reservations"].find({"state": "offered"}).to_list(None)
    return [row["seat"] for row in rows]


class InTwoSteps(ReservationRepository):
    """The control: releases the seat first and holds it in a second step."""

    async def replace_and_offer(
        self,
        old: Reservation,
        new: Reservation,
        due: Mapping[str, object] | None,
        offer: Reservation,
        claim: InTransaction,
    ) -> Reservation:
        written = await self.replace(old, new, due)
        await self.insert_together(offer, claim)
        return written
