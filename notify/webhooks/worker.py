"""Sends the queued webhooks. Each endpoint has its own lane: a task that sends its deliveries, so
that a hanging endpoint delays no other. ``WebhookWorker.run`` starts the lanes that are missing and
waits a short time for them; slow lanes continue between runs.

A result is written only under the lease that was taken before sending.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final

from models.kernel.errors import Unavailable
from models.webhooks import rules
from models.webhooks.delivery_repository import WebhookDeliveryRepository
from models.webhooks.endpoint_repository import WebhookEndpointRepository
from models.webhooks.entities import (
    WebhookDelivery,
    WebhookDeliveryState,
    WebhookEndpoint,
    WebhookId,
    WebhookResult,
)
from notify.webhooks.sender import WebhookSender

log = logging.getLogger(__name__)
CONCURRENCY: Final = 4
"""At most this many deliveries to one endpoint are sent in parallel, of different subjects."""
LEASED: Final = 32
"""Up to this many deliveries are leased together, since a lease takes three database calls."""
RUN_S: Final = 2.0
"""A lane ends after this many seconds, since its only reading of the clock becomes outdated."""
WAIT_S: Final = 1.0
"""Seconds that a run waits for its lanes; unfinished ones continue."""
LEASE: Final = timedelta(seconds=40)
"""How long a worker may keep a delivery; longer than an attempt and writing its result take."""
CLOSE_S: Final = 3.0
_Answer = tuple[WebhookEndpoint, WebhookResult]
"""The endpoint as read for the attempt, and the attempt's result."""


@dataclass(slots=True, eq=False)
class _Lane:
    """The deliveries to one endpoint that a worker has under way.

    `waiting`: leased, not yet sent. `sending`: sent, no answer yet. `saving`: answered, the result
    not yet written. `goes_on`: False once no attempt may be started any more. `more_due`: True
    if the queue may hold more due deliveries.
    """

    endpoint: WebhookEndpoint
    now: datetime
    goes_on: bool = True
    more_due: bool = True
    waiting: deque[WebhookDelivery] = field(default_factory=deque)
    sending: set[asyncio.Task[tuple[WebhookDelivery, _Answer | None]]] = field(default_factory=set)
    saving: set[asyncio.Task[None]] = field(default_factory=set)
    leasing: asyncio.Task[None] | None = None

    @property
    def under_way(self) -> set[asyncio.Task[Any]]:
        return self.sending | self.saving | ({self.leasing} if self.leasing else set())

    @property
    def at_once(self) -> int:
        return CONCURRENCY if self.endpoint.failures < rules.PAUSE_AFTER else 1

    @property
    def lease_count(self) -> int:
        """The number of deliveries to lease now: at most ``LEASED``, few after failures."""
        if self.leasing is not None or not self.more_due:
            return 0
        most = self.at_once if self.endpoint.failures else LEASED
        in_hand = len(self.waiting) + len(self.sending) + len(self.saving)
        return most - in_hand if in_hand <= most // 2 else 0


def usual_jitter() -> float:
    return random.uniform(0.8, 1.2)


