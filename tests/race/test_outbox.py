"""What a process has made itself it tells without reading it again; everything else it reads."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final, cast

import pytest

from models.messages.entities import Channel, Message, Template
from models.readers.entities import Reader
from models.readers.personal_data_repository import erase_documents, remaining
from models.reservations.entities import Reservation
from models.reservations.repository import ReservationRepository
from notify.delivery.channel import DeliveryChannel
from notify.outbox_dispatcher import OutboxDispatcher
from notify.publisher import MessagePublisher
from notify.reservation_messages import ReservationMessages
from notify.waitlist_messages import WaitlistMessages
from notify.webhooks.events import WebhookEvents
from tests.inside import Inside
from tests.race.stage import EIGHT, SEAT, Stage, ctx, guarded, put_around, selection

_READS_S: Final = 2.0
_KEPT_S: Final = 5.0


class Watch:
    """Seconds that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Counted(ReservationRepository):
    """Counts how often the outboxes are read."""

    reads = 0

    async def with_outbox_events(self, limit: int) -> list[Reservation]:
        self.reads += 1
        return await super().with_outbox_events(limit)


class ForAll:
    """A channel that every reader wants every message by."""

    name = Channel.EMAIL

    async def wanted(self, messages: Sequence[Message]) -> Collection[str]:
        return [message.id for message in messages]


def dispatcher(worker: Inside, watch: Watch) -> OutboxDispatcher:
    """The worker's own."""
    stored, to_all = worker.stored, cast(DeliveryChannel, ForAll())
    return OutboxDispatcher(
        stored.reservations,
        MessagePublisher(stored.messages, stored.deliveries, [to_all]),
        ReservationMessages(
            stored.reservations, worker.reference, worker.violations, worker.code_sharing
        ),
        WaitlistMessages(stored.waitlist, worker.reference),
        WebhookEvents(
            stored.event_outbox, stored.webhooks, stored.webhook_deliveries, worker.reference
        ),
        clock=watch,
    )


async def booked(worker: Inside, reader: Reader, start: int) -> Reservation:
    return await worker.reservations.create(ctx(reader), SEAT, selection(start, start + 1))


async def told(stage: Stage, reader: Reader) -> list[str]:
    """Ids of the reservations that the reader has messages about."""
    found, _ = await stage.stored.messages.page_of(reader.id, False, 0, 50)
    return sorted(str(message.reservation_id) for message in found)


async def test_what_was_made_here_is_told_as_it_was_made(stage: Stage) -> None:
    counted = Counted(stage.db)
    reader, worker = await stage.reader(), await stage.worker(reservations=counted)
    mine = dispatcher(worker, Watch())
    assert await mine.dispatch(EIGHT) == 0
    assert counted.reads == 1
    made = await booked(worker, reader, 9)
    assert await mine.dispatch(EIGHT) == 1
    assert counted.reads == 1, "it was not read again"
    assert await told(stage, reader) == [made.id]
    assert (await stage.reload(made)).outbox == ()
    (message,), _ = await stage.stored.messages.page_of(reader.id, False, 0, 9)
    assert message.template is Template.RESERVED
    assert message.id == f"{made.id}:{made.change}", "named as if it had been read"
    assert await mine.dispatch(EIGHT) == 0
    assert counted.reads == 2, "with nothing of its own it looks for that of others"


async def test_others_are_told_while_there_is_always_something_of_its_own(stage: Stage) -> None:
    reader, watch, worker = await stage.reader(), Watch(), await stage.worker()
    mine, other = dispatcher(worker, watch), await stage.worker()
    await mine.dispatch(EIGHT)
    theirs, own = await booked(other, reader, 9), await booked(worker, reader, 10)
    assert await mine.dispatch(EIGHT) == 1
    assert await told(stage, reader) == [own.id]
    watch.now += _READS_S
    second = await booked(worker, reader, 11)
    assert await mine.dispatch(EIGHT) == 2
    assert await told(stage, reader) == sorted([theirs.id, own.id, second.id])


async def test_a_change_is_read_at_once(stage: Stage) -> None:
    reader, watch, worker = await stage.reader(), Watch(), await stage.worker()
    mine = dispatcher(worker, watch)
    await mine.dispatch(EIGHT)
    first = await booked(worker, reader, 9)
    await worker.reservations.cancel(ctx(reader), first.id)
    await booked(worker, reader, 10)
    events = sum([await mine.dispatch(EIGHT) for _ in range(2)])
    assert events == 3
    assert (await stage.reload(first)).outbox == ()


async def test_what_has_waited_for_long_is_read_like_that_of_others(stage: Stage) -> None:
    """Another process may have had the lease meanwhile, and told it: even its message may be gone
    by now."""
    reader, watch, worker = await stage.reader(), Watch(), await stage.worker()
    mine, other = dispatcher(worker, watch), dispatcher(await stage.worker(), Watch())
    await mine.dispatch(EIGHT)
    made = await booked(worker, reader, 9)
    assert await other.dispatch(EIGHT) == 1
    await stage.stored.messages.delete([f"{made.id}:{made.change}"])
    watch.now += _KEPT_S
    later = await booked(worker, reader, 10)
    assert await mine.dispatch(EIGHT) == 1
    assert await told(stage, reader) == [later.id]


async def test_nothing_is_kept_in_a_process_that_does_not_dispatch(stage: Stage) -> None:
    reader, worker = await stage.reader(), await stage.worker()
    idle = dispatcher(worker, Watch())
    made = await booked(worker, reader, 9)
    assert idle._made == []
    assert await idle.dispatch(EIGHT + timedelta(hours=1)) == 1
    assert await told(stage, reader) == [made.id]


@guarded
@pytest.mark.parametrize("read", [False, True], ids=["made here", "read"])
async def test_nothing_is_kept_for_a_reader_who_was_erased_meanwhile(
    stage: Stage, read: bool, guard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dispatcher knows the reservation from before the erasure, and writes afterwards."""
    stays, goes = await stage.reader(), await stage.reader()
    worker = await stage.worker()
    mine = dispatcher(worker, Watch())
    if not read:
        await mine.dispatch(EIGHT)
    kept, made = await booked(worker, stays, 9), await booked(worker, goes, 10)

    async def meanwhile() -> None:
        ended = {"$set": {"live": False, "state": "cancelled"}}
        await stage.db["reservations"].update_one({"_id": made.id}, ended)
        await erase_documents(stage.db, goes.id)

    put_around(worker.stored.messages, "insert_many", before=meanwhile)
    if not guard:
        monkeypatch.setattr(MessagePublisher, "withdraw", _leave)
    await mine.dispatch(EIGHT)
    assert await remaining(stage.db, goes.id) == ([] if guard else ["deliveries", "messages"])
    assert await told(stage, stays) == [kept.id]
    assert (await stage.reload(kept)).outbox == ()


async def _leave(_: MessagePublisher, messages: Sequence[Message]) -> None:
    """The control."""
