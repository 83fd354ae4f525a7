"""Writes whose answer is lost are resolved: they have happened, or they never will.

``Torn`` loses the answer of one call. The write has then happened (``done``), or it is still under
way (``late``) and arrives after everything is settled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Literal

import pytest
from pymongo.errors import AutoReconnect, BulkWriteError, WriteConcernError

from models.kernel.errors import Unavailable
from models.readers.context import IdempotencyKey
from models.reservations.entities import Reservation
from models.reservations.state_machine import ReservationState
from models.storage.mongo import Collection
from tests.race.stage import (
    SEAT,
    Stage,
    Step,
    both_sides_whole,
    clock,
    ctx,
    events,
    scan,
    selection,
)

pytestmark = both_sides_whole

Fate = Literal["done", "late"]


class Torn:
    """A collection whose connection breaks during the first call of ``method``."""

    def __init__(
        self, collection: Collection, method: str, fate: Fate, afterwards: Step | None = None
    ) -> None:
        self._collection, self._method, self._fate = collection, method, fate
        self._afterwards = afterwards
        self.error: Exception = AutoReconnect("the answer is lost")
        self.on_its_way: Callable[[], Awaitable[Any]] | None = None

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._collection, name)
        return self._torn(call) if name == self._method and self.on_its_way is None else call

    def _torn(self, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def torn(*args: Any, **options: Any) -> Any:
            self.on_its_way = lambda: call(*args, **options)
            if self._fate == "done":
                await self.on_its_way()
            if self._afterwards is not None:
                await self._afterwards()
            raise self.error

        return torn

    async def arrive(self) -> Any:
        assert self.on_its_way is not None
        return await self.on_its_way()


def tear(stage: Stage, method: str, fate: Fate, afterwards: Step | None = None) -> Torn:
    """Breaks the connection of the stage's own worker during its next ``method``."""
    torn = Torn(stage.db["reservations"], method, fate, afterwards)
    repository: Any = stage.stored.reservations
    repository._all = torn
    return torn


async def test_an_insert_written_with_a_lost_answer_succeeds(stage: Stage) -> None:
    reader = await stage.reader()
    tear(stage, "insert_many", "done")
    made = await stage.inside.reservations.create(ctx(reader), SEAT, selection(10, 11))
    assert await stage.reload(made) == made
    assert await stage.stored.reservations.count() == 1


async def test_a_lost_insert_cannot_arrive_later(stage: Stage) -> None:
    """The tombstone occupies its id: the late insert fails, and the reader may book again."""
    reader = await stage.reader()
    torn = tear(stage, "insert_many", "late")
    with pytest.raises(Unavailable):
        await stage.inside.reservations.create(ctx(reader), SEAT, selection(10, 11))
    with pytest.raises(BulkWriteError):
        await torn.arrive()
    assert await stage.stored.reservations.count() == 0 and await stage.live_claims() == []
    made = await stage.inside.reservations.create(ctx(reader), SEAT, selection(10, 11))
    assert await stage.reload(made) == made


async def test_without_a_tombstone_a_refused_booking_appears_later(stage: Stage) -> None:
    """The control: checking only for the document is wrong a moment later."""
    reader = await stage.reader()
    torn = tear(stage, "insert_many", "late")
    with pytest.raises(Unavailable):
        await stage.inside.reservations.create(ctx(reader), SEAT, selection(10, 11))
    await stage.db["reservations"].delete_one({"tombstone": True})
    assert await stage.stored.reservations.count() == 0, "looked, and told the reader so"
    await torn.arrive()
    assert await stage.stored.reservations.count() == 1


async def test_a_change_written_with_a_lost_answer_succeeds(stage: Stage) -> None:
    reader = await stage.reader()
    r = await stage.reserved(reader)
    tear(stage, "find_one_and_update", "done")
    changed = await stage.inside.check_in.check_in(ctx(reader, clock(10)), r.id, scan(1))
    assert await stage.reload(r) == changed and changed.state is ReservationState.IN_USE


async def test_a_lost_change_cannot_arrive_later(stage: Stage) -> None:
    """The fence is a change of its own: the late update matches nothing, and the reader may try
    again."""
    reader = await stage.reader()
    r = await stage.reserved(reader)
    torn = tear(stage, "find_one_and_update", "late")
    with pytest.raises(Unavailable):
        await stage.inside.check_in.check_in(ctx(reader, clock(10)), r.id, scan(1))
    assert await torn.arrive() is None
    after = await stage.reload(r)
    assert after.rev == r.rev + 1 and after.change not in (r.change, None)
    assert (after.state, after.claims, after.history) == (r.state, r.claims, r.history)
    again = await stage.inside.check_in.check_in(ctx(reader, clock(10)), r.id, scan(1))
    assert await stage.reload(r) == again and again.state is ReservationState.IN_USE


