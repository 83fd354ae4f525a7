"""Messages, stored once and in order, and the counts of consents."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from bson.objectid import ObjectId

from models.kernel.ids import ReaderId, ReservationId
from models.messages.consent_repository import MOST_REPORTED, ConsentRepository, ConsentTotals
from models.messages.delivery_report_repository import ChannelDeliveries
from models.messages.delivery_repository import DeliveryRepository
from models.messages.entities import (
    WECHAT_TEMPLATES,
    Channel,
    Delivery,
    DeliveryResult,
    DeliveryState,
    Message,
    Template,
)
from models.messages.repository import MessageRepository
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database
from tests.builders import LI, MONDAY, TOMORROW, ZHANG, on
from tests.deliveries import queue_of, state_of, tell

LEASE = timedelta(seconds=60)
REAL = on("03:00")


@pytest.fixture
def store(db: Database, sealer: FieldCipher) -> MessageRepository:
    return MessageRepository(db, sealer)


@pytest.fixture
def queue(db: Database, sealer: FieldCipher) -> ChannelDeliveries:
    return queue_of(db, sealer)


def message(id: str, at: str = "14:00", reader: ReaderId = ZHANG, **fields: Any) -> Message:
    defaults: dict[str, Any] = {
        "reservation_id": ReservationId("5" * 24),
        "expires_at": on("16:00"),
    }
    facts = {"seat": "065", "start": on("14:00"), "count": 2}
    return Message(
        id, reader, Template.LEAVE, "暂离登记", "…", on(at), facts, **{**defaults, **fields}
    )


async def test_a_message_is_stored_once_and_marked_read_by_its_reader(
    store: MessageRepository,
) -> None:
    first, second = message("a:1", "14:00"), message("a:2", "15:00", expires_at=None)
    theirs = message("b:1", "14:30", reader=LI, reservation_id=None)
    assert await store.add([first, second]) == 2 and await store.add([]) == 0
    assert await store.add([second, theirs, first]) == 1, "what was there is not told again"
    assert await store.page_of(ZHANG, False, 0, 9) == ([second, first], 2)
    assert await store.page_of(ZHANG, False, 1, 1) == ([first], 2)
    assert await store.page_of(LI, False, 0, 9) == ([theirs], 1)
    await store.mark_read(ZHANG, ["a:1", "b:1", "nothing"])
    assert await store.page_of(ZHANG, True, 0, 9) == ([second], 1)
    assert await store.page_of(LI, True, 0, 9) == ([theirs], 1), "not theirs to read"


async def test_deliveries_of_a_reader_are_leased_in_order(
    db: Database, sealer: FieldCipher, queue: ChannelDeliveries
) -> None:
    messages = [message("a:2", "15:00"), message("a:1", "14:00"), message("b:1", "13:00", LI)]
    await tell(db, sealer, messages)
    now, deliveries = on("15:00"), DeliveryRepository(db)

    async def waiting(instant: datetime) -> list[ReaderId]:
        readers, place = await queue.readers_due(instant, None, 9)
        assert place is None
        return readers

    assert await waiting(on("12:59:59")) == []
    assert await waiting(on("13:00")) == [LI] and await waiting(now) == [LI, ZHANG]

    async def claim(real: datetime = REAL, *readers: ReaderId) -> list[Delivery]:
        return await queue.lease_next(readers or (ZHANG,), now, real, LEASE)

    tries = await asyncio.gather(*(claim() for _ in range(6)))
    (first,) = [delivery for leased in tries for delivery in leased]
    assert (first.message.id, first.attempts, first.codes, first.has_next) == ("a:1", 1, (), True)
    assert await claim(REAL + LEASE - timedelta(seconds=1)) == [], "the second waits"
    both = await claim(REAL + LEASE, ZHANG, LI)
    assert [(d.message.id, d.attempts, d.has_next) for d in both] == [
        ("a:1", 2, True),
        ("b:1", 1, False),
    ]
    again = both[0]

    await queue.save_results([DeliveryResult(first, DeliveryState.SENT, 0)])
    assert await state_of(db, messages[1]) is DeliveryState.SENDING, "its lease had run out"
    later = now + timedelta(minutes=1)
    put_off = DeliveryResult(again, DeliveryState.QUEUED, -1, later, omit_page=True)
    for _ in range(2):
        await queue.save_results([put_off, DeliveryResult(both[1], DeliveryState.EXPIRED)])
    assert await claim() == [], "not due yet, and the one behind it waits"
    assert await deliveries.next_due(now) == later
    now = later
    (third,) = await claim()
    assert (third.attempts, third.codes, third.omit_page) == (3, (-1,), True)
    await queue.save_results([DeliveryResult(third, DeliveryState.SENT, 0)])
    assert await state_of(db, messages[1]) is DeliveryState.SENT
    (last,) = await claim()
    assert (last.message.id, last.has_next) == ("a:2", False)
    await queue.save_results([DeliveryResult(last, DeliveryState.EXPIRED)])
    assert await claim() == [] and await waiting(now) == []
    assert await deliveries.next_due(now) is None


async def test_a_released_lease_does_not_count_as_an_attempt(
    db: Database, sealer: FieldCipher, queue: ChannelDeliveries
) -> None:
    await tell(db, sealer, [message("a:1"), message("b:1", reader=LI)])
    now, readers = on("15:00"), [ZHANG, LI]
    mine = await queue.lease_next(readers, now, REAL, LEASE)
    assert len(mine) == 2
    await queue.release(mine)
    theirs = await queue.lease_next(readers, now, REAL, LEASE)
    assert [d.attempts for d in theirs] == [1, 1], "it was no attempt"
    await queue.release(mine)
    assert await queue.lease_next(readers, now, REAL, LEASE) == [], (
        "what others hold now stays theirs"
    )


async def test_due_readers_are_listed_page_by_page(
    db: Database, sealer: FieldCipher, queue: ChannelDeliveries
) -> None:
    readers = [ReaderId(f"{n:024x}") for n in range(7)]
    messages = [message(f"{n}:1", "14:00", reader) for n, reader in enumerate(readers)]
    await tell(db, sealer, messages)
    seen, place = await queue.readers_due(on("14:00"), None, 3)
    pages = [seen]
    while place is not None:
        seen, place = await queue.readers_due(on("14:00"), place, 3)
        pages.append(seen)
    assert pages == [readers[:3], readers[3:6], readers[6:]]


async def test_old_messages_are_deleted_unless_a_delivery_is_pending(
    db: Database, sealer: FieldCipher, store: MessageRepository, queue: ChannelDeliveries
) -> None:
    old, new = (str(ObjectId.from_datetime(on("08:00", day))) for day in (MONDAY, TOMORROW))
    messages = [message(f"{old}:1"), message(f"{old}:2"), message(f"{old}:3"), message(f"{new}:1")]
    unasked, going, over, recent = messages
    await store.add([unasked])
    await tell(db, sealer, [over])
    (d,) = await queue.lease_next([ZHANG], on("15:00"), REAL, LEASE)
    await queue.save_results([DeliveryResult(d, DeliveryState.SENT, 0)])
    await tell(db, sealer, [going, recent])
    assert await store.page_of(ZHANG, False, 0, 9) == (messages[::-1], 4), "all are in the app"
    deliveries = DeliveryRepository(db)
    ids = await store.ids_before(on("00:00", TOMORROW), 9)
    gone = await deliveries.delete_ended(ids)
    assert gone == [unasked.id, over.id], "what is on the way stays"
    assert await store.delete(gone) == 2
    states = [await state_of(db, m) for m in messages]
    assert states == [None, DeliveryState.QUEUED, None, DeliveryState.QUEUED]
    assert await store.page_of(ZHANG, False, 0, 9) == ([recent, going], 2)


async def test_each_channel_has_its_own_delivery_of_one_message(
    db: Database, sealer: FieldCipher, store: MessageRepository, queue: ChannelDeliveries
) -> None:
    delivered = message("a:1")
    await tell(db, sealer, [delivered])
    await tell(db, sealer, [delivered], Channel.EMAIL)
    mail = queue_of(db, sealer, Channel.EMAIL)
    assert await store.page_of(ZHANG, True, 0, 9) == ([delivered], 1), "unread once"
    (by_wechat,) = await queue.lease_next([ZHANG], on("15:00"), REAL, LEASE)
    (by_mail,) = await mail.lease_next([ZHANG], on("15:00"), REAL, LEASE)
    assert by_wechat.message == by_mail.message == delivered and by_wechat.id != by_mail.id
    await mail.save_results([DeliveryResult(by_mail, DeliveryState.FAILED, 550)])
    assert await state_of(db, delivered) is DeliveryState.SENDING
    assert await state_of(db, delivered, Channel.EMAIL) is DeliveryState.FAILED
    since = on("08:00")
    assert await mail.failures(since) == [(550, None, 1)] and await queue.failures(since) == []
    assert await queue.requeue([delivered.id], on("15:00")) == 0, "it is sending there"
    assert await mail.requeue([delivered.id], on("15:00")) == 1
    assert not await DeliveryRepository(db).was_sent(ZHANG, ReservationId("5" * 24), delivered.at)
    await queue.save_results([DeliveryResult(by_wechat, DeliveryState.SENT, 0)])
    assert await DeliveryRepository(db).was_sent(ZHANG, ReservationId("5" * 24), delivered.at)


async def test_a_delivery_of_a_deleted_message_is_not_leased(
    db: Database, sealer: FieldCipher, store: MessageRepository, queue: ChannelDeliveries
) -> None:
    """Its reader is being erased: the message is deleted already, its delivery not yet."""
    await tell(db, sealer, [message("a:1"), message("b:1", reader=LI)])
    await store.delete(["a:1"])
    leased = await queue.lease_next([ZHANG, LI], on("15:00"), REAL, LEASE)
    assert [d.message.id for d in leased] == ["b:1"]


async def test_each_consent_is_consumed_once(db: Database) -> None:
    consents = ConsentRepository(db)
    none = dict.fromkeys(WECHAT_TEMPLATES, 0)
    leave, ended, theirs = (ZHANG, Template.LEAVE), (ZHANG, Template.ENDED), (LI, Template.ENDED)
    assert await consents.remaining(ZHANG) == none and await consents.consume([leave]) == set()
    for _ in range(3):
        await consents.add(*leave)
    await consents.add(*theirs)
    taken = await asyncio.gather(*(consents.consume([leave, ended]) for _ in range(8)))
    assert sorted(map(len, taken)) == [0] * 5 + [1] * 3 and leave in set().union(*taken)
    await consents.add(*leave)
    assert await consents.with_consent([leave, ended, theirs]) == {leave, theirs}
    assert await consents.consume([leave, ended, theirs]) == {leave, theirs}
    await consents.restore([leave, theirs, ended])
    assert await consents.remaining(ZHANG) == {**none, Template.LEAVE: 1}
    await consents.clear([leave, ended])
    assert await consents.remaining(ZHANG) == none
    await consents.add(*ended)
    await consents.forget(ZHANG)
    await consents.restore([ended])
    assert await consents.remaining(ZHANG) == none, "consent that has ended stays ended"
    assert await consents.consume([theirs]) == {theirs}


async def test_long_term_consents_are_separate_from_counted_ones(db: Database) -> None:
    consents, long_term = ConsentRepository(db), {Template.ENDED}
    ended, leave = (ZHANG, Template.ENDED), (ZHANG, Template.LEAVE)
    await consents.add(*leave)
    await consents.add(*leave)
    await consents.accept_for_good(*ended)
    await consents.accept_for_good(LI, Template.ENDED)
    left = await consents.remaining(ZHANG, long_term)
    assert (left[Template.LEAVE], left[Template.ENDED]) == (2, 1)
    assert await consents.with_consent([ended, leave]) == {leave}
    assert await consents.consume([ended]) == set(), "there is nothing to use up"
    assert (await consents.standing([ended, leave])).keys() == {ended}
    totals = await consents.totals()
    assert totals[Template.LEAVE] == ConsentTotals(2, 1, 0)
    assert totals[Template.ENDED] == ConsentTotals(0, 0, 2)
    assert totals[Template.MOVED] == ConsentTotals()
    await consents.refuse(*ended)
    assert (await consents.remaining(ZHANG, long_term))[Template.ENDED] == 0
    assert (await consents.remaining(ZHANG))[Template.LEAVE] == 2
    await consents.forget(LI)
    assert await consents.standing([ended, (LI, Template.ENDED)]) == {}


async def test_client_reports_add_at_most_five_consents(db: Database) -> None:
    consents = ConsentRepository(db)
    await asyncio.gather(*(consents.add(ZHANG, Template.LEAVE) for _ in range(50)))
    await consents.add(ZHANG, Template.ENDED)
    left = await consents.remaining(ZHANG)
    assert (left[Template.LEAVE], left[Template.ENDED]) == (MOST_REPORTED, 1) and MOST_REPORTED == 5
    assert await consents.consume([(ZHANG, Template.LEAVE)])
    for _ in range(2):
        await consents.add(ZHANG, Template.LEAVE)
    assert (await consents.remaining(ZHANG))[Template.LEAVE] == 5
