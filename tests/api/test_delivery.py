"""From an event to the phone: order, WeChat's refusals, consent, expiry, leases."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from handlers.http.keys import service_key
from miniapp_server.sandbox.defaults import SANDBOX_TEMPLATES
from models.messages.channel_pause import PauseReason
from models.messages.channel_pause_repository import ChannelPauseRepository
from models.messages.entities import Channel, Template
from notify.wechat.channel import WeChatChannel
from tests.api.deliveries import MANY, calls, misbehave, templates_of, warm_up, way_of
from tests.living import MONDAY_8, Client, Living, living


async def consents_of(service: Living, client: Client) -> int:
    return (await service.inside.stored.consents.remaining(client.reader_id))[Template.RESERVED]


def alarms(caplog: pytest.LogCaptureFixture) -> list[Any]:
    return [r for r in caplog.records if r.getMessage() == "wechat_delivery_alarm"]


async def run(service: Living, now: datetime) -> None:
    await service.scheduler.run_until_idle(now)


@dataclass(frozen=True, slots=True)
class Refusal:
    errcode: int
    state: str
    credits: int
    alarm: bool
    disabled: bool = False


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(43101, "no_consent", credits=0, alarm=False),
        Refusal(40037, "failed", credits=2, alarm=True, disabled=True),
        pytest.param(Refusal(50002, "failed", credits=2, alarm=False), marks=pytest.mark.whole),
    ],
    ids=lambda refusal: str(refusal.errcode),
)
async def test_a_final_refusal_ends_the_message(
    service: Living, refusal: Refusal, caplog: pytest.LogCaptureFixture
) -> None:
    """One code of each kind; the kinds of all codes are in tests/unit/test_wechat_retry_policy."""
    reader = await service.reader()
    await reader.accept("RESERVED")
    await reader.accept("RESERVED")
    made = await reader.reserve()
    await misbehave(service, subscribe_send={"errcode": refusal.errcode, "times": MANY})
    await service.settle()
    await service.move(timedelta(minutes=2))
    way = await way_of(service, made)
    assert (way.state, way.codes) == (refusal.state, [refusal.errcode])
    assert await calls(service, "subscribe_send") == 1, "never again"
    assert await consents_of(service, reader) == refusal.credits
    assert bool(alarms(caplog)) == refusal.alarm
    assert await reader.messages() == [] and await templates_of(reader) == ["RESERVED"]

    # What follows for the messages after it.
    await misbehave(service)
    later = await reader.reserve("2f-hall-001", "18:00", "19:00")
    await service.settle()
    expected = refusal.disabled or refusal.credits == 0
    assert len(await reader.messages()) == (0 if expected else 1)
    # Without a credit it is not even tried.
    assert (await way_of(service, later)).attempts == (1 if refusal.credits else 0)
    assert await templates_of(reader) == ["RESERVED", "RESERVED"]


@pytest.mark.whole
async def test_a_refused_template_is_tried_again_each_hour(
    service: Living, caplog: pytest.LogCaptureFixture
) -> None:
    """A template corrected at WeChat works without a restart; otherwise each hour raises an
    alarm."""
    channel, passed = service.app[service_key(WeChatChannel)], [0.0]
    channel.seconds = lambda: passed[0]
    reader = await service.reader()
    await misbehave(service, subscribe_send={"errcode": 43107, "times": MANY})
    for n, (at, calls_expected, told_of) in enumerate(
        [(0, 1, 1), (3599, 1, 1), (3600, 2, 2), (7000, 2, 2)]
    ):
        passed[0] = at
        await reader.accept("RESERVED")
        await reader.reserve(f"2f-hall-{n + 1:03d}", f"{9 + 2 * n:02d}:00", f"{10 + 2 * n}:00")
        await service.settle()
        assert await calls(service, "subscribe_send") == calls_expected
        assert len(alarms(caplog)) == told_of
    passed[0] = 7200
    await misbehave(service)
    await reader.reserve("2f-hall-007", "18:00", "19:00")
    await service.settle()
    assert [m["template"] for m in await reader.messages()] == ["RESERVED"]


@pytest.mark.whole
async def test_a_long_area_name_does_not_cut_off_the_seat_number(
    mongo_url: str, redis_url: str
) -> None:
    fields = {"thing1": "seat", "character_string2": "seat_no", "time3": "period"}
    reserved = {**SANDBOX_TEMPLATES["RESERVED"], "fields": fields}
    templates = {**SANDBOX_TEMPLATES, "RESERVED": reserved}
    async with living(mongo_url, redis_url, WECHAT_TEMPLATES=json.dumps(templates)) as service:
        named = {"$set": {"name": "社会科学阅览区东侧靠窗"}}
        await service.db["areas"].update_one({"_id": "2f-hall"}, named)
        await service.db["venues"].update_one({"_id": "library"}, {"$set": {"name": "图书馆主馆"}})
        await service.db["versions"].update_many({}, {"$inc": {"number": 1}})
        await service.inside.reference.refresh()
        reader = await service.reader()
        await reader.accept("RESERVED")
        await reader.reserve()
        await service.settle()
        (got,) = await reader.messages()
        values = {key: value["value"] for key, value in got["data"].items()}
        assert values["thing1"] == "2层社会科学阅览区东侧靠窗065号"
        assert values["character_string2"] == "065"
        (message,) = (await reader.ok("GET", "/messages"))["items"]
        assert message["text"].startswith("图书馆主馆2层社会科学阅览区东侧靠窗065号，"), (
            "whole in the app"
        )


@pytest.mark.whole
async def test_a_refused_message_is_retried_with_backoff_and_delays_no_other_reader(
    service: Living,
) -> None:
    service.app[service_key(WeChatChannel)].breaker.jitter = lambda: 1.0
    reader, other = await service.reader(), await service.reader()
    for _ in range(5):
        await reader.accept("RESERVED")
    await other.accept("RESERVED")
    first = await reader.reserve()
    await misbehave(service, subscribe_send={"status": 503, "times": MANY})
    now = service.clock.now()
    for attempt, delay in enumerate((1, 5, 25), start=1):
        await run(service, now)
        way = await way_of(service, first)
        assert (way.state, way.attempts) == ("queued", attempt)
        assert way.due == now + timedelta(seconds=delay)
        await run(service, way.due - timedelta(milliseconds=1))
        assert (await way_of(service, first)).attempts == attempt, "not before its time"
        now = way.due

    # Meanwhile: what comes after it waits behind it, and another reader does not.
    await misbehave(service)
    second = await reader.reserve("2f-hall-001", "18:00", "19:00")
    elsewhere = await other.reserve("2f-hall-002")
    await run(service, now - timedelta(milliseconds=1))
    assert (await way_of(service, elsewhere)).state == "sent"
    assert (await way_of(service, second)).attempts == 0

    await misbehave(service, subscribe_send={"status": 503, "times": 1})
    await run(service, now)
    assert (await way_of(service, second)).attempts == 0, "it still waits"
    await run(service, now + timedelta(seconds=60))
    way = await way_of(service, first)
    assert (way.state, way.attempts) == ("sent", 5)
    assert (await way_of(service, second)).state == "sent"
    assert await consents_of(service, reader) == 5 - 2
    assert await templates_of(reader) == ["RESERVED", "RESERVED"]
    assert [m["template"] for m in await reader.messages()] == ["RESERVED", "RESERVED"]


@dataclass(frozen=True, slots=True)
class Lost:
    template: str
    consents: int
    attempts: int
    codes: list[int]
    arrived: int
    ends: tuple[str, str | None] = ("failed", "unknown")
    left: int = 0


@pytest.mark.parametrize(
    "lost",
    [
        # The reader has just booked: a second copy would tell nothing, and use up a consent.
        pytest.param(
            Lost("RESERVED", consents=2, attempts=1, codes=[], arrived=1, left=1),
            marks=pytest.mark.whole,
        ),
        # A deadline: once more, in case it did not arrive. WeChat refuses what it has sent.
        Lost("CHECK_IN_REMINDER", consents=1, attempts=2, codes=[43101], arrived=1),
        pytest.param(
            Lost("CHECK_IN_REMINDER", 2, attempts=2, codes=[0], arrived=2, ends=("sent", None)),
            marks=pytest.mark.whole,
        ),
    ],
    ids=lambda lost: f"{lost.template}-{lost.consents}",
)
async def test_a_send_with_a_lost_answer_spends_one_consent_and_stays_unknown(
    service: Living, lost: Lost
) -> None:
    await warm_up(service)
    reader = await service.reader()
    for _ in range(lost.consents):
        await reader.accept(lost.template)
    made = await reader.reserve(start="09:00", end="10:00")
    seq = 1
    if lost.template != "RESERVED":
        await service.move("08:59")
        seq = 2
    service.app[service_key(WeChatChannel)].breaker.jitter = lambda: 1.0
    await misbehave(service, subscribe_send={"status": 502, "after": True, "times": 1})
    await (service.settle() if seq == 1 else service.move("09:00"))
    later = [] if lost.attempts == 1 else [MONDAY_8 + timedelta(minutes=62)]
    assert [row["due"] async for row in service.db["deliveries"].find({"open": True})] == later
    await service.move(timedelta(minutes=3))
    way = await way_of(service, made, seq)
    assert (way.attempts, way.codes) == (lost.attempts, lost.codes)
    assert (way.state, way.reason) == lost.ends, "not as if there had been no consent"
    assert [m["template"] for m in await reader.messages()] == [lost.template] * lost.arrived
    left = await service.inside.stored.consents.remaining(reader.reader_id)
    assert left[Template(lost.template)] == lost.left


@pytest.mark.whole
async def test_a_message_with_a_refused_page_is_sent_without_it(
    service: Living, caplog: pytest.LogCaptureFixture
) -> None:
    reader = await service.reader()
    await reader.accept("RESERVED")
    made = await reader.reserve()
    await misbehave(service, subscribe_send={"errcode": 41030, "times": 1})
    await service.settle()
    way = await way_of(service, made)
    assert (way.state, way.attempts, way.codes) == ("sent", 2, [41030, 0])
    (message,) = await reader.messages()
    assert message["page"] == "" and len(alarms(caplog)) == 1


@pytest.mark.whole
async def test_an_exhausted_minute_quota_pauses_all_messages_for_a_minute(service: Living) -> None:
    readers = [await service.reader() for _ in range(3)]
    made = []
    for number, reader in enumerate(readers, start=1):
        await reader.accept("RESERVED")
        made.append(await reader.reserve(f"2f-hall-00{number}"))
    now = service.clock.now()
    await misbehave(service, subscribe_send={"errcode": 45011, "times": MANY})
    await run(service, now)
    tried = await calls(service, "subscribe_send")
    await misbehave(service, subscribe_send={"times": MANY})
    await run(service, now + timedelta(seconds=59))
    assert await calls(service, "subscribe_send") == 0
    await run(service, now + timedelta(seconds=60))
    assert [(await way_of(service, m)).state for m in made] == ["sent"] * 3
    assert tried <= len(readers)


@pytest.mark.whole
async def test_an_exhausted_day_quota_is_retried_hourly_and_reminders_expire(
    service: Living,
) -> None:
    reader = await service.reader()
    await reader.accept("RESERVED", "CHECK_IN_REMINDER")
    await reader.accept("RESERVED")
    today = await reader.reserve()
    await service.move("13:59")
    tomorrow = await reader.reserve(date=service.tomorrow)
    await misbehave(service, subscribe_send={"errcode": 45009, "times": MANY})
    await service.move("14:05")  # the check-in reminder of today falls into the pause
    pauses = ChannelPauseRepository(service.db, Channel.WECHAT, service.settings.wechat.account)
    pause = await pauses.current()
    assert pause is not None and pause.reason is PauseReason.QUOTA_DAY
    assert timedelta(minutes=54) < pause.until - service.clock.now() <= timedelta(hours=1)
    await service.move("17:55")
    assert (await way_of(service, tomorrow)).state == "queued"
    assert await calls(service, "subscribe_send") == 4, "once an hour"
    reminder = await way_of(service, today, 2)
    assert (reminder.state, reminder.reason) == ("expired", "quota_day"), "not only at midnight"
    await misbehave(service)  # the operator has used 重置额度
    await service.move("19:05")
    assert (await way_of(service, tomorrow)).state == "sent"
    assert (await way_of(service, today, 2)).state == "expired"
    assert [m["template"] for m in await reader.messages()] == ["RESERVED", "RESERVED"]
    assert await templates_of(reader) == ["RESERVED", "RESERVED", "CHECK_IN_REMINDER", "NO_SHOW"]


@pytest.mark.whole
async def test_a_permanently_invalid_token_costs_a_bounded_number_of_calls(service: Living) -> None:
    readers = [await service.reader() for _ in range(3)]
    made = []
    for number, reader in enumerate(readers, start=1):
        await reader.accept("RESERVED")
        made.append(await reader.reserve(f"2f-hall-00{number}", "now", "09:00"))
    await misbehave(
        service,
        subscribe_send={"errcode": 40001, "times": MANY},
        stable_token={"times": MANY},
    )
    await run(service, service.clock.now())
    assert {(await way_of(service, m)).state for m in made} == {"queued"}, "kept"
    await service.move("09:01")  # about 60 pauses of a minute
    assert {(await way_of(service, m)).state for m in made} == {"expired"}
    # One send and its repetition for each that was under way, then the breaker holds for a
    # minute of real time.
    assert await calls(service, "subscribe_send") <= 2 * len(readers)
    assert await calls(service, "stable_token") <= 2
    assert [await consents_of(service, reader) for reader in readers] == [1, 1, 1]
    assert "RESERVED" in await templates_of(readers[0])
