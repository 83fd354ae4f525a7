"""Paused channels: WeChat unavailable for an hour, refusing the account, or changing its reason.

Two workers send over one queue with a simulated clock; nothing waits in real time.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

import pytest

from models.kernel.ids import ReaderId
from models.messages.channel_pause_repository import ChannelPauseRepository
from models.messages.consent_repository import ConsentRepository
from models.messages.delivery_repository import DeliveryRepository
from models.messages.entities import Channel, DeliveryState, Message
from notify.delivery.channel import MAX_UNKNOWN
from notify.delivery.circuit_breaker import AWAY_AFTER, CircuitBreaker
from notify.delivery.worker import PAGE, DeliveryWorker
from notify.wechat.channel import CONCURRENCY, LEASE, WeChatChannel
from notify.wechat.retry_policy import SendResult, SendStatus
from notify.wechat.template_config import TemplateConfig
from tests.builders import ZONE
from tests.deliveries import queue_of, state_of, tell
from tests.race.channel_messages import LI, MINUTE, REMINDER, message, openids_of
from tests.race.stage import EIGHT, Stage, clock, guarded, put_around, unguard

SENT: Final = SendResult(SendStatus.SENT, 0)
UNREACHED: Final = SendResult(SendStatus.BUSY)
BUSY: Final = SendResult(SendStatus.BUSY, -1)
NO_ANSWER: Final = SendResult(SendStatus.BUSY, unknown=True)
REFUSED: Final = SendResult(SendStatus.REFUSED, 48001)

Answer = tuple[SendResult, bool]
"""What WeChat answers, and whether the message is on the phone."""


@dataclass(slots=True)
class WeChat:
    """The stand-in: its answer by time, its calls, and the arrivals."""

    answer: Callable[[datetime], Answer] = lambda now: (SENT, True)
    now: datetime = EIGHT
    calls: list[tuple[datetime, str]] = field(default_factory=list)
    arrived: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    under_way: Counter[str] = field(default_factory=Counter)
    asked: list[datetime] = field(default_factory=list)
    """When it was only asked whether it answers."""

    async def answers(self) -> bool:
        self.asked.append(self.now)
        result, _ = self.answer(self.now)
        return result.outcome is not SendStatus.BUSY

    async def send_subscribe(self, openid: str, _: str, page: str, *__: object) -> SendResult:
        id, now = page.removeprefix("p?id="), self.now
        assert not self.under_way[openid], "one at a time to one reader"
        self.under_way[openid] += 1
        self.calls.append((now, id))
        result, arrives = self.answer(now)
        if arrives:
            self.arrived[openid].append(id)
        await asyncio.sleep(0)
        self.under_way[openid] -= 1
        return result


def worker(stage: Stage, wechat: WeChat, account: str = "wx") -> DeliveryWorker:
    """One of several sending processes."""
    gateway: Any = wechat
    pauses = ChannelPauseRepository(stage.db, Channel.WECHAT, account)
    breaker = CircuitBreaker(pauses, lambda: wechat.now, jitter=lambda: 1.0)
    channel = WeChatChannel(
        gateway,
        {REMINDER: TemplateConfig("t-1", "p", {})},
        "formal",
        openids_of,
        ConsentRepository(stage.db),
        breaker,
        zone=lambda: ZONE,
    )
    return DeliveryWorker(
        queue_of(stage.db, stage.cipher),
        channel,
        stage.stored.reservations.many,
        lambda: wechat.now,
    )


async def consent(stage: Stage, readers: Sequence[ReaderId], times: int = 99) -> None:
    await stage.db["message_consents"].insert_many(
        [{"_id": f"{r}:{REMINDER}", "reader": r, "remain": times} for r in readers]
    )


async def live(
    stage: Stage,
    wechat: WeChat,
    senders: Sequence[DeliveryWorker],
    queue: Sequence[Message],
    until: datetime,
) -> None:
    """Steps the time from each instant of a possible event to the next."""
    deliveries = DeliveryRepository(stage.db)
    pauses = ChannelPauseRepository(stage.db, Channel.WECHAT, "wx")
    waiting = sorted(queue, key=lambda m: m.at)
    while wechat.now <= until:
        due = [m for m in waiting if m.at <= wechat.now]
        await tell(stage.db, stage.cipher, due)
        waiting = waiting[len(due) :]
        for sender in senders:
            while await sender.run(wechat.now):
                pass
        pause = await pauses.current()
        later = [
            await deliveries.next_due(wechat.now),
            pause.until if pause else None,
            waiting[0].at if waiting else None,
        ]
        nexts = [instant for instant in later if instant is not None and instant > wechat.now]
        wechat.now = min(nexts, default=until + MINUTE)


def alarms(caplog: pytest.LogCaptureFixture, event: str = "channel_paused") -> list[Any]:
    return [r for r in caplog.records if r.getMessage() == event]


GONE, BACK = EIGHT + 5 * MINUTE, EIGHT + 65 * MINUTE
SOON: Final = 6 * MINUTE
"""A pause is five minutes at most, so by then they have noticed."""


@pytest.mark.parametrize(
    ("answers", "unsure"),
    [
        ([(UNREACHED, False), (BUSY, False)], False),
        ([(NO_ANSWER, False)], True),
        ([(NO_ANSWER, True)], True),
        ([(UNREACHED, False), (BUSY, False), (NO_ANSWER, False), (NO_ANSWER, True)], True),
    ],
    ids=["surely not sent", "lost", "sent without an answer", "all of it"],
)
async def test_after_an_hour_without_wechat_each_message_is_sent_once(
    stage: Stage, answers: list[Answer], unsure: bool, caplog: pytest.LogCaptureFixture
) -> None:
    chance = Random(7)
    readers = [ReaderId(f"{n:024x}") for n in range(20)]
    worths = [3 * MINUTE, 20 * MINUTE, 75 * MINUTE, timedelta(hours=8), timedelta(hours=24)]
    queue = [
        message(reader, EIGHT + timedelta(seconds=at), chance.choice(worths))
        for reader in readers
        for at in chance.sample(range(80 * 60), 5)
    ]
    await consent(stage, readers)
    wechat = WeChat(lambda now: chance.choice(answers) if GONE <= now < BACK else (SENT, True))
    senders = [worker(stage, wechat), worker(stage, wechat)]
    await live(stage, wechat, senders, queue, clock(12))

    rows = {row["message"]: row async for row in stage.db["deliveries"].find()}
    times = Counter(id for there in wechat.arrived.values() for id in there)
    for reader in readers:
        there = list(dict.fromkeys(wechat.arrived[f"o-{reader}"]))
        assert there == sorted(there), "in order"
    for m in queue:
        assert m.expires_at is not None
        row, at = rows[m.id], [now for now, id in wechat.calls if id == m.id]
        assert not row["open"] and all(now <= m.expires_at for now in at), "never out of date"
        unknown = row.get("unknown", 0)
        assert times[m.id] <= (1 + unknown if unsure else 1) <= MAX_UNKNOWN
        if row["state"] == "expired":
            assert m.expires_at <= BACK + SOON and row["reason"] in ("away", "busy", "unknown")
        else:
            assert row["state"] == "sent" and times[m.id] >= 1
        if m.expires_at > BACK + SOON:
            assert row["state"] == "sent", "still worth sending"
    states = Counter(row["state"] for row in rows.values())
    assert states["expired"] >= 10 and states["sent"] >= 60
    # One question at a time: the first few, then at most every five minutes.
    during = sum(GONE <= now < BACK for now, _ in wechat.calls)
    assert 1 <= during <= AWAY_AFTER + 3 and 12 <= len(wechat.asked) <= 40
    assert len(alarms(caplog)) == 1 and len(alarms(caplog, "channel_back")) == 1
    assert await ChannelPauseRepository(stage.db, Channel.WECHAT, "wx").current() is None


@pytest.mark.parametrize("few", [1, 2, 7])
async def test_few_messages_are_all_sent_once_after_an_hour_of_hanging_sends(
    stage: Stage, few: int
) -> None:
    """With few messages, the same ones would be probes repeatedly."""
    readers = [ReaderId(f"{n:024x}") for n in range(few)]
    queue = [message(reader, GONE, timedelta(hours=3)) for reader in readers]
    await consent(stage, readers)
    wechat = WeChat(lambda now: (NO_ANSWER, False) if GONE <= now < BACK else (SENT, True))
    senders = [worker(stage, wechat), worker(stage, wechat)]
    await live(stage, wechat, senders, queue, clock(12))
    assert sorted(map(len, wechat.arrived.values())) == [1] * few
    assert all(now < GONE + MINUTE or now >= BACK for now, _ in wechat.calls)
    assert 12 <= len(wechat.asked) <= 40
    assert await ChannelPauseRepository(stage.db, Channel.WECHAT, "wx").current() is None


async def test_a_refused_account_pauses_the_channel_with_one_alarm(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    readers = [ReaderId(f"{n:024x}") for n in range(120)]
    queue = [message(reader, EIGHT, timedelta(hours=3)) for reader in readers]
    queue += [message(reader, EIGHT + MINUTE, 10 * MINUTE) for reader in readers[:20]]
    await consent(stage, readers, 2)
    mended = EIGHT + 60 * MINUTE
    wechat = WeChat(lambda now: (REFUSED, False) if now < mended else (SENT, True))
    senders = [worker(stage, wechat), worker(stage, wechat)]
    await live(stage, wechat, senders, queue, EIGHT + 50 * MINUTE)
    pause = await ChannelPauseRepository(stage.db, Channel.WECHAT, "wx").current()
    assert pause is not None and (pause.code, pause.since) == (48001, EIGHT)
    during = len(wechat.calls)
    assert during <= CONCURRENCY + 8, "those under way, and a probe every now and then"
    counts = Counter([row["state"] async for row in stage.db["deliveries"].find()])
    assert counts == {"queued": 120, "expired": 20}

    # The same account with another secret does not wait.
    other = worker(stage, wechat, "wx:other")
    assert await other._channel.breaker.pauses.current() is None

    await live(stage, wechat, senders, [], EIGHT + 120 * MINUTE)
    assert sorted(map(len, wechat.arrived.values())) == [1] * 120
    assert len(wechat.calls) == during + 120 + sum(
        EIGHT + 50 * MINUTE < now < mended for now, _ in wechat.calls
    )
    assert len(alarms(caplog)) == 1 and len(alarms(caplog, "channel_back")) == 1
    assert alarms(caplog, "wechat_delivery_alarm") == []
    reasons = await stage.db["deliveries"].distinct("reason", {"state": "expired"})
    assert reasons == ["refused"]
    left = await stage.db["message_consents"].distinct("remain")
    assert left == [1], "a refusal costs nothing"


@guarded
async def test_one_worker_probes_a_paused_channel(stage: Stage, guard: bool) -> None:
    """Both see that the pause is over before either claims the probe."""
    readers = [ReaderId(f"{n:024x}") for n in range(PAGE + 40)]
    await consent(stage, readers)
    messages = [message(r, EIGHT, timedelta(hours=3)) for r in readers]
    await tell(stage.db, stage.cipher, messages)
    wechat = WeChat(lambda now: (REFUSED, False))
    senders = [worker(stage, wechat), worker(stage, wechat)]
    await senders[0].run(EIGHT)
    before, barrier = len(wechat.calls), asyncio.Barrier(2)
    wechat.now = EIGHT + 5 * MINUTE
    for sender in senders:
        pauses = sender._channel.breaker.pauses
        if not guard:
            unguard(pauses)
        put_around(pauses, "find_one", behind=barrier.wait)
    await asyncio.gather(*(sender.run(wechat.now) for sender in senders))
    assert len(wechat.calls) - before == (1 if guard else 2)
    pause = await ChannelPauseRepository(stage.db, Channel.WECHAT, "wx").current()
    assert pause is not None and pause.failed == 1


@guarded
async def test_a_pause_is_logged_once(
    stage: Stage, guard: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Two hosts are refused at the same moment; in the control each pause has an id of its own."""
    readers = [ReaderId(f"{n:024x}") for n in range(PAGE + 40)]
    await consent(stage, readers)
    messages = [message(r, EIGHT, timedelta(hours=3)) for r in readers]
    await tell(stage.db, stage.cipher, messages)
    wechat, barrier = WeChat(lambda now: (REFUSED, False)), asyncio.Barrier(2)
    senders = [worker(stage, wechat), worker(stage, wechat, "wx" if guard else "another")]
    for sender in senders:
        put_around(sender._channel.breaker.pauses, "find_one", behind=barrier.wait)
    await asyncio.gather(*(sender.run(EIGHT) for sender in senders))
    assert len(alarms(caplog)) == (1 if guard else 2)


