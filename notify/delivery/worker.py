"""Delivery to WeChat: in order per reader, leased, as WeChat's table of errors says.

A pipeline: messages are claimed many at a time, sent ``CONCURRENCY`` at once, and what became of
them is written many at a time, so that WeChat's latency is the only limit. One that takes long
holds up its reader's next message and nothing else.

What was surely not sent is tried again until it expires; what may have arrived once more at most,
and not before WeChat answers a call that sends nothing: one that hangs must not use that up.
Such a repeat takes a credit of its own where there is one. Where there is none it goes all the
same: WeChat has the truth, and refuses a second copy where the reader gave one consent.

When nothing can go, ``notify/delivery/circuit_breaker.py`` stops all of it and lets one message
through at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import islice
from time import monotonic
from typing import Final, cast

from models.kernel.ids import ReaderId
from models.messages.channel_pause import PauseReason
from models.messages.consent_repository import ConsentRepository
from models.messages.delivery_queue_repository import QueueCursor
from models.messages.entities import DeliveryResult, DeliveryState, Message
from models.messages.repository import MessageRepository
from notify.delivery.channel import PreparedDelivery, WeChatChannel, consent, outcome_of, prepare
from notify.delivery.circuit_breaker import CircuitState
from notify.delivery.pending_writes import PendingWrites
from notify.wechat.retry_policy import RetryDecision, SendResult, decide_retry
from notify.wechat.template_config import TemplateConfig, format_fields

log = logging.getLogger(__name__)
CONCURRENCY: Final = 50
"""Sends under way: with WeChat's answers after 50 ms, a thousand a second."""
LEASE: Final = timedelta(seconds=60)
SEND_WITHIN_S: Final = 40.0
"""A send begins no later after its claim: a question before it and the send itself may take 8 s
each, and it has to be settled in the lease."""
PREFETCH: Final = 100
"""Claimed and ready to be sent, so that no slot waits for the database."""
PAGE: Final = 100
RUN_S: Final = 2.0
"""A run goes by one reading of the clock, so it ends soon; what is under way goes on."""
IDLE_WAIT_S: Final = 1.0
"""How long a run that finds no more waits for what is under way, if nothing comes back."""
GATHER_S: Final = 0.02
"""How long outcomes gather; a message sent and not written yet may be sent again after a crash."""
MAX_LOOP_DELAY_S: Final = 0.005
BACKOFF_FACTOR: Final = 3
"""Requests share the event loop. When it answers later than that, each slot pauses so many times as
long before its next send: alone, the sender has its full rate; beside others it gives way."""
CLOSE_S: Final = 3.0
EXPIRE_EVERY: Final = timedelta(seconds=30)
"""While nothing can be sent, what has lost its worth is ended so often."""


