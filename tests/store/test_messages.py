"""Messages, told once and in order; the consent ledger."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from models.message import DeliveryState, Message, Template
from models.reservation import ReaderId, ReservationId
from models.store.client import Database
from models.store.credits import Credits
from models.store.messages import Messages
from tests.builders import LI, ZHANG, on

LEASE = timedelta(seconds=60)
REAL = on("03:00")


@pytest.fixture
def store(db: Database) -> Messages:
    return Messages(db)


def message(id: str, at: str = "14:00", reader: ReaderId = ZHANG, **fields: Any) -> Message:
    defaults: dict[str, Any] = {
        "reservation_id": ReservationId("5" * 24),
        "not_after": on("16:00"),
    }
    facts = {"seat": "065", "start": on("14:00"), "count": 2}
    return Message(
        id, reader, Template.LEAVE, "暂离登记", "…", on(at), facts, **{**defaults, **fields}
    )


async def test_told_once_and_read_by_its_reader(store: Messages) -> None:
    first, second = message("a:1", "14:00"), message("a:2", "15:00", not_after=None)
    theirs = message("b:1", "14:30", reader=LI, reservation_id=None)
    assert await store.add([first, second]) == 2 and await store.add([]) == 0
    assert await store.add([second, theirs, first]) == 1, "what was there is not told again"
    assert await store.page_of(ZHANG, False, 0, 9) == ([second, first], 2)
    assert await store.page_of(ZHANG, False, 1, 1) == ([first], 2)
    assert await store.page_of(LI, False, 0, 9) == ([theirs], 1)
    await store.mark_read(ZHANG, ["a:1", "b:1", "nothing"])
    assert await store.page_of(ZHANG, True, 0, 9) == ([second], 1)
    assert await store.page_of(LI, True, 0, 9) == ([theirs], 1), "not theirs to read"


async def test_deliveries_go_out_in_order_and_leased(store: Messages) -> None:
    told = [message("a:2", "15:00"), message("a:1", "14:00"), message("b:1", "13:00", LI)]
    assert await store.add(told) == 3
    now = on("15:00")

    async def waiting(instant: datetime, limit: int) -> list[ReaderId]:
        return list(dict.fromkeys(reader for _, reader, _ in await store.untried(instant, limit)))

    assert await waiting(on("12:59:59"), 9) == []
    assert await waiting(on("13:00"), 9) == [LI] and await waiting(now, 9) == [LI, ZHANG]
    assert await waiting(now, 1) == [LI] and await store.due_again(now, 9) == []

    async def claim(real: Any = REAL) -> Any:
        return await store.claim_next(ZHANG, now, real, LEASE)

    tries = await asyncio.gather(*(claim() for _ in range(6)))
    won = [delivery for delivery in tries if delivery is not None]
    assert [(d.message.id, d.attempts, d.codes) for d in won] == [("a:1", 1, ())]
    assert await claim(REAL + LEASE - timedelta(seconds=1)) is None, "the second waits"
    again = await claim(REAL + LEASE)
    assert (again.message.id, again.attempts) == ("a:1", 2)

    await store.settle(won[0], DeliveryState.SENT, 0)
    assert await store.state_of("a:1") is DeliveryState.SENDING, "its lease had run out"
    await store.retry(again, now + timedelta(minutes=1), -1, without_page=True)
    assert await claim() is None, "not due yet, and the one behind it waits"
    assert await store.next_due(now) == now + timedelta(minutes=1)
    now += timedelta(minutes=1)
    third = await claim()
    assert (third.attempts, third.codes, third.without_page) == (3, (-1,), True)
    await store.settle(third, DeliveryState.SENT, 0)
    assert await store.state_of("a:1") is DeliveryState.SENT
    last = await claim()
    assert last.message.id == "a:2"
    await store.settle(last, DeliveryState.EXPIRED)
    assert await claim() is None and await waiting(now, 9) == [LI]
    assert await store.prune(on("15:00:01"), 9) == 2, "what is on the way stays"
    assert await store.state_of("a:1") is None
    assert await store.next_due(now) is None


async def test_what_nobody_tried_may_be_ended_at_once(store: Messages) -> None:
    await store.add([message("a:1"), message("a:2", "15:00"), message("b:1", "14:00", LI)])
    now = on("14:00")
    assert await store.claim_next(LI, now, REAL, LEASE) is not None
    assert await store.untried(now, 9) == [("a:1", ZHANG, Template.LEAVE)]
    assert await store.settle_untried(["a:1", "b:1"], DeliveryState.NO_CREDIT) == 1
    assert await store.state_of("a:1") is DeliveryState.NO_CREDIT
    assert await store.state_of("b:1") is DeliveryState.SENDING, "it goes its own way"
    assert await store.untried(now, 9) == []


async def test_consent_is_counted_and_taken_once(db: Database) -> None:
    credits = Credits(db)
    none = dict.fromkeys(Template, 0)
    assert await credits.of(ZHANG) == none and not await credits.take(ZHANG, Template.LEAVE)
    for _ in range(3):
        await credits.add(ZHANG, Template.LEAVE)
    await credits.add(LI, Template.ENDED)
    taken = await asyncio.gather(*(credits.take(ZHANG, Template.LEAVE) for _ in range(8)))
    assert sum(taken) == 3
    await credits.add(ZHANG, Template.LEAVE)
    wanted = [(ZHANG, Template.LEAVE), (ZHANG, Template.ENDED), (LI, Template.ENDED)]
    assert await credits.known(wanted) == {wanted[0], wanted[2]}
    assert await credits.of(ZHANG) == {**none, Template.LEAVE: 1}
    await credits.empty(ZHANG, Template.LEAVE)
    await credits.empty(ZHANG, Template.ENDED)
    assert await credits.of(ZHANG) == none
    await credits.add(ZHANG, Template.ENDED)
    await credits.forget(ZHANG)
    assert await credits.of(ZHANG) == none and await credits.take(LI, Template.ENDED)