async def test_without_a_fence_a_refused_change_appears_later(stage: Stage) -> None:
    """The control: the document is set back to its state before the fence."""
    reader = await stage.reader()
    r = await stage.reserved(reader)
    torn = tear(stage, "find_one_and_update", "late")
    with pytest.raises(Unavailable):
        await stage.inside.check_in.check_in(ctx(reader, clock(10)), r.id, scan(1))
    await stage.db["reservations"].update_one(
        {"_id": r.id}, {"$set": {"rev": r.rev, "change": r.change}}
    )
    assert (await stage.reload(r)).state is ReservationState.RESERVED, (
        "looked, and told the reader so"
    )
    assert await torn.arrive() is not None
    assert (await stage.reload(r)).state is ReservationState.IN_USE


@pytest.mark.parametrize("fate", ["done", "late"])
async def test_a_lost_answer_is_resolved_although_another_change_followed(
    stage: Stage, fate: Fate
) -> None:
    """The change happened with another one on top of it; or another one happened instead."""
    reader = await stage.reader()
    r = await stage.reserved(reader)

    async def others() -> None:
        end = clock(13).time()
        await (await stage.worker()).reservations.change(ctx(reader), r.id, None, None, end)

    torn = tear(stage, "find_one_and_update", fate, others)
    times = clock(9).time(), clock(12).time()
    if fate == "done":
        await stage.inside.reservations.change(ctx(reader), r.id, None, *times)
        expected = ["reserve", "change", "change"]
    else:
        with pytest.raises(Unavailable):
            await stage.inside.reservations.change(ctx(reader), r.id, None, *times)
        assert await torn.arrive() is None
        expected = ["reserve", "change"]
    assert events(await stage.reload(r)) == expected
    assert (await stage.reload(r)).end == clock(13)


class Unanswering:
    """Every write happens where it can, and no answer arrives."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._collection, name)

    async def insert_many(self, documents: Any, **options: Any) -> None:
        with suppress(BulkWriteError):
            await self._collection.insert_many(documents, **options)
        raise AutoReconnect("no answer")

    async def find_one_and_update(self, *args: Any, **options: Any) -> None:
        await self._collection.find_one_and_update(*args, **options)
        raise AutoReconnect("no answer")


async def test_a_repeat_with_the_key_finds_a_booking_of_unknown_outcome(stage: Stage) -> None:
    """The tombstone is not answered either: the reader gets an unknown outcome, which the
    repetition resolves."""
    reader = await stage.reader()
    keyed = ctx(reader, key=IdempotencyKey("k-1", "digest"))
    repository: Any = stage.stored.reservations
    repository._all = Unanswering(stage.db["reservations"])
    with pytest.raises(Unavailable):
        await stage.inside.reservations.create(keyed, SEAT, selection(10, 11))
    made = await (await stage.worker()).reservations.create(keyed, SEAT, selection(10, 11))
    assert await stage.stored.reservations.count() == 1
    assert await stage.reload(made) == made


@pytest.mark.parametrize("fate", ["done", "late"])
async def test_a_batch_with_a_lost_answer_is_resolved_insert_by_insert(
    stage: Stage, fate: Fate
) -> None:
    readers = [await stage.reader() for _ in range(3)]
    torn = tear(stage, "insert_many", fate)
    answers = await asyncio.gather(
        *(
            stage.inside.reservations.create(ctx(reader), f"2f-hall-{n:03}", selection(10, 11))
            for n, reader in enumerate(readers, start=1)
        ),
        return_exceptions=True,
    )
    if fate == "done":
        assert [isinstance(made, Reservation) for made in answers] == [True] * 3
        assert await stage.stored.reservations.count() == 3
        return
    assert [type(error) for error in answers] == [Unavailable] * 3
    with pytest.raises(BulkWriteError):
        await torn.arrive()
    assert await stage.stored.reservations.count() == 0


@pytest.mark.parametrize("code", [64, 91, 11602])
async def test_a_write_concern_error_is_not_a_refusal(stage: Stage, code: int) -> None:
    """A step-down or timeout while waiting for the majority: the booking exists."""
    reader = await stage.reader()
    torn = tear(stage, "insert_many", "done")
    torn.error = WriteConcernError("not acknowledged", code)
    made = await stage.inside.reservations.create(ctx(reader), SEAT, selection(10, 11))
    assert await stage.reload(made) == made
