"""Webhooks with two workers: one sends, in order, and a late one overwrites nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from models.kernel.ids import ReaderId
from models.readers import personal_data_repository
from models.readers.personal_data_repository import ERASED_READER
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database
from models.webhooks.delivery_repository import WebhookDeliveryRepository
from models.webhooks.endpoint_repository import WebhookEndpointRepository, new_secret
from models.webhooks.entities import (
    MOST_ENDPOINTS,
    WebhookDelivery,
    WebhookDeliveryState,
    WebhookEndpoint,
    WebhookId,
)
from models.webhooks.errors import WebhookMade
from tests.race.occupancy_workers import counted_worker
from tests.race.outbox import dispatcher
from tests.race.stage import (
    EIGHT,
    SEATS,
    Stage,
    ctx,
    guarded,
    put_around,
    selection,
    unguard,
)
from tests.race.webhook_events import FAILED, TAKEN, endpoint, event

THERE = WebhookId("1" * 24)
LEASE = timedelta(seconds=40)


def deliveries(stage: Stage, guard: bool = True) -> WebhookDeliveryRepository:
    """The deliveries of one worker."""
    made = WebhookDeliveryRepository(stage.db)
    if not guard:
        unguard(made)
    return made


async def lease(
    mine: WebhookDeliveryRepository, after: timedelta = timedelta()
) -> list[WebhookDelivery]:
    return await mine.lease_next(THERE, EIGHT + after, EIGHT + after, LEASE, 4)


@guarded
async def test_two_workers_lease_a_delivery_once(stage: Stage, guard: bool) -> None:
    """Both have read it before one of them leases it."""
    await deliveries(stage).add([(event(1), THERE)], EIGHT)
    barrier = asyncio.Barrier(2)

    async def run() -> list[WebhookDelivery]:
        mine = deliveries(stage, guard)
        put_around(mine, "bulk_write", before=barrier.wait)
        return await lease(mine)

    first, second = await asyncio.gather(run(), run())
    assert len(first) + len(second) == (1 if guard else 2)


async def test_a_subject_settled_between_the_reads_blocks_no_other(stage: Stage) -> None:
    """Its last delivery was due when a worker looked, and is taken before that worker asks for the
    first one."""
    mine, other = deliveries(stage), deliveries(stage)
    await mine.add([(event(1), THERE), (event(1, "r2"), THERE)], EIGHT)
    (first,) = await other.lease_next(THERE, EIGHT, EIGHT, LEASE, 1)
    await stage.db["webhook_deliveries"].update_one({"_id": first.id}, {"$set": {"due": EIGHT}})

    async def settled() -> None:
        await other.save_result(first, TAKEN, None, EIGHT)

    put_around(mine, "aggregate", before=settled)
    assert [d.event.subject for d in await lease(mine)] == ["r2"]


async def test_an_event_is_not_leased_before_the_previous_one_is_settled(stage: Stage) -> None:
    """At any point while they are written, and while the first is under way."""
    seen: list[str] = []
    writer, other = deliveries(stage), deliveries(stage)

    async def meanwhile() -> None:
        assert await stage.db["webhook_deliveries"].distinct("seq") == [1]
        seen.extend(d.event.id for d in await lease(other))

    put_around(writer, "insert_many", behind=meanwhile)
    events = [event(3), event(1), event(2), event(1, "r2")]
    await writer.add([(e, THERE) for e in events], EIGHT)
    assert sorted(seen) == ["evt_r1_1", "evt_r2_1"], "the first of each, before any other is there"
    assert await lease(writer) == []
    held = {row["_id"]: row for row in await stage.db["webhook_deliveries"].find().to_list(None)}
    assert held[f"evt_r1_2@{THERE}"]["due"] > EIGHT, "put off, so that others are not hidden"


@guarded
async def test_a_postponed_event_is_due_when_the_previous_one_is_settled(
    stage: Stage, guard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker sees the first event under way; it is taken before the worker postpones the
    second."""
    mine, other = deliveries(stage), deliveries(stage)
    await mine.add([(event(n), THERE) for n in (1, 2)], EIGHT)
    (first,) = await mine.lease_next(THERE, EIGHT, EIGHT, LEASE, 1)

    async def taken() -> None:
        await mine.save_result(first, TAKEN, None, EIGHT)

    put_around(other, "bulk_write", before=taken)
    if not guard:
        monkeypatch.setattr(other, "_undo_postponing", _leave)
    assert await lease(other) == []
    second = await lease(deliveries(stage))
    assert [d.event.seq for d in second] == ([2] if guard else [])


async def _leave(*_: object) -> None:
    """Replaces the second check: documents stay as they were written."""