async def test_another_worker_probes_after_the_prober_dies(stage: Stage) -> None:
    await consent(stage, [LI])
    await tell(stage.db, stage.cipher, [message(LI, EIGHT, timedelta(hours=3))])
    wechat = WeChat(lambda now: (REFUSED, False))
    await worker(stage, wechat).run(EIGHT)
    pauses = ChannelPauseRepository(stage.db, Channel.WECHAT, "wx")
    pause = await pauses.current()
    assert pause is not None
    wechat.now, wechat.answer = pause.until, lambda now: (SENT, True)
    dead = await pauses.take_probe(pause, wechat.now, LEASE)
    assert dead is not None and await pauses.take_probe(pause, wechat.now, LEASE) is None
    assert await worker(stage, wechat).run(wechat.now) == 0 and not wechat.arrived
    wechat.now += LEASE
    assert await worker(stage, wechat).run(wechat.now) == 1 and len(wechat.arrived) == 1
    assert not await pauses.end(dead) and not await pauses.prolong(dead, pause)
    assert await pauses.current() is None


async def test_a_message_left_by_three_dead_workers_is_not_sent_again(stage: Stage) -> None:
    """Each worker may have sent it. Other messages of the reader are sent."""
    await consent(stage, [LI])
    messages = queue_of(stage.db, stage.cipher)
    queued = [message(LI, EIGHT + n * MINUTE, timedelta(hours=3)) for n in range(2)]
    await tell(stage.db, stage.cipher, queued)
    wechat = WeChat(now=EIGHT + 2 * MINUTE)
    sender = worker(stage, wechat)
    for n in range(MAX_UNKNOWN):
        (d,) = await messages.lease_next([LI], wechat.now, wechat.now, LEASE)
        assert (d.attempts, d.unknown) == (n + 1, n)
        assert await sender.run(wechat.now) == 0 and not wechat.calls, "leased"
        wechat.now += LEASE
    while await sender.run(wechat.now):
        pass
    assert [id for _, id in wechat.calls] == [queued[1].id]
    states = [await state_of(stage.db, m) for m in queued]
    assert states == [DeliveryState.FAILED, DeliveryState.SENT]
    # A librarian may send it all the same.
    assert await messages.requeue([queued[0].id], wechat.now) == 1
    assert await sender.run(wechat.now) == 1 and len(wechat.calls) == 2


