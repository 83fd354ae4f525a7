"""A given-back seat goes to a waiting reader once, and to no other reader before."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from models.kernel.errors import DomainError
from models.library.entities import SeatId
from models.readers.entities import Reader
from models.reservations.entities import Reservation
from models.reservations.errors import DailyLimit, SeatTaken
from models.reservations.state_machine import ReservationState
from models.storage.mongo import new_id
from models.waitlist.entities import MOST_ALERTS, WaitlistEntry, WaitlistState
from models.waitlist.errors import AlreadyWaiting, TooManyAlerts
from tests.builders import ZONE
from tests.race.seat_offers import InTwoSteps, held
from tests.race.stage import (
    EIGHT,
    SEAT,
    SEATS,
    Stage,
    both_sides,
    clock,
    ctx,
    guarded,
    other_hours,
    put_around,
    selection,
    unguard,
)


async def waits(stage: Stage, reader: Reader) -> None:
    """Joins the waitlist one minute before eight for any seat of the area from ten to eleven."""
    area, since = stage.inside.reference.seat(SEAT).area_id, EIGHT - timedelta(minutes=1)
    anything = frozenset[str]()
    await stage.stored.waitlist.join(
        ZONE,
        WaitlistEntry(
            new_id(), reader.id, area, frozenset(), anything, clock(10), clock(11), since
        ),
    )


@both_sides
@guarded
async def test_a_given_back_seat_is_held_before_another_reader_can_book_it(
    stage: Stage, guard: bool
) -> None:
    owner, first, passer_by = [await stage.reader() for _ in range(3)]
    r = await stage.reserved(owner)
    await waits(stage, first)
    own = {} if guard else {"reservations": InTwoSteps(stage.db)}
    worker, other = await stage.worker(**own), await stage.worker()
    tries: list[asyncio.Task[Reservation]] = []

    async def snatch() -> None:
        """Books after the seat is released. A transaction holds this back until it ends."""
        tries.append(
            asyncio.create_task(other.reservations.create(ctx(passer_by), SEAT, selection(10, 11)))
        )
        if not guard:
            await tries[0]

    put_around(worker.stored.waitlist, "update_one", before=snatch)
    if guard:
        await worker.reservations.cancel(ctx(owner), r.id)
        with pytest.raises(SeatTaken):
            await tries[0]
        assert await held(stage) == [SEAT]
    else:
        with pytest.raises(DomainError):
            await worker.reservations.cancel(ctx(owner), r.id)
        assert (await tries[0]).state is ReservationState.RESERVED, "the passer-by has it"


@both_sides
@guarded
async def test_two_seats_freed_at_once_give_a_waiting_reader_one_offer(
    stage: Stage, guard: bool
) -> None:
    owners, seats = [await stage.reader() for _ in range(2)], [SEAT, "2f-hall-066"]
    rows = [await stage.reserved(o, s) for o, s in zip(owners, seats, strict=True)]
    await waits(stage, await stage.reader())
    slow, fast = [await stage.worker() for _ in range(2)]
    if not guard:
        await stage.drop("reservations", "claims")
        unguard(slow.stored.waitlist)

    async def meanwhile() -> None:
        await fast.reservations.cancel(ctx(owners[1]), rows[1].id)

    put_around(slow.stored.reservations, "find_one_and_update", before=meanwhile)
    await slow.reservations.cancel(ctx(owners[0]), rows[0].id)
    assert len(await held(stage)) == (1 if guard else 2)
    assert await stage.db["reservations"].count_documents({"state": "cancelled"}) == 2


@both_sides
@guarded
async def test_concurrent_joins_make_one_waitlist_entry_for_a_time(
    stage: Stage, guard: bool
) -> None:
    """Two phones join at once for overlapping times."""
    reader = await stage.reader()
    if not guard:
        await stage.drop("waitlist", "claims")
    results = await asyncio.gather(
        waits(stage, reader), waits(stage, reader), return_exceptions=True
    )
    refused = [r for r in results if isinstance(r, AlreadyWaiting)]
    assert len(refused) == (1 if guard else 0)
    assert await stage.db["waitlist"].count_documents({}) == (1 if guard else 2)


@both_sides
@guarded
async def test_concurrent_requests_make_at_most_five_alerts(stage: Stage, guard: bool) -> None:
    reader = await stage.reader()
    if not guard:
        await stage.drop("waitlist", "claims")
    area, nothing = stage.inside.reference.seat(SEAT).area_id, frozenset[SeatId]()

    async def alerts(hour: int) -> None:
        span = clock(hour), clock(hour + 1)
        await stage.stored.waitlist.add_alert(
            ZONE, WaitlistEntry(new_id(), reader.id, area, nothing, frozenset(), *span, EIGHT)
        )

    results = await asyncio.gather(*map(alerts, range(9, 17)), return_exceptions=True)
    refused = [r for r in results if isinstance(r, TooManyAlerts)]
    assert len(refused) == (8 - MOST_ALERTS if guard else 0)
    assert await stage.db["waitlist"].count_documents({}) == (MOST_ALERTS if guard else 8)


@both_sides
async def test_a_crash_during_an_offer_leaves_no_held_seat(stage: Stage) -> None:
    """The worker dies after the seat was released and before it is held: neither has happened, and
    both can happen later."""
    owner, first = await stage.reader(), await stage.reader()
    r = await stage.reserved(owner)
    await waits(stage, first)
    worker = await stage.worker()

    async def breaks() -> None:
        raise ConnectionError("the worker is gone")

    put_around(worker.stored.waitlist, "update_one", before=breaks)
    with pytest.raises(ConnectionError):
        await worker.reservations.cancel(ctx(owner), r.id)
    assert await stage.reload(r) == r and await held(stage) == []
    await (await stage.worker()).reservations.cancel(ctx(owner), r.id)
    assert await held(stage) == [SEAT]
    # Nobody is there to take it: it expires, and the seat is everybody's.
    assert await stage.inside.waitlist_jobs.expire_offers(EIGHT + timedelta(minutes=10)) == 1
    assert await held(stage) == []
    passer_by = await stage.reader()
    await stage.inside.reservations.create(
        ctx(passer_by, EIGHT + timedelta(minutes=11)), SEAT, selection(10, 11)
    )


@both_sides
@pytest.mark.parametrize("cut_off", ["reservations", "waitlist"])
async def test_an_interrupted_leave_of_the_waitlist_is_completed_on_repeat(
    stage: Stage, cut_off: str
) -> None:
    """Whichever of the two writes is missing, the next attempt makes it."""
    reader = await stage.reader()
    offer = await offered(stage, reader)
    assert offer.waitlist_entry_id is not None
    worker = await stage.worker()

    async def breaks() -> None:
        raise ConnectionError("the worker is gone")

    put_around(getattr(worker.stored, cut_off), "find_one_and_update", before=breaks)
    with pytest.raises(ConnectionError):
        await worker.waitlist.leave(ctx(reader), offer.waitlist_entry_id)
    await stage.inside.waitlist.leave(ctx(reader), offer.waitlist_entry_id)
    assert await held(stage) == []
    entry_now = await stage.stored.waitlist.get(offer.waitlist_entry_id)
    assert entry_now is not None and entry_now.state is WaitlistState.WITHDRAWN


@both_sides
@guarded
async def test_expiring_an_old_offer_does_not_end_the_readers_new_offer(
    stage: Stage, guard: bool
) -> None:
    """The job has read an expired offer; its reader declines it and gets an offer of another seat
    before the job writes."""
    reader, owner = await stage.reader(), await stage.reader()
    r = await stage.reserved(owner, SEATS[1])
    offer = await offered(stage, reader)
    job, phone = await stage.worker(), await stage.worker()
    if not guard:
        unguard(job.stored.waitlist)

    async def meanwhile() -> None:
        await phone.waitlist.decline(ctx(reader), offer.id)
        await phone.reservations.cancel(ctx(owner), r.id)

    put_around(job.stored.waitlist, "find_one_and_update", before=meanwhile)
    await job.waitlist_jobs.expire_offers(EIGHT + timedelta(minutes=10))
    assert await held(stage) == [SEATS[1]]
    entry_now = await stage.stored.waitlist.get(offer.waitlist_entry_id or "")
    assert entry_now is not None
    assert entry_now.state is (WaitlistState.OFFERED if guard else WaitlistState.OFFER_EXPIRED)


@both_sides
@guarded
async def test_a_reader_who_left_the_waitlist_gets_no_message_of_its_end(
    stage: Stage, guard: bool
) -> None:
    """The job has seen the reader's suspension; the reader leaves before it writes."""
    reader = await stage.reader()
    await waits(stage, reader)
    await stage.stored.readers.set_suspended_until(reader.id, None, clock(20))
    job, phone = await stage.worker(), await stage.worker()
    if not guard:
        unguard(job.stored.waitlist)
    (entry,) = await stage.stored.waitlist.open_of(reader.id)

    async def meanwhile() -> None:
        await phone.waitlist.leave(ctx(reader), entry.id)

    put_around(job.stored.waitlist, "find_one_and_update", before=meanwhile)
    await job.waitlist_jobs.offer_free_seats(EIGHT)
    entry_now = await stage.stored.waitlist.get(entry.id)
    assert entry_now is not None
    assert entry_now.state is (WaitlistState.WITHDRAWN if guard else WaitlistState.EXPIRED)
    assert len(await stage.stored.waitlist.ended_unnotified(9)) == (0 if guard else 1)


