"""Subscribers to reservation writes are notified of each stored one, and of no other."""

from __future__ import annotations

from typing import Any

import pytest

from models.check_in import transitions
from models.policy.entities import Policy
from models.reservation_store.repository import ReservationRepository
from models.reservations.claims import ClaimKind
from models.reservations.entities import Reservation
from models.reservations.errors import ClaimLost, StaleRevision
from models.storage.mongo import Database, new_id
from tests.builders import BY_READER, LI, PROOF, ZONE, on, reserved


class Seen:
    """Records the notifications."""

    def __init__(self) -> None:
        self.writes: list[tuple[str | None, str]] = []
        self.refused: list[ClaimKind | None] = []

    def written(self, old: Reservation | None, new: Reservation) -> None:
        self.writes.append((old.state.value if old else None, new.state.value))

    def lost(self, kind: ClaimKind | None) -> None:
        self.refused.append(kind)


async def test_a_watcher_gets_stored_writes_and_index_refusals(
    db: Database,
) -> None:
    seen = Seen()
    store = ReservationRepository(db)
    store.subscribe(seen)
    made = reserved()
    await store.insert(made)
    with pytest.raises(ClaimLost):
        await store.insert(reserved("15:00", "17:00", id=new_id(), reader=LI))
    used = transitions.check_in(ZONE, made, PROOF, Policy(), BY_READER, on("14:00"), early=False)
    stored = await store.replace(made, used)
    with pytest.raises(StaleRevision):
        await store.replace(made, used)  # somebody else was first: nothing is written

    async def offered(session: Any) -> None:
        """Waitlist entries are ignored here."""

    await store.replace_and_offer(
        stored,
        transitions.finish(stored, BY_READER, on("15:00")),
        None,
        reserved("15:00", "17:00", id=new_id(), reader=LI),
        offered,
    )
    assert seen.writes == [
        (None, "reserved"),
        ("reserved", "in_use"),
        ("in_use", "finished"),
        (None, "reserved"),
    ]
    assert seen.refused == [ClaimKind.SEAT]