async def test_events_of_a_subject_stay_in_order_through_failures(stage: Stage) -> None:
    mine = deliveries(stage)
    await mine.add([(event(n), THERE) for n in (1, 2)], EIGHT)
    (first,) = await lease(mine)
    await mine.save_result(first, FAILED, EIGHT + timedelta(minutes=1), EIGHT)
    assert await lease(mine, timedelta(seconds=59)) == []
    (again,) = await lease(mine, timedelta(seconds=61))
    assert (again.event.seq, again.attempts) == (1, 2)
    assert await lease(deliveries(stage), timedelta(seconds=61)) == [], "it is put off once more"
    await mine.save_result(again, TAKEN, None, EIGHT + timedelta(seconds=61))
    (second,) = await lease(mine, timedelta(seconds=61))
    assert second.event.seq == 2, "at once, and not when the first was due again"


@guarded
async def test_a_worker_whose_lease_expired_does_not_overwrite_the_result(
    stage: Stage, guard: bool
) -> None:
    """A second worker has sent the event meanwhile."""
    slow, quick = deliveries(stage, guard), deliveries(stage)
    await quick.add([(event(1), THERE)], EIGHT)
    (mine,) = await lease(slow)
    assert await lease(quick, LEASE - timedelta(seconds=1)) == []
    (theirs,) = await lease(quick, LEASE)
    await quick.save_result(theirs, TAKEN, None, EIGHT + LEASE)
    await slow.save_result(mine, FAILED, EIGHT + 2 * LEASE, EIGHT + LEASE)
    (row,) = await stage.db["webhook_deliveries"].find().to_list(None)
    assert (row["state"] == WebhookDeliveryState.DELIVERED) is guard
    assert row["open"] is not guard


async def test_an_event_that_is_dispatched_twice_is_delivered_once(stage: Stage) -> None:
    await asyncio.gather(*(deliveries(stage).add([(event(1), THERE)], EIGHT) for _ in range(4)))
    assert await stage.db["webhook_deliveries"].count_documents({}) == 1