async def offered(stage: Stage, reader: Reader) -> Reservation:
    """A given-back seat that is held for the reader."""
    owner = await stage.reader()
    r = await stage.reserved(owner)
    await waits(stage, reader)
    await stage.inside.reservations.cancel(ctx(owner), r.id)
    (row,) = await stage.db["reservations"].find({"state": "offered"}).to_list(None)
    reservation = await stage.stored.reservations.get(row["_id"])
    assert reservation is not None
    return reservation


@both_sides
@guarded
async def test_an_accepted_offer_is_not_withdrawn(stage: Stage, guard: bool) -> None:
    """The job has seen a suspension that is lifted before it writes, and the reader accepts."""
    reader = await stage.reader()
    offer = await offered(stage, reader)
    await stage.stored.readers.set_suspended_until(reader.id, None, clock(20))
    job, phone = await stage.worker(), await stage.worker()
    if not guard:
        unguard(job.stored.reservations)

    async def meanwhile() -> None:
        await stage.stored.readers.set_suspended_until(reader.id, clock(20), None)
        await phone.waitlist.accept(ctx(reader), offer.id)

    put_around(job.stored.reservations, "find_one_and_update", before=meanwhile)
    await job.waitlist_jobs.offer_free_seats(EIGHT)
    state = (await stage.reload(offer)).state
    assert state is (ReservationState.RESERVED if guard else ReservationState.OFFER_EXPIRED)
    if guard:
        assert await stage.stored.waitlist.ended_unnotified(9) == []
        assert [entry.state for entry in (await all_of(stage, reader))] == [WaitlistState.ACCEPTED]