class DeliveryWorker:
    """One process's way of sending. ``run`` claims what is due; tasks of its own send it and write
    what became of it, also between two runs. ``close`` ends them."""

    def __init__(
        self, messages: MessageRepository, credits: ConsentRepository, channel: WeChatChannel
    ) -> None:
        self._messages, self._credits, self._channel = messages, credits, channel
        self._ready: deque[PreparedDelivery] = deque()
        self._slots: set[asyncio.Task[None]] = set()
        self._ends = PendingWrites()
        self._writer: asyncio.Task[None] | None = None
        self._held: set[ReaderId] = set()
        """Readers one of whose messages is ours just now; the next one waits."""
        self._next: dict[ReaderId, None] = {}
        """Readers whose next message may go."""
        self._changed = asyncio.Event()
        self._one_run = asyncio.Lock()
        self._now: datetime | None = None
        self._expired_at: datetime | None = None
        self._ended = 0
        self._late_s = 0.0
        """How late the event loop is, as the writer saw it lately."""
        self._closing = False

    async def run(self, now: datetime) -> int:
        """Send what is due at ``now``, until nothing is or for a while.

        Returns how many messages came to an end or were put off; at least 1 while any is under way.

        Raises: ServiceUnavailable when MongoDB does not answer.
        """
        async with self._one_run:
            before, self._now = self._ended, now
            stop_at = monotonic() + RUN_S
            match await self._channel.breaker.state(now):
                case CircuitState.SHUT:
                    last = self._expired_at
                    if last is None or not timedelta() <= now - last < EXPIRE_EVERY:
                        await self._expire(now)
                case CircuitState.PROBE:
                    await self._expire(now)
                    await self._probe(now)
            if self._may_go_on() and await self._claim_all(now, stop_at):
                await self._all_written()
            return max(self._ended - before, int(bool(self._held)))

    async def _expire(self, now: datetime) -> None:
        """End what is not worth sending any more: it must not wait for the end of a pause."""
        pause = self._channel.breaker.pause
        assert pause is not None
        real_now = self._channel.real_now()
        count = await self._messages.expire(now, real_now, pause.reason.value)
        self._expired_at = now
        self._ended += count
        if count:
            self._channel.counted(DeliveryState.EXPIRED.value, count)

    async def _probe(self, now: datetime) -> None:
        """Send one message while all others wait: one that has not been tried in vain, if it can
        be, since its outcome may stay unknown. Of a WeChat that was away, only once it answers."""
        breaker = self._channel.breaker
        try:
            place: QueueCursor | None = None
            while True:
                page, place = await self._messages.readers_due(now, place, PAGE)
                ready = await self._claim(set(page) - self._held, now)
                if ready:
                    chosen = min(ready, key=lambda r: r.delivery.unknown)
                    for other in ready:
                        if other is not chosen:
                            self._give_up(other)
                    try:
                        if await self._answered(chosen, probe=True):
                            await self._send(chosen, probe=True)
                    except BaseException:  # cut off, too: it stays leased, and is taken up then
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
        """Begin no more; wait a moment for what is under way and give back what is not.

        What WeChat has not answered by then stays leased: another worker takes it over.
        """
        self._closing = True
        await _ended(set(self._slots))
        await _ended({self._writer} if self._writer is not None else set())

    # --- claiming -----------------------------------------------------------------------------

    async def _claim_all(self, now: datetime, stop_at: float) -> bool:
        """Claim as there is room. False when the time is up and there may be more to claim."""
        place: QueueCursor | None = None
        seen_all = False
        while self._may_go_on():
            if monotonic() > stop_at:
                return False
            if len(self._ready) > PREFETCH // 2:
                await self._change(stop_at)
                continue
            readers = set(islice(self._next, PAGE))
            for reader in readers:
                del self._next[reader]
            if len(readers) < PAGE and not seen_all:
                page, place = await self._messages.readers_due(now, place, PAGE)
                seen_all = place is None
                readers |= set(page) - self._held
            if readers:
                self._ready.extend(await self._claim(readers, now))
                self._begin_slots()
            elif seen_all and not (self._held and await self._change(monotonic() + IDLE_WAIT_S)):
                break
        return True

    def _may_go_on(self) -> bool:
        return self._channel.breaker.pause is None and not self._closing

    def _begin_slots(self) -> None:
        for _ in range(min(CONCURRENCY - len(self._slots), len(self._ready))):
            self._slots.add(asyncio.create_task(self._send_loop()))

    async def _claim(self, readers: Collection[ReaderId], now: datetime) -> list[PreparedDelivery]:
        """What is to be sent of the readers' first messages; the others come to their ends."""
        if not readers:
            return []
        send_by = monotonic() + SEND_WITHIN_S
        claimed = await self._messages.lease_next(readers, now, self._channel.real_now(), LEASE)
        self._held.update(d.message.reader_id for d in claimed)
        try:
            ready, ends = await prepare(self._channel, self._credits, claimed, now, send_by)
        except BaseException:
            self._ends.given_up += claimed
            raise
        else:
            self._ends.outcomes += ends
            return ready
        finally:
            self._write()

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
            elif message.template in self._channel.disabled:
                self._fail(ready)
            else:
                try:
                    if await self._answered(ready):
                        await self._send(ready)
                except Exception:
                    # Nobody knows what came of it: it stays leased, and is tried again then.
                    log.exception("delivery_failed", extra={"message_id": message.id})
                    self._held.discard(message.reader_id)
            self._write()
            if self._late_s > MAX_LOOP_DELAY_S:
                await asyncio.sleep(self._late_s * BACKOFF_FACTOR)

    async def _answered(self, ready: PreparedDelivery, *, probe: bool = False) -> bool:
        """False, and the message is given up, where WeChat has to answer first and does not: it was
        away, or has the message perhaps, whose next attempt is the last one."""
        breaker, now, answers = self._channel.breaker, self._now, False
        away = breaker.pause is not None and breaker.pause.reason is PauseReason.AWAY
        if not away and not ready.delivery.unknown:
            return True
        assert now is not None
        try:
            answers = await self._channel.gateway.answers()
        finally:
            if not answers:
                self._give_up(ready)
        if not answers:
            await breaker.silent(now, probe=probe)
        return answers

    def _give_up(self, ready: PreparedDelivery) -> None:
        self._ends.given_up.append(ready.delivery)
        self._unuse(ready)

    def _unuse(self, ready: PreparedDelivery) -> None:
        if ready.credit:
            self._ends.unused.append(consent(ready.delivery))

    def _fail(self, ready: PreparedDelivery) -> None:
        """It cannot be sent, and took no credit of WeChat's."""
        self._channel.counted(DeliveryState.FAILED.value, 1)
        self._ends.outcomes.append(DeliveryResult(ready.delivery, DeliveryState.FAILED))
        self._unuse(ready)

    async def _send(self, ready: PreparedDelivery, *, probe: bool = False) -> None:
        d, channel, now = ready.delivery, self._channel, self._now
        assert now is not None
        config = channel.templates[d.message.template]
        try:
            # Here and not for many at once, which would hold up whoever asks for something.
            values = format_fields(config, d.message.facts)
        except (ValueError, LookupError):
            # The configured fields and the facts do not fit: no retry can mend it.
            log.exception("wechat_delivery_alarm", extra={"template": d.message.template.value})
            self._fail(ready)
            return
        result = await channel.gateway.send_subscribe(
            ready.openid,
            config.template_id,
            None if d.omit_page else _page(config, d.message),
            values,
            channel.state,
        )
        channel.counted(result.outcome.value, 1)
        v = decide_retry(result, d.attempts, d.unknown)
        # The pause first, so that it is known when the message is put off; its outcome in any case.
        try:
            await (channel.breaker.probed if probe else channel.breaker.heard)(v, result, now)
        finally:
            self._apply_retry_policy(v, result, ready, now)

    def _apply_retry_policy(
        self, v: RetryDecision, result: SendResult, ready: PreparedDelivery, now: datetime
    ) -> None:
        d, channel = ready.delivery, self._channel
        message = d.message
        if v.alarm and not (v.disable_template and message.template in channel.disabled):
            log.error(
                "wechat_delivery_alarm",
                extra={"template": message.template.value, "errcode": result.errcode}
                | {"field": result.field, "outcome": result.outcome.value},
            )
        if v.flag_binding:
            log.warning("wechat_binding_suspect", extra={"reader": message.reader_id})
        if v.disable_template:
            channel.disabled.add(message.template)
        if v.credit_zero:
            self._ends.spent.append(consent(d))
        elif v.credit_back:
            self._unuse(ready)
        self._ends.outcomes.append(outcome_of(v, result, d, now, channel.breaker))

    # --- writing what became of them ----------------------------------------------------------

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
        """Until it is written, or the leases are over and others have taken the messages."""
        until = monotonic() + LEASE.total_seconds()
        while True:
            try:
                # The credits first: a message that is put off finds its own again.
                await self._credits.clear(ends.spent)
                ends.spent = []
                await self._credits.restore(ends.unused)
                ends.unused = []
                await self._messages.save_results(ends.outcomes)
                await self._messages.release(ends.given_up)
                return
            except Exception as error:
                # Whatever it is, the readers must not stay held: others take over in time.
                if self._closing or monotonic() > until:
                    log.error(
                        "deliveries_not_settled",
                        extra={"count": len(ends.outcomes), "reason": repr(error)},
                    )
                    return
                await asyncio.sleep(0.2)

    async def _all_written(self) -> None:
        """Wait for what is under way, as long as some of it comes back every now and then."""
        while self._held and await self._change(monotonic() + IDLE_WAIT_S):
            pass

    async def _change(self, until: float) -> bool:
        """Wait until something was written or more is wanted. False when nothing was in time."""
        self._changed.clear()
        try:
            async with asyncio.timeout(max(0.0, until - monotonic())):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True


async def _ended(tasks: set[asyncio.Task[None]]) -> None:
    """Wait for them, and cancel them if that takes too long."""
    if tasks and (slow := (await asyncio.wait(tasks, timeout=CLOSE_S))[1]):
        for task in slow:
            task.cancel()
        await asyncio.wait(slow, timeout=CLOSE_S)


def _page(config: TemplateConfig, message: Message) -> str | None:
    about = f"?id={message.reservation_id}" if message.reservation_id else ""
    return f"{config.page}{about}" if config.page else None
