"""A webhook worker: concurrency, round trips, and order."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import cast

from miniapp_server.repositories import Repositories
from models.webhooks.endpoint_repository import new_secret
from models.webhooks.entities import (
    WebhookDeliveryState,
    WebhookEndpoint,
    WebhookEvent,
    WebhookId,
    WebhookResult,
)
from notify.webhooks.sender import WebhookSender
from notify.webhooks.worker import CONCURRENCY, WebhookWorker
from tests.race.occupancy_workers import counted_worker
from tests.race.stage import EIGHT, Stage
from tests.race.webhook_events import FAILED, TAKEN, endpoint, event


class Program:
    """Stands in for the sender and a receiver, whose ``answer`` to an event takes a moment.
    ``heard`` lists the events with the answers, ``most`` is the greatest concurrency."""

    def __init__(
        self, registered: WebhookEndpoint, answer: Callable[[WebhookEvent], WebhookResult]
    ) -> None:
        self._known, self._answer = registered, answer
        self.heard: list[tuple[WebhookEvent, WebhookResult]] = []
        self._under_way = self.most = 0

    async def send(
        self, id: WebhookId, event: WebhookEvent, now: datetime
    ) -> tuple[WebhookEndpoint, WebhookResult]:
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        await asyncio.sleep(0)
        self._under_way -= 1
        self.heard.append((event, answer := self._answer(event)))
        return self._known, answer


async def program(
    stored: Repositories, answer: Callable[[WebhookEvent], WebhookResult]
) -> tuple[Program, WebhookWorker]:
    """A receiver and a worker that sends to it."""
    registered = await stored.webhooks.add(endpoint(), new_secret())
    assert registered is not None
    receiving = Program(registered, answer)
    sender = cast(WebhookSender, receiving)
    worker = WebhookWorker(
        *(stored.webhooks, stored.webhook_deliveries, sender, lambda: EIGHT), jitter=lambda: 1.0
    )
    return receiving, worker


async def send_events(stored: Repositories, worker: WebhookWorker, *events: WebhookEvent) -> None:
    """Queues the events for the only endpoint and sends until nothing is due."""
    (registered,) = await stored.webhooks.all()
    await stored.webhook_deliveries.add([(e, registered.id) for e in events], EIGHT)
    while await worker.run(EIGHT):
        pass


async def test_many_deliveries_take_few_round_trips(
    stage: Stage, mongo_url: str, theatre: str
) -> None:
    """Less than one round trip each, with at most four deliveries under way."""
    events = [event(1, f"r{n}") for n in range(64)]
    async with counted_worker(mongo_url, theatre, stage.cipher) as (one, commands):
        receiving, worker = await program(one.inside.stored, lambda _: TAKEN)
        commands.names.clear()
        await send_events(one.inside.stored, worker, *events)
        assert len(commands.names) < len(events), Counter(commands.names)
    assert Counter(e.id for e, _ in receiving.heard) == Counter(e.id for e in events)
    assert receiving.most == CONCURRENCY
    states = await stage.db["webhook_deliveries"].distinct("state")
    assert states == [WebhookDeliveryState.DELIVERED.value]


async def test_deliveries_leased_and_not_begun_are_released_at_a_pause(stage: Stage) -> None:
    """The receiver asks for a pause after four; the others were leased with them."""
    busy = WebhookResult(503, retry_after_s=60)
    receiving, worker = await program(stage.stored, lambda _: busy)
    await send_events(stage.stored, worker, *(event(1, f"r{n}") for n in range(20)))
    assert len(receiving.heard) == CONCURRENCY
    free = {"state": "queued", "attempts": 0, "lease_until": None, "holder": "", "due": EIGHT}
    left = await stage.db["webhook_deliveries"].count_documents(free)
    assert left == 20 - CONCURRENCY


async def test_events_of_a_reservation_stay_in_order_among_many_deliveries(stage: Stage) -> None:
    """Three events of each reservation; every second event fails at first."""
    failed = set[str]()

    def answer(e: WebhookEvent) -> WebhookResult:
        if e.seq != 2 or e.id in failed:
            return TAKEN
        failed.add(e.id)
        return FAILED

    receiving, worker = await program(stage.stored, answer)
    subjects = [f"r{n}" for n in range(20)]
    await send_events(stage.stored, worker, *(event(seq, s) for s in subjects for seq in (3, 1, 2)))
    for minutes in range(1, 60, 6):  # those that failed, and the pauses, are over by then
        while await worker.run(EIGHT + timedelta(minutes=minutes)):
            pass
    for subject in subjects:
        heard = [(e.seq, a.delivered) for e, a in receiving.heard if e.subject == subject]
        assert heard == [(1, True), (2, False), (2, True), (3, True)], subject