async def all_of(stage: Stage, reader: Reader) -> list[WaitlistEntry]:
    return (await stage.stored.waitlist.page_of(reader.id, 0, 9))[0]


class CountsReads:
    """A collection that counts its queries."""

    def __init__(self, collection: Any) -> None:
        self._collection, self.reads = collection, 0

    def __getattr__(self, name: str) -> Any:
        self.reads += name in ("find", "find_one", "aggregate")
        return getattr(self._collection, name)


@both_sides
@pytest.mark.parametrize("waiting", [1, 4])
async def test_readers_at_their_daily_limit_are_skipped(stage: Stage, waiting: int) -> None:
    """By the change that frees a seat, with as many queries for four waiting readers as for one;
    and by the job."""
    owner, last = await stage.reader(), await stage.reader()
    r = await stage.reserved(owner)
    limit = stage.inside.reference.policy.daily_booking_limit
    for number in range(waiting):
        used_up = await stage.reader()
        for hour in other_hours()[:limit]:
            await stage.reserved(used_up, f"2f-hall-{40 + number:03d}", hour, hour + 1)
        await waits(stage, used_up)
    worker = await stage.worker()
    reservations = worker.stored.reservations
    reservations._all = counted = CountsReads(reservations._all)  # type: ignore[assignment]
    await worker.reservations.cancel(ctx(owner), r.id)
    assert await held(stage) == []
    days = worker.reference.joined_days(clock(10).date())
    assert counted.reads == 3 + 2 * len(days), "the days are looked at for the first time"
    assert await worker.waitlist_jobs.offer_free_seats(EIGHT) == 0
    assert await held(stage) == []
    # Behind them is somebody with bookings left.
    again = await stage.reserved(owner)
    await waits(stage, last)
    await worker.reservations.cancel(ctx(owner), again.id)
    (row,) = await stage.db["reservations"].find({"state": "offered"}).to_list(None)
    assert (row["seat"], row["reader"]) == (SEAT, last.id)


@both_sides
async def test_an_offer_cannot_be_accepted_once_the_daily_limit_is_used_up(stage: Stage) -> None:
    """The offer is kept, and the refusal names the limit."""
    reader = await stage.reader()
    offer = await offered(stage, reader)
    for hour in other_hours()[: stage.inside.reference.policy.daily_booking_limit]:
        await stage.reserved(reader, "2f-hall-040", hour, hour + 1)
    await stage.inside.waitlist_jobs.offer_free_seats(EIGHT)
    with pytest.raises(DailyLimit):
        await stage.inside.waitlist.accept(ctx(reader), offer.id)
    assert (await stage.reload(offer)).state is ReservationState.OFFERED


@both_sides
async def test_an_offer_to_a_reader_suspended_meanwhile_passes_to_the_next(stage: Stage) -> None:
    """The suspension falls between looking the reader up and holding the seat."""
    owner, first, second = [await stage.reader() for _ in range(3)]
    r = await stage.reserved(owner)
    await waits(stage, first)
    await waits(stage, second)
    worker = await stage.worker()

    async def meanwhile() -> None:
        await stage.stored.readers.set_suspended_until(first.id, None, clock(20))

    put_around(worker.stored.waitlist, "update_one", before=meanwhile)
    await worker.reservations.cancel(ctx(owner), r.id)
    assert await held(stage) == [SEAT]
    await worker.waitlist_jobs.offer_free_seats(EIGHT)
    (row,) = await stage.db["reservations"].find({"state": "offered"}).to_list(None)
    assert row["reader"] == second.id
    ((entry, end),) = await stage.stored.waitlist.ended_unnotified(9)
    assert (entry.reader_id, end.suspended_until) == (first.id, clock(20))
