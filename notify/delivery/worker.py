"""Delivers messages by one channel: in order for each reader, under leases, retried as the channel
decides.

Claims and results are batched, so that only the channel's latency limits the rate. A message that
may have arrived is repeated only after the channel has answered a call that sends nothing, so that
a hanging channel does not use up the attempts.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from time import monotonic
from typing import Final, cast

from models.kernel.ids import ReaderId, ReservationId
from models.kernel.request_id import on_behalf_of
from models.messages.channel_pause import PauseReason
from models.messages.delivery_queue_repository import DeliveryQueue, QueueCursor
from models.messages.entities import Delivery, DeliveryResult, DeliveryState
from models.reservations.entities import Reservation
from notify.delivery.channel import SEND_WITHIN_S, DeliveryChannel, PreparedDelivery
from notify.delivery.circuit_breaker import CircuitState
from notify.delivery.outcomes import result_of, skip_reason, waited_for
from notify.delivery.pending_writes import PendingWrites

log = logging.getLogger(__name__)
ReservationsOf = Callable[
    [Collection[ReservationId]], Awaitable[Mapping[ReservationId, Reservation]]
]
PREFETCH: Final = 100
"""About this many deliveries are claimed ahead, so that no sending task waits for the database."""
PAGE: Final = 100
RUN_S: Final = 2.0
"""A run reads the clock once and ends after this many seconds. Running sends continue after it."""
IDLE_WAIT_S: Final = 1.0
"""With nothing to claim, a run waits this many seconds for the next result of a running send."""
GATHER_S: Final = 0.02
"""Results of this many seconds are written together. A crash before may repeat their messages."""
MAX_LOOP_DELAY_S: Final = 0.005
BACKOFF_FACTOR: Final = 3
"""After a loop delay above ``MAX_LOOP_DELAY_S``, a sending task pauses for this multiple of it."""
CLOSE_S: Final = 3.0
EXPIRE_EVERY: Final = timedelta(seconds=30)
"""Time between two checks for expired deliveries during a pause."""


class DeliveryWorker:
    """Delivers the queued messages of one channel. ``run`` claims due deliveries; tasks send
    them, also between two runs, until ``close``."""

    def __init__(
        self,
        deliveries: DeliveryQueue,
        channel: DeliveryChannel,
        reservations_of: ReservationsOf,
        real_now: Callable[[], datetime],
        count: Callable[[str, int], None] = lambda outcome, times: None,
    ) -> None:
        """``reservations_of`` loads reservations by id. ``real_now``: the machine's time, for
        leases. ``count`` receives an outcome and its number of deliveries, for metrics."""
        self._deliveries, self._channel = deliveries, channel
        self._reservations_of, self._real_now, self._count = reservations_of, real_now, count
        self._ready: deque[PreparedDelivery] = deque()
        self._slots: set[asyncio.Task[None]] = set()
        self._ends = PendingWrites()
        self._writer: asyncio.Task[None] | None = None
        self._held: set[ReaderId] = set()
        """Readers with a delivery that this process still holds. Their next delivery waits."""
        self._next: dict[ReaderId, None] = {}
        """Readers whose delivery has ended and who may have another due, as an ordered set."""
        self._changed = asyncio.Event()
        self._one_run = asyncio.Lock()
        self._now: datetime | None = None
        self._expired_at: datetime | None = None
        self._pause_read_at: datetime | None = None
        self._ended = 0
        self._late_s = 0.0
        """How many seconds late the event loop ran tasks (a moving average)."""
        self._closing = False

    async def run(self, now: datetime) -> int:
        """Sends due deliveries for at most ``RUN_S``. Returns the number that ended or were
        postponed; at least 1 while a message is being sent. Raises: Unavailable."""
        async with self._one_run:
            before, self._now = self._ended, now
            stop_at = monotonic() + RUN_S
            first = await self._deliveries.readers_due(now, None, PAGE)
            if not (first[0] or self._next or self._held) and self._knows_of_no_pause(now):
                return 0
            self._pause_read_at = now
            match await self._channel.breaker.state(now):
                case CircuitState.OPEN:
                    last = self._expired_at
                    if last is None or not timedelta() <= now - last < EXPIRE_EVERY:
                        await self._expire(now)
                case CircuitState.HALF_OPEN:
                    await self._expire(now)
                    await self._probe(now)
            if self._may_go_on() and await self._claim_all(now, stop_at, first):
                await self._all_written()
            return max(self._ended - before, int(bool(self._held)))

    def _knows_of_no_pause(self, now: datetime) -> bool:
        """True if the channel's pause was read within ``EXPIRE_EVERY``, and there was none."""
        last = self._pause_read_at
        lately = last is not None and timedelta() <= now - last < EXPIRE_EVERY
        return lately and self._channel.breaker.pause is None

    async def _expire(self, now: datetime) -> None:
        """Ends expired deliveries already during the channel's pause, and not only after it."""
        pause = self._channel.breaker.pause
        assert pause is not None
        count = await self._deliveries.expire(now, self._real_now(), pause.reason.value)
        self._expired_at = now
        self._ended += count
        if count:
            self._count(DeliveryState.EXPIRED.value, count)

    async def _probe(self, now: datetime) -> None:
        """Sends one message as a probe; all others wait. One that cannot have arrived yet is
        preferred. A channel that was unreachable must first answer a call that sends nothing."""
        breaker = self._channel.breaker
        try:
            place: QueueCursor | None = None
            while True:
                page, place = await self._deliveries.readers_due(now, place, PAGE)
                ready = await self._claim(set(page) - self._held, now)
                if ready:
                    chosen = min(ready, key=lambda r: r.delivery.unknown)
                    for other in ready:
                        if other is not chosen:
                            self._give_up(other)
                    try:
                        with on_behalf_of(chosen.delivery.message.request_id):
                            if await self._answered(chosen, probe=True):
                                await self._send(chosen, probe=True)
                    except BaseException:  # even if cancelled: it stays leased
                        self._held.discard(chosen.delivery.message.reader_id)
                        raise
                    break
                if place is None:
                    break
        finally:
            self._write()
            await breaker.give_back()
        await self._all_written()

    async def close(self) -> None:
        """Waits briefly for messages that are being sent; returns unsent ones to the queue. A
        message that gets no answer in this time stays claimed until its lease ends."""
        self._closing = True
        await _wait_or_cancel(set(self._slots))
        await _wait_or_cancel({self._writer} if self._writer is not None else set())

    # --- claiming -----------------------------------------------------------------------------

    async def _claim_all(
        self, now: datetime, stop_at: float, first: tuple[Sequence[ReaderId], QueueCursor | None]
    ) -> bool:
        """Claims deliveries page by page from the queue, beginning with the page ``first``. True
        if the end of the queue was reached; False if the time ``stop_at`` came before."""
        page: Sequence[ReaderId] | None
        page, place = first
        seen_all = place is None
        while self._may_go_on():
            if monotonic() > stop_at:
                return False
            if len(self._ready) > PREFETCH // 2:
                await self._wait_for_change(stop_at)
                continue
            readers = set(islice(self._next, PAGE))
            for reader in readers:
                del self._next[reader]
            if page is None and len(readers) < PAGE and not seen_all:
                page, place = await self._deliveries.readers_due(now, place, PAGE)
                seen_all = place is None
            readers |= set(page or ()) - self._held
            page = None
            if readers:
                self._ready.extend(await self._claim(readers, now))
                self._begin_slots()
            elif seen_all and not (
                self._held and await self._wait_for_change(monotonic() + IDLE_WAIT_S)
            ):
                break
        return True

    def _may_go_on(self) -> bool:
        return self._channel.breaker.pause is None and not self._closing

    def _begin_slots(self) -> None:
        for _ in range(min(self._channel.concurrency - len(self._slots), len(self._ready))):
            self._slots.add(asyncio.create_task(self._send_loop()))

    async def _claim(self, readers: Collection[ReaderId], now: datetime) -> list[PreparedDelivery]:
        """Claims the first delivery of each reader. Returns the deliveries that are to be sent;
        for the others a result is written."""
        if not readers:
            return []
        send_by = monotonic() + SEND_WITHIN_S
        claimed = await self._deliveries.lease_next(
            readers, now, self._real_now(), self._channel.lease
        )
        self._held.update(d.message.reader_id for d in claimed)
        try:
            ready, ends = await self._prepare(claimed, now, send_by)
        except BaseException:
            self._ends.given_up += claimed
            raise
        else:
            self._ends.outcomes += ends
            return ready
        finally:
            self._write()

    async def _prepare(
        self, claimed: Sequence[Delivery], now: datetime, send_by: float
    ) -> tuple[list[PreparedDelivery], list[DeliveryResult]]:
        """Splits the claimed deliveries into those to send and the results of the others.
        Raises: Unavailable; no consent is used up then."""
        waited = waited_for(claimed, now)
        about = await self._reservations_of(waited) if waited else {}
        ends = {d.id: end for d in claimed if (end := skip_reason(d, about, now))}
        sendable = [d for d in claimed if d.id not in ends]
        ready, not_sent = await self._channel.prepare(sendable, send_by) if sendable else ([], [])
        results = [*ends.values(), *not_sent]
        for result in results:
            self._count(result.state.value, 1)
        return ready, results

    # --- sending ------------------------------------------------------------------------------

    async def _send_loop(self) -> None:
        try:
            await self._send_ready()
        finally:
            self._slots.remove(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _send_ready(self) -> None:
        while self._ready:
            ready = self._ready.popleft()
            if len(self._ready) == PREFETCH // 2:
                self._changed.set()
            message = ready.delivery.message
            if not self._may_go_on() or monotonic() > ready.send_by:
                self._give_up(ready)
            else:
                with on_behalf_of(message.request_id):
                    try:
                        if await self._answered(ready):
                            await self._send(ready)
                    except Exception:
                        # Its outcome is unknown: it stays leased, and is tried again afterwards.
                        log.exception("delivery_failed", extra={"message_id": message.id})
                        self._held.discard(message.reader_id)
            self._write()
            if self._late_s > MAX_LOOP_DELAY_S:
                await asyncio.sleep(self._late_s * BACKOFF_FACTOR)

    async def _answered(self, ready: PreparedDelivery, *, probe: bool = False) -> bool:
        """True if the message can be sent now; otherwise requeues it. If the channel was
        unreachable or has possibly received the message already, it must first answer a call
        that sends nothing. ``probe``: the message tests a paused channel."""
        breaker, now, answers = self._channel.breaker, self._now, False
        away = breaker.pause is not None and breaker.pause.reason is PauseReason.AWAY
        if not away and not ready.delivery.unknown:
            return True
        assert now is not None
        try:
            answers = await self._channel.answers()
        finally:
            if not answers:
                self._give_up(ready)
        if not answers:
            await breaker.silent(now, probe=probe)
        return answers

    def _give_up(self, ready: PreparedDelivery) -> None:
        self._ends.given_up.append(ready.delivery)
        self._channel.give_back(ready)

    async def _send(self, ready: PreparedDelivery, *, probe: bool = False) -> None:
        now, breaker = self._now, self._channel.breaker
        assert now is not None
        outcome = await self._channel.send(ready)
        self._count(outcome.kind, 1)
        # The breaker first, since a pause delays the next attempt; the result in any case.
        try:
            if outcome.called:
                await (breaker.probed if probe else breaker.heard)(outcome, now)
        finally:
            self._ends.outcomes.append(result_of(outcome, ready.delivery, now, breaker))

    # --- writing results ----------------------------------------------------------------------

    def _write(self) -> None:
        if self._ends and (self._writer is None or self._writer.done()):
            self._writer = asyncio.create_task(self._write_all())

    async def _write_all(self) -> None:
        while self._ends:
            if self._slots:
                began = monotonic()
                await asyncio.sleep(GATHER_S)
                late_s = max(0.0, monotonic() - began - GATHER_S)
                self._late_s += (late_s - self._late_s) / 4
            ends, self._ends = self._ends, PendingWrites()
            await self._flush_with_retry(ends)
            for o in ends.outcomes:
                reader = o.delivery.message.reader_id
                self._held.discard(reader)
                if o.delivery.has_next or (o.due is not None and self._now and o.due <= self._now):
                    self._next[reader] = None
            self._held.difference_update(d.message.reader_id for d in ends.given_up)
            self._ended += len(ends.outcomes)
            self._changed.set()

    async def _flush_with_retry(self, ends: PendingWrites) -> None:
        """Writes the results; retries until it succeeds or the deliveries' leases are over."""
        until = monotonic() + self._channel.lease.total_seconds()
        while True:
            try:
                await self._channel.flush()
                await self._deliveries.save_results(ends.outcomes)
                await self._deliveries.release(ends.given_up)
                return
            except Exception as error:
                # Even then the readers are freed: other workers take over when the leases end.
                if self._closing or monotonic() > until:
                    log.error(
                        "deliveries_not_settled",
                        extra={"count": len(ends.outcomes), "reason": repr(error)},
                    )
                    return
                await asyncio.sleep(0.2)

    async def _all_written(self) -> None:
        """Waits until no message is being sent, or until ``IDLE_WAIT_S`` pass without a result."""
        while self._held and await self._wait_for_change(monotonic() + IDLE_WAIT_S):
            pass

    async def _wait_for_change(self, until: float) -> bool:
        """Waits until results are written or more deliveries are needed. False if the time
        ``until`` (in seconds of the monotonic clock) comes first."""
        self._changed.clear()
        try:
            async with asyncio.timeout(max(0.0, until - monotonic())):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True


async def _wait_or_cancel(tasks: set[asyncio.Task[None]]) -> None:
    """Waits for the tasks, and cancels those that take longer than ``CLOSE_S``."""
    if tasks and (slow := (await asyncio.wait(tasks, timeout=CLOSE_S))[1]):
        for task in slow:
            task.cancel()
        await asyncio.wait(slow, timeout=CLOSE_S)