async def test_an_interrupted_probe_delays_no_other_worker(stage: Stage) -> None:
    await consent(stage, [LI])
    await tell(stage.db, stage.cipher, [message(LI, EIGHT, timedelta(hours=3))])
    wechat = WeChat(lambda now: (REFUSED, False))
    sender, begun = worker(stage, wechat), asyncio.Event()
    await sender.run(EIGHT)
    pause = await ChannelPauseRepository(stage.db, Channel.WECHAT, "wx").current()
    assert pause is not None
    channel: Any = sender._channel
    wechat.now, gateway = pause.until, channel.gateway

    class Hangs(WeChat):
        async def send_subscribe(self, *_: object) -> SendResult:
            begun.set()
            await asyncio.Event().wait()
            return SENT

    hanging: Any = Hangs()
    channel.gateway = hanging
    run = asyncio.create_task(sender.run(wechat.now))
    await begun.wait()
    run.cancel()
    await asyncio.wait([run])
    channel.gateway, wechat.answer = gateway, lambda now: (SENT, True)
    assert await sender.run(wechat.now) == 0, "its message is leased still"
    wechat.now += LEASE
    assert await sender.run(wechat.now) == 1 and wechat.arrived[f"o-{LI}"]
    assert await ChannelPauseRepository(stage.db, Channel.WECHAT, "wx").current() is None