class WebhookWorker:
    def __init__(
        self,
        endpoints: WebhookEndpointRepository,
        deliveries: WebhookDeliveryRepository,
        sender: WebhookSender,
        real_now: Callable[[], datetime],
        count: Callable[[str, int], None] = lambda outcome, times: None,
        jitter: Callable[[], float] = usual_jitter,
    ) -> None:
        """``real_now``: the machine's time, for leases. ``count`` receives an outcome (a
        ``WebhookDeliveryState``) and the number of deliveries that had it, for metrics.
        ``jitter`` returns a factor around 1 for each delay."""
        self._endpoints, self._deliveries, self._sender = endpoints, deliveries, sender
        self._real_now, self._count, self._jitter = real_now, count, jitter
        self._lanes: dict[WebhookId, asyncio.Task[None]] = {}
        self._tried = 0
        self._closing = False

    async def run(self, now: datetime) -> int:
        """Sends due deliveries. Returns the number of attempts since the last call and of
        deliveries given up, added; at least 1 while a lane is running. Raises: Unavailable."""
        before, self._tried = self._tried, 0
        endpoints = await self._endpoints.all()
        if not endpoints:
            return 0
        for endpoint in endpoints:
            free = endpoint.enabled and not endpoint.is_paused(now)
            free = free and endpoint.id not in self._lanes
            if free and not self._closing:
                self._lanes[endpoint.id] = asyncio.create_task(self._lane(endpoint, now))
        if self._lanes:
            await asyncio.wait(set(self._lanes.values()), timeout=WAIT_S)
            self._lanes = {id: task for id, task in self._lanes.items() if not task.done()}
        given_up = await self._deliveries.give_up(now, self._real_now())
        if given_up:
            self._count(WebhookDeliveryState.DEAD.value, given_up)
        return before + self._tried + given_up or len(self._lanes)

    async def close(self) -> None:
        """Waits briefly for attempts under way. Deliveries that get no answer in this time stay
        leased; they are repeated when the lease ends."""
        self._closing = True
        lanes = set(self._lanes.values())
        if lanes:
            _, late = await asyncio.wait(lanes, timeout=CLOSE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _lane(self, endpoint: WebhookEndpoint, now: datetime) -> None:
        """Sends the endpoint's due deliveries until none is left, the endpoint is paused or
        ``RUN_S`` is over. After ``PAUSE_AFTER`` failures in a row, deliveries are sent singly."""
        lane, stop_at = _Lane(endpoint, now), monotonic() + RUN_S
        try:
            while True:
                lane.goes_on = lane.goes_on and monotonic() < stop_at and not self._closing
                if lane.goes_on:
                    self._begin(lane)
                else:
                    await self._release_waiting(lane)
                if not lane.under_way:
                    return
                # A slow delivery delays its own subject only.
                done, _ = await asyncio.wait(lane.under_way, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    await self._handle_end(lane, task)
        except Unavailable as error:
            log.warning("webhooks_interrupted", extra={"reason": repr(error)})
        except Exception:
            log.exception("webhooks_failed", extra={"webhook": endpoint.id})
        finally:
            for task in lane.under_way:
                task.cancel()
            await asyncio.gather(*lane.under_way, return_exceptions=True)
            with suppress(Unavailable):  # otherwise the leases run out
                await self._release_waiting(lane)

    def _begin(self, lane: _Lane) -> None:
        """Starts as many waiting deliveries as allowed, and a task that leases more."""
        while lane.waiting and len(lane.sending) < lane.at_once:
            attempt = self._attempt(lane.endpoint, lane.waiting.popleft(), lane.now)
            lane.sending.add(asyncio.create_task(attempt))
        if count := lane.lease_count:
            lane.more_due = False
            lane.leasing = asyncio.create_task(self._lease(lane, count))

    async def _lease(self, lane: _Lane, count: int) -> None:
        leased = await self._deliveries.lease_next(
            lane.endpoint.id, lane.now, self._real_now(), LEASE, count
        )
        lane.waiting += leased
        lane.more_due = lane.more_due or len(leased) == count

    async def _release_waiting(self, lane: _Lane) -> None:
        left, lane.waiting = lane.waiting, deque()
        await self._deliveries.release(left, lane.now)

    async def _handle_end(self, lane: _Lane, task: asyncio.Task[Any]) -> None:
        """Handles a task that has ended: an attempt, the writing of a result, or a lease."""
        if task is lane.leasing:
            lane.leasing = None
            task.result()
            return
        if task in lane.saving:
            lane.saving.remove(task)
            task.result()
            lane.more_due = True  # the subject's next delivery may go
            return
        lane.sending.remove(task)
        d, answer = task.result()
        if answer is None:
            lane.goes_on = False
            lane.waiting.append(d)
            return
        lane.saving.add(asyncio.create_task(self._save(d, answer[1], lane.now)))
        lane.endpoint, paused = await self._judge(lane.endpoint, answer, lane.now)
        lane.goes_on = lane.goes_on and not paused

    async def _attempt(
        self, endpoint: WebhookEndpoint, d: WebhookDelivery, now: datetime
    ) -> tuple[WebhookDelivery, _Answer | None]:
        """Makes one attempt. The answer is None if the endpoint was disabled or deleted
        meanwhile; the delivery then returns to the queue."""
        try:
            return d, await self._sender.send(endpoint.id, d.event, now)
        except Unavailable:
            raise
        except Exception:  # any other failure is tried again
            log.exception("webhook_failed", extra={"webhook": endpoint.id})
            return d, (endpoint, WebhookResult(None, "broken"))

    async def _save(self, d: WebhookDelivery, result: WebhookResult, now: datetime) -> None:
        due = None
        if not result.delivered and not result.gone:
            due = rules.next_attempt(
                d.attempts, result.retry_after_s, self._jitter(), now, d.give_up_at
            )
        await self._deliveries.save_result(d, result, due, now)
        self._tried += 1
        outcome = WebhookDeliveryState.QUEUED if due else WebhookDeliveryState.DEAD
        outcome = WebhookDeliveryState.DELIVERED if result.delivered else outcome
        self._count(outcome.value, 1)

    async def _judge(
        self, endpoint: WebhookEndpoint, answer: _Answer, now: datetime
    ) -> tuple[WebhookEndpoint, bool]:
        """Returns the endpoint as changed by the answer, and True if nothing more may be sent
        now: the endpoint is paused, or was disabled after it answered 410."""
        current, result = answer
        if current.url != endpoint.url:
            endpoint = current  # the staff have changed the URL, which starts without failures
        if result.gone:
            if await self._endpoints.disable_gone(current):
                log.warning("webhook_gone", extra={"webhook": endpoint.id})
            return endpoint, True
        if result.delivered:
            if endpoint.failures:
                await self._endpoints.end_pause(endpoint)
            return replace(endpoint, failures=0), False
        failures = endpoint.failures + 1
        until = rules.pause_until(failures, result.retry_after_s, self._jitter(), now)
        await self._endpoints.record_failures(current, failures, until)
        if until is not None:
            log.info("webhook_waits", extra={"webhook": endpoint.id, "failures": failures})
        return replace(endpoint, failures=failures), until is not None
