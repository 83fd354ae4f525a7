"""Several senders on one queue: each message once, each reader's in order, one consent an attempt.

The job's lease makes that rare; these races happen when two send nevertheless or one is killed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from pymongo.errors import AutoReconnect

from models.kernel.errors import Unavailable
from models.kernel.ids import ReaderId, ReservationId
from models.messages.channel_pause_repository import ChannelPauseRepository
from models.messages.consent_repository import MOST_REPORTED, ConsentRepository
from models.messages.delivery_report_repository import ChannelDeliveries
from models.messages.entities import (
    Channel,
    Delivery,
    DeliveryResult,
    DeliveryState,
    Message,
    Template,
)
from notify.delivery.circuit_breaker import CircuitBreaker
from notify.delivery.worker import PAGE, DeliveryWorker
from notify.wechat.channel import LEASE, WeChatChannel
from notify.wechat.retry_policy import SendResult, SendStatus
from notify.wechat.template_config import TemplateConfig
from tests.builders import ZONE
from tests.deliveries import queue_of, state_of, tell
from tests.race.stage import EIGHT, Stage, clock, guarded, put_around, unguard

LI: Final = ReaderId("5" * 24)
RESERVED: Final = Template.RESERVED


def message_to(reader: ReaderId, number: int = 0) -> Message:
    id = f"{reader}-{number}"
    at = EIGHT + timedelta(seconds=number)
    return Message(id, reader, RESERVED, "预约成功", "…", at, {}, ReservationId(id))


class Gone:
    """A collection that a dead process no longer reaches."""

    def __getattr__(self, name: str) -> Any:
        raise AutoReconnect("dead")


@dataclass(slots=True)
class Phones:
    """Arrivals by reader, in order, and whether one reader got two sends at a time."""

    arrived: dict[str, list[str]] = field(default_factory=dict)
    under_way: Counter[str] = field(default_factory=Counter)
    overlaps: int = 0

    def of(self, reader: ReaderId) -> list[str]:
        return self.arrived.get(f"o-{reader}", [])


@dataclass(slots=True)
class Worker:
    """A sender with repositories and a gateway of its own. After ``dies_after`` sends, neither its
    writes nor their answers arrive."""

    stage: Stage
    phones: Phones
    real: list[datetime]
    guard: bool = True
    dies_after: int = 1_000_000
    sends: int = 0
    at_send: Callable[[], None] = lambda: None
    slow: dict[str, asyncio.Event] = field(default_factory=dict)
    dead: asyncio.Event = field(default_factory=asyncio.Event)
    buried: asyncio.Event = field(default_factory=asyncio.Event)
    messages: ChannelDeliveries = field(init=False)
    consents: ConsentRepository = field(init=False)
    sender: DeliveryWorker = field(init=False)

    def __post_init__(self) -> None:
        self.messages = queue_of(self.stage.db, self.stage.cipher)
        self.consents = ConsentRepository(self.stage.db)
        if not self.guard:
            unguard(self.messages)
        gateway: Any = self
        templates = {RESERVED: TemplateConfig("t-1", "p", {})}
        pauses = ChannelPauseRepository(self.stage.db, Channel.WECHAT, "wx")
        breaker = CircuitBreaker(pauses, lambda: self.real[0])
        channel = WeChatChannel(
            gateway,
            templates,
            "formal",
            self.openids_of,
            self.consents,
            breaker,
            zone=lambda: ZONE,
        )
        many = self.stage.stored.reservations.many
        self.sender = DeliveryWorker(self.messages, channel, many, lambda: self.real[0])

    async def openids_of(self, readers: Any) -> dict[ReaderId, str]:
        return {reader: f"o-{reader}" for reader in readers}

    async def answers(self) -> bool:
        return not self.dead.is_set()

    async def send_subscribe(self, openid: str, _: str, page: str, *__: object) -> SendResult:
        phones = self.phones
        if not self.dead.is_set():
            self.sends += 1
            phones.overlaps += phones.under_way[openid] > 0
            phones.under_way[openid] += 1
            phones.arrived.setdefault(openid, []).append(page.removeprefix("p?id="))
            self.at_send()
            await asyncio.sleep(0)
            if openid in self.slow:
                await self.slow[openid].wait()
            if self.sends >= self.dies_after:
                self.dead.set()
                for repository in (self.messages, self.consents):
                    repository._all = Gone()  # type: ignore[assignment]
            phones.under_way[openid] -= 1
        if self.dead.is_set():
            await self.buried.wait()
            return SendResult(SendStatus.BUSY, unknown=True)
        return SendResult(SendStatus.SENT, 0)

    async def run(self) -> None:
        try:
            while await self.sender.run(clock(9)):
                if self.dead.is_set():
                    return
        except Unavailable:
            assert self.dead.is_set()


@guarded
async def test_two_senders_send_each_message_once_although_one_is_killed(
    stage: Stage, guard: bool
) -> None:
    """Both have read the queue before one claims messages; that one dies later and its leases
    expire.

    There are more readers than one claim covers, so that the second worker gets some.
    """
    readers = [ReaderId(f"{n:024x}") for n in range(PAGE + 40)]
    queue = [message_to(reader, number) for reader in readers for number in range(3)]
    await tell(stage.db, stage.cipher, queue)
    consents = ConsentRepository(stage.db)
    rich = readers[::2]
    for times in range(5):
        gifts = rich if times else readers
        await asyncio.gather(*(consents.add(reader, RESERVED) for reader in gifts))
    phones, real, barrier = Phones(), [EIGHT], asyncio.Barrier(2)
    mortal, other = (
        Worker(stage, phones, real, guard, dies_after=dies_after) for dies_after in (25, 1_000_000)
    )
    claimed = asyncio.Event()

    async def claims() -> None:
        claimed.set()

    async def comes_second() -> None:
        await barrier.wait()
        await claimed.wait()

    put_around(mortal.messages, "bulk_write", before=barrier.wait, behind=claims)
    put_around(other.messages, "bulk_write", before=comes_second)
    await asyncio.gather(mortal.run(), other.run())
    if not guard:
        arrived = Counter(id for there in phones.arrived.values() for id in there)
        assert max(arrived.values()) > 1, "both took the same"
        mortal.buried.set()
        await mortal.sender.close()
        return
    assert mortal.dead.is_set()
    sending = stage.db["deliveries"].find({"state": "sending"})
    held = {row["message"] async for row in sending}
    before = {id for there in phones.arrived.values() for id in there}
    unknown = held & before
    assert unknown, "the kill left some whose outcome nobody knows"
    real[0] += LEASE
    await other.run()
    assert phones.overlaps == 0
    for reader in readers:
        there = phones.of(reader)
        assert there == sorted(there), "in order"
        again = {id for id, times in Counter(there).items() if times > 1}
        assert again <= unknown and len(there) <= len(set(there)) + len(again), "once more at most"
        expected = {m.id for m in queue if m.reader_id == reader}
        if reader in rich:
            assert set(there) == expected
        else:
            # What the dead worker held may have arrived: it goes once without a credit of ours, and
            # WeChat, which has the truth, would refuse it. Nothing else goes beyond the one credit.
            assert set(there) <= set(there[:1]) | held
        left = (await consents.remaining(reader))[RESERVED]
        assert 0 <= left <= (5 - len(there) if reader in rich else 0)
    assert await stage.db["deliveries"].count_documents({"open": True}) == 0
    mortal.buried.set()
    await mortal.sender.close()


async def test_a_slow_send_delays_messages_of_its_reader_only(stage: Stage) -> None:
    readers = [ReaderId(f"{n:024x}") for n in range(PAGE + 50)]
    queue = [message_to(reader, number) for reader in readers for number in range(2)]
    await tell(stage.db, stage.cipher, queue)
    for reader in readers:
        await stage.db["message_consents"].insert_one(
            {"_id": f"{reader}:{RESERVED}", "reader": reader, "remain": 2}
        )
    answer, phones = asyncio.Event(), Phones()
    worker = Worker(stage, phones, [EIGHT], slow={f"o-{readers[0]}": answer})
    iterate_open: dict[str, object] = {"open": True}
    while await stage.db["deliveries"].count_documents(iterate_open) > 2:
        assert await worker.sender.run(clock(9)) > 0
    assert phones.of(readers[0]) == [message_to(readers[0]).id], "the second waits for the first"
    assert await worker.sender.run(clock(9)) == 1, "something is under way"
    answer.set()
    await worker.run()
    assert await stage.db["deliveries"].count_documents(iterate_open) == 0
    assert [phones.of(r) for r in readers] == [
        [message_to(r, n).id for n in range(2)] for r in readers
    ]


async def test_a_closing_sender_releases_messages_it_has_not_begun(stage: Stage) -> None:
    """WeChat is slow: other senders take the messages at once, with no attempt counted."""
    readers = [ReaderId(f"{n:024x}") for n in range(90)]
    await tell(stage.db, stage.cipher, [message_to(reader) for reader in readers])
    consents = ConsentRepository(stage.db)
    for reader in readers:
        await consents.add(reader, RESERVED)
    phones, real = Phones(), [EIGHT]
    ending, next_one = Worker(stage, phones, real), Worker(stage, phones, real)
    closed: list[asyncio.Task[None]] = []

    def close() -> None:
        if not closed:
            closed.append(asyncio.create_task(ending.sender.close()))

    ending.at_send = close
    await ending.run()
    await closed[0]
    assert 0 < ending.sends < 90
    await next_one.run()
    assert ending.sends + next_one.sends == 90 and all(len(phones.of(r)) == 1 for r in readers)
    attempts = await stage.db["deliveries"].distinct("attempts")
    assert attempts == [1] and all([(await consents.remaining(r))[RESERVED] == 0 for r in readers])


async def test_a_lease_whose_answer_is_lost_is_not_counted_as_an_attempt(stage: Stage) -> None:
    """MongoDB's answer to the lease is lost, and so is the answer to its release. Nothing was sent:
    the message goes at the next call, and no attempt has an unknown outcome."""
    await tell(stage.db, stage.cipher, [message_to(LI)])
    queue, seen = queue_of(stage.db, stage.cipher), list[str]()

    async def loses_the_answer() -> None:
        seen.extend(await stage.db["deliveries"].distinct("state"))
        raise AutoReconnect("lost")

    for _ in range(2):
        put_around(queue, "bulk_write", behind=loses_the_answer)
        with pytest.raises(Unavailable):
            await queue.lease_next([LI], clock(9), EIGHT, LEASE)
    assert seen == ["sending", "queued"]
    (claimed,) = await queue.lease_next([LI], clock(9), EIGHT, LEASE)
    assert (claimed.attempts, claimed.unknown) == (1, 0)


@guarded
async def test_a_postponed_message_is_not_leased_by_a_slow_worker(
    stage: Stage, guard: bool
) -> None:
    """The slow worker found it due; the fast one tried it meanwhile and postponed it for an
    hour."""
    slow, fast = (
        queue_of(stage.db, stage.cipher),
        queue_of(stage.db, stage.cipher),
    )
    await tell(stage.db, stage.cipher, [message_to(LI)])
    if not guard:
        unguard(slow)

    async def meanwhile() -> None:
        leased = await fast.lease_next([LI], EIGHT, EIGHT, LEASE)
        await fast.save_results(
            [DeliveryResult(d, DeliveryState.QUEUED, None, clock(9)) for d in leased]
        )

    put_around(slow, "bulk_write", before=meanwhile)
    assert (await slow.lease_next([LI], EIGHT, EIGHT, LEASE) == []) is guard


@guarded
async def test_a_worker_whose_lease_expired_cannot_settle_a_delivery(
    stage: Stage, guard: bool
) -> None:
    slow, fast = (
        queue_of(stage.db, stage.cipher),
        queue_of(stage.db, stage.cipher),
    )
    await tell(stage.db, stage.cipher, [message_to(LI)])
    if not guard:
        unguard(slow)
    held = await slow.lease_next([LI], EIGHT, EIGHT, LEASE)
    assert held and not await fast.lease_next([LI], EIGHT, EIGHT, LEASE), "leased"
    assert await fast.lease_next([LI], EIGHT, EIGHT + LEASE, LEASE)
    await slow.save_results([DeliveryResult(d, DeliveryState.FAILED) for d in held])
    state = await state_of(stage.db, message_to(LI))
    assert state is (DeliveryState.SENDING if guard else DeliveryState.FAILED)


@guarded
async def test_a_lease_is_released_by_its_holder_only(stage: Stage, guard: bool) -> None:
    """The lease is released, taken by another worker, and released again after a lost answer."""
    slow, fast = (
        queue_of(stage.db, stage.cipher),
        queue_of(stage.db, stage.cipher),
    )
    await tell(stage.db, stage.cipher, [message_to(LI)])
    held = await slow.lease_next([LI], EIGHT, EIGHT, LEASE)
    await slow.release(held)
    theirs: list[Delivery] = await fast.lease_next([LI], EIGHT, EIGHT, LEASE)
    assert [d.attempts for d in theirs] == [1]
    if not guard:
        unguard(slow)
    await slow.release(held)
    assert bool(await slow.lease_next([LI], EIGHT, EIGHT, LEASE)) is not guard


@guarded
async def test_one_consent_is_used_by_one_of_two_workers(stage: Stage, guard: bool) -> None:
    barrier = asyncio.Barrier(2)
    await ConsentRepository(stage.db).add(LI, RESERVED)

    async def take() -> int:
        consents = ConsentRepository(stage.db)
        if not guard:
            unguard(consents)
        put_around(consents, "update_many", before=barrier.wait)
        return len(await consents.consume([(LI, RESERVED)]))

    assert sorted(await asyncio.gather(take(), take())) == ([0, 1] if guard else [1, 1])
    assert (await ConsentRepository(stage.db).remaining(LI))[RESERVED] == (0 if guard else -1)


@guarded
async def test_concurrent_client_reports_add_at_most_five_consents(
    stage: Stage, guard: bool
) -> None:
    """Four are counted, and two workers add one more each."""
    barrier = asyncio.Barrier(2)
    for _ in range(MOST_REPORTED - 1):
        await ConsentRepository(stage.db).add(LI, RESERVED)

    async def report() -> None:
        consents = ConsentRepository(stage.db)
        if not guard:
            unguard(consents)
        put_around(consents, "update_one", before=barrier.wait)
        await consents.add(LI, RESERVED)

    await asyncio.gather(report(), report())
    left = (await ConsentRepository(stage.db).remaining(LI))[RESERVED]
    assert left == (MOST_REPORTED if guard else MOST_REPORTED + 1)