@guarded
async def test_a_delivery_dispatched_after_the_erasure_names_no_reader(
    stage: Stage, guard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dispatcher reads the event before the erasure and writes it afterwards."""
    stays, goes = await stage.reader(), await stage.reader()
    events = [replace(event(1, r.id), reader_id=r.id) for r in (stays, goes)]
    await stage.db["readers"].delete_one({"_id": goes.id})
    mine = deliveries(stage)
    if not guard:
        monkeypatch.setattr(mine, "_forget_erased", _leave)
    await mine.add([(e, THERE) for e in events], EIGHT)
    readers = {row["reader"] async for row in stage.db["webhook_deliveries"].find()}
    assert readers == {stays.id, ERASED_READER if guard else goes.id}


async def test_an_erasure_covers_deliveries_added_while_it_runs(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The delivery is added, with the reader still present, after the erasure has searched the
    deliveries."""
    goes = await stage.reader()
    forget = personal_data_repository._forget_actions

    async def late(db: Database, id: ReaderId) -> None:
        await deliveries(stage).add([(replace(event(1, id), reader_id=id), THERE)], EIGHT)
        await forget(db, id)

    monkeypatch.setattr(personal_data_repository, "_forget_actions", late)
    counts = await personal_data_repository.erase_documents(stage.db, goes.id)
    assert counts["webhook_deliveries"] == 1
    assert not await personal_data_repository.remaining(stage.db, goes.id)
    (row,) = await stage.db["webhook_deliveries"].find().to_list()
    assert row["reader"] == ERASED_READER


@guarded
@pytest.mark.parametrize("all_stale", [True, False])
async def test_rotating_the_data_keys_keeps_a_concurrently_changed_secret(
    stage: Stage, guard: bool, all_stale: bool
) -> None:
    """An administrator changes the endpoint's secret during the rotation, before or after it was
    encrypted with the new key."""
    first = FieldCipher({1: b"k" * 32})
    made = await WebhookEndpointRepository(stage.db, first).add(endpoint(), new_secret())
    both = FieldCipher({1: b"k" * 32, 2: b"n" * 32})
    anew, other = (WebhookEndpointRepository(stage.db, both) for _ in range(2))
    assert made is not None
    if not all_stale:
        assert await other.rotate(made, new_secret(), EIGHT)
        turned = await other.get(made.id)
        assert turned is not None and await other.end_old_secret(turned)
    seen, secret = await other.get(made.id), new_secret()
    assert seen is not None

    async def rotated() -> None:
        assert await other.rotate(seen, secret, EIGHT)

    put_around(anew, "update_one", before=rotated)
    if not guard:
        unguard(anew)
    await anew.reencrypt()
    with_secret = await other.with_keys(made.id, EIGHT)
    assert with_secret is not None
    assert (secret in with_secret[1].secrets) is (guard or not all_stale)


@guarded
async def test_there_are_ten_endpoints_at_most(stage: Stage, guard: bool) -> None:
    if not guard:
        await stage.drop("webhooks", "place")
    many = [WebhookEndpointRepository(stage.db, stage.cipher) for _ in range(MOST_ENDPOINTS + 3)]
    made = await asyncio.gather(*(one.add(endpoint(), new_secret()) for one in many))
    count = sum(one is not None for one in made)
    assert count == await stage.db["webhooks"].count_documents({})
    assert count == (MOST_ENDPOINTS if guard else MOST_ENDPOINTS + 3)


@guarded
async def test_a_form_sent_twice_makes_one_endpoint(stage: Stage, guard: bool) -> None:
    """Sent twice at once; its id is derived from the form's key."""
    first = endpoint()
    second = first if guard else endpoint()

    async def add(made: WebhookEndpoint) -> bool:
        mine = WebhookEndpointRepository(stage.db, stage.cipher)
        try:
            return await mine.add(made, new_secret()) is not None
        except WebhookMade:
            return False

    done = await asyncio.gather(add(first), add(second))
    assert sorted(done) == ([False, True] if guard else [True, True])
    assert await stage.db["webhooks"].count_documents({}) == sum(done)


@guarded
async def test_of_concurrent_secret_rotations_one_is_saved(stage: Stage, guard: bool) -> None:
    """Two administrators rotate it at once: one gets a conflict."""
    stored_endpoint = await WebhookEndpointRepository(stage.db, stage.cipher).add(
        endpoint(), new_secret()
    )
    assert stored_endpoint is not None
    barrier = asyncio.Barrier(2)

    async def rotate() -> bool:
        mine = WebhookEndpointRepository(stage.db, stage.cipher)
        if not guard:
            unguard(mine)
        put_around(mine, "update_one", before=barrier.wait)
        return await mine.rotate(stored_endpoint, new_secret(), EIGHT)

    done = await asyncio.gather(rotate(), rotate())
    assert sorted(done) == ([False, True] if guard else [True, True])


@guarded
async def test_a_410_of_the_old_address_does_not_disable_a_changed_endpoint(
    stage: Stage, guard: bool
) -> None:
    """The 410 arrives after the administrator has changed the address."""
    mine = WebhookEndpointRepository(stage.db, stage.cipher)
    stored_endpoint = await mine.add(endpoint(), new_secret())
    assert stored_endpoint is not None
    moved = WebhookEndpoint(
        stored_endpoint.id,
        "https://b.example/",
        stored_endpoint.description,
        stored_endpoint.events,
    )
    assert await mine.replace(stored_endpoint, moved)
    if not guard:
        unguard(mine)
    assert await mine.disable_gone(stored_endpoint) is not guard
    current = await WebhookEndpointRepository(stage.db, stage.cipher).get(stored_endpoint.id)
    assert current is not None and current.enabled is guard


@guarded
async def test_an_answer_of_the_old_address_does_not_pause_a_changed_endpoint(
    stage: Stage, guard: bool
) -> None:
    """The old address asks for an hour's pause after the administrator has changed it."""
    mine = WebhookEndpointRepository(stage.db, stage.cipher)
    stored_endpoint = await mine.add(endpoint(), new_secret())
    assert stored_endpoint is not None
    assert await mine.replace(stored_endpoint, replace(stored_endpoint, url="https://b.example/"))
    if not guard:
        unguard(mine)
    await mine.record_failures(stored_endpoint, 1, EIGHT + timedelta(hours=1))
    current = await mine.get(stored_endpoint.id)
    assert current is not None
    assert (current.failures, current.paused_until is None) == ((0, True) if guard else (1, False))


async def test_webhooks_add_no_database_command_to_a_booking(
    stage: Stage, mongo_url: str, theatre: str
) -> None:
    """The reader's request sends the same commands as without webhooks. The dispatcher of a batch,
    of any size, adds two queries without endpoints, and one more and a write with some."""
    costs = []
    for listeners in (0, MOST_ENDPOINTS):
        for _ in range(listeners):
            assert await stage.stored.webhooks.add(endpoint(), new_secret()) is not None
        async with counted_worker(mongo_url, theatre, stage.cipher) as (one, commands):
            queue = dispatcher(one.inside, one.inside.stored.messages)
            for n, seat in enumerate(SEATS[listeners : listeners + 3]):
                reader = await stage.reader()
                commands.names.clear()
                await one.inside.reservations.create(ctx(reader), seat, selection(10, 11))
                costs.append(Counter(commands.names))
                assert costs[-1] == costs[0], (listeners, n)
            for _ in range(2):
                commands.names.clear()
                dispatched = await queue.dispatch(EIGHT)
                if dispatched:
                    costs_of_dispatch = Counter(commands.names)
            assert commands.names.count("find") == 3, "an idle one looks at three outboxes"
            assert costs_of_dispatch["insert"] == (2 if listeners else 1)
            assert costs_of_dispatch["find"] <= (6 if listeners else 5)
    queued = await stage.db["webhook_deliveries"].count_documents({})
    assert queued == 3 * MOST_ENDPOINTS
