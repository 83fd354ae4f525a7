"""Reservations on a real MongoDB: refusals of the index, guards by revision, and due deadlines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import fields, replace
from datetime import datetime
from itertools import product
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from models.booking.overview_queries import ReaderOverviews
from models.check_in import transitions
from models.kernel.errors import Unavailable
from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange
from models.library.entities import SeatId
from models.reservation_store.repository import ReservationRepository
from models.reservations import transitions as reservations_transitions
from models.reservations.claims import idempotency_claim, presence_claim
from models.reservations.entities import (
    GateAssistance,
    IdempotentResult,
    OccupiedReport,
    Reservation,
)
from models.reservations.errors import ClaimLost, StaleRevision
from models.reservations.state_machine import ReservationState
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database, new_id
from tests.builders import (
    BY_JOB,
    BY_READER,
    LI,
    MONDAY,
    PROOF,
    SEAT,
    TOMORROW,
    ZHANG,
    ZONE,
    away,
    but,
    in_use,
    on,
    on_seat,
    reserved,
)
from tests.store.reservations import OTHER_SEAT, POLICY, another, insert_all


@pytest.fixture
def store(db: Database) -> ReservationRepository:
    return ReservationRepository(db)


def full() -> Reservation:
    """A reservation with a value in every field."""
    gone = away(in_use(when=on("13:40")))
    r = transitions.return_from_leave(gone, PROOF, POLICY, BY_READER, on("14:40:20"))
    r = transitions.renew(ZONE, r, on("17:00"), POLICY, BY_READER, on("15:10"))
    r = transitions.with_kiosk_code(r, f"k:2f-south:7:{ZHANG}", "k:note:n")
    r = reservations_transitions.with_idempotency(r, IdempotentResult("key", "digest", on("15:11")))
    return but(
        r,
        patrol_at=on("15:12"),
        gate_assistance=GateAssistance("return", on("14:40:20"), on("14:45")),
        report=OccupiedReport("occupied", on("14:50"), SeatId("2f-hall-064"), False, False),
        presence_due_at=on("15:20"),
        waitlist_entry_id="7" * 24,
        season_id="8" * 24,
        held_until=on("08:10"),
        return_by=on("15:00"),
        ended_at=on("16:00"),
        carry_over_at=on("16:00"),
        penalty_waived=True,
    )


async def test_a_reservation_round_trips_with_every_field(store: ReservationRepository) -> None:
    made = full()
    empty = [f.name for f in fields(made) if getattr(made, f.name) in (None, (), "")]
    assert empty == [], "the round trip tries every field"
    await store.insert(made)
    assert await store.get(made.id) == made
    assert await store.get_own(made.id, ZHANG) == made
    assert await store.get_own(made.id, LI) is None
    assert await store.get("0" * 24) is None


@pytest.mark.parametrize(
    ("second", "lost"),
    [
        (another("15:00", "17:00", reader=LI), "s"),
        (another("15:00", "17:00", seat=OTHER_SEAT, k=2), "r"),
        (another("15:00", "17:00", k=2), "r"),
        (another("08:00", "09:00", seat=OTHER_SEAT), "n"),
        (another("15:00", "17:00", k=1), "n"),
        (another("16:00", "18:00", reader=LI), ""),
        (another("12:00", "14:00", k=2), ""),
        (another("14:00", "16:00", day=TOMORROW), ""),
    ],
)
async def test_the_index_refuses_conflicting_claims_by_kind(
    store: ReservationRepository, second: Reservation, lost: str
) -> None:
    first = reserved()
    await store.insert(first)
    if not lost:
        await store.insert(second)
        assert await store.count() == 2
        return
    with pytest.raises(ClaimLost) as refusal:
        await store.insert(second)
    assert refusal.value.kind == lost
    assert await store.count() == 1 and await store.get(first.id) == first


async def test_an_insert_repeated_by_the_driver_succeeds(store: ReservationRepository) -> None:
    made = reserved()
    await store.insert(made)
    await store.insert(made)
    assert await store.count() == 1


async def test_a_change_is_guarded_by_its_revision_and_its_condition(
    store: ReservationRepository,
) -> None:
    made = reserved()
    await store.insert(made)
    checked_in = in_use(made)
    checked_in = await store.replace(made, checked_in)
    assert await store.get(made.id) == checked_in
    for stale in (reservations_transitions.cancel(made, BY_READER, on("14:00")), checked_in):
        with pytest.raises(StaleRevision):
            await store.replace(made, stale)
    ended = transitions.complete(checked_in, BY_JOB)
    with pytest.raises(StaleRevision):
        await store.replace(checked_in, ended, {"end": {"$lte": on("15:59:59")}})
    assert await store.get(made.id) == checked_in
    await store.replace(checked_in, ended, {"end": {"$lte": on("16:00")}})
    assert await store.get(made.id) == ended


async def test_a_change_to_a_taken_seat_keeps_the_old_one(store: ReservationRepository) -> None:
    mine, theirs = reserved(), another(seat=OTHER_SEAT, reader=LI)
    await insert_all(store, mine, theirs)
    changed = reservations_transitions.change(
        mine,
        on_seat(mine, theirs.seat_id),
        policy=POLICY,
        actor=BY_READER,
        now=on("09:00"),
    )
    with pytest.raises(ClaimLost) as refusal:
        await store.replace(mine, changed)
    assert refusal.value.kind == "s"
    assert await store.get(mine.id) == mine


async def test_ending_frees_the_seat_and_cancelling_the_daily_number(
    store: ReservationRepository,
) -> None:
    made = reserved()
    await store.insert(made)
    assert await store.used_daily_numbers(ZONE, ZHANG, MONDAY) == {1}
    assert await store.used_daily_numbers(ZONE, ZHANG, TOMORROW) == await store.used_daily_numbers(
        ZONE, LI, MONDAY
    )
    finished = transitions.finish(in_use(made), BY_READER, on("14:30"))
    sitting = await store.replace(made, in_use(made))
    await store.replace(sitting, finished)
    await store.insert(another(reader=LI))
    assert await store.used_daily_numbers(ZONE, ZHANG, MONDAY) == {1}
    second = another("18:00", "20:00", k=2)
    await store.insert(second)
    assert await store.used_daily_numbers(ZONE, ZHANG, MONDAY) == {1, 2}
    await store.replace(second, reservations_transitions.cancel(second, BY_READER, on("14:40")))
    assert await store.used_daily_numbers(ZONE, ZHANG, MONDAY) == {1}


async def test_a_claim_finds_its_reservation(store: ReservationRepository) -> None:
    key = idempotency_claim(ZHANG, "key")
    made = reservations_transitions.with_idempotency(
        reserved(), IdempotentResult("key", "digest", on("08:00"))
    )
    await store.insert(made)
    assert await store.find_by_claim(key) == made
    assert await store.find_by_claim(presence_claim(ZHANG)) is None
    await store.release_claim(made.id, key)
    assert await store.find_by_claim(key) is None


# --- outcomes that the driver leaves unknown ------------------------------------------------------


class Lossy:
    """A collection that loses its connection at one call: before it is sent, or after."""

    def __init__(self, collection: Any, method: str, arrives: bool) -> None:
        self._collection, self._method, self._arrives = collection, method, arrives
        self._lost = False

    def __getattr__(self, name: str) -> Any:
        call: Callable[..., Awaitable[Any]] = getattr(self._collection, name)
        if name != self._method or self._lost:
            return call

        async def lose(*args: Any, **options: Any) -> Any:
            self._lost = True
            if self._arrives:
                await call(*args, **options)
            raise AutoReconnect("connection closed")

        return lose


def lossy(db: Database, method: str, arrives: bool) -> ReservationRepository:
    store = ReservationRepository(db)
    store._all = Lossy(db["reservations"], method, arrives)  # type: ignore[assignment]
    return store


async def test_an_insert_with_a_lost_answer_is_resolved(
    db: Database, store: ReservationRepository
) -> None:
    made = reserved()
    await lossy(db, "insert_many", arrives=True).insert(made)
    assert await store.get(made.id) == made


async def test_an_insert_that_never_arrived_is_fenced_off(
    db: Database, store: ReservationRepository
) -> None:
    made = reserved()
    with pytest.raises(Unavailable):
        await lossy(db, "insert_many", arrives=False).insert(made)
    assert await store.get(made.id) is None and await store.count() == 0
    with pytest.raises(Unavailable):
        await store.insert(
            made
        )  # the late one meets the tombstone, and does not take it for itself
    assert await store.get(made.id) is None
    assert await store.drop_tombstones(datetime.fromtimestamp(0, on("08:00").tzinfo)) == 0
    later = datetime.fromtimestamp(int(new_id()[:8], 16) + 60, on("08:00").tzinfo)
    tomb = db["reservations"]
    assert await tomb.count_documents({"tombstone": True}) == 1
    await store.drop_tombstones(later)


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_change_with_a_lost_answer_is_resolved_or_fenced_off(
    db: Database, store: ReservationRepository, arrives: bool
) -> None:
    made = reserved()
    await store.insert(made)
    unsure = lossy(db, "find_one_and_update", arrives)
    if arrives:
        await unsure.replace(made, in_use(made))
        assert await store.get(made.id) == in_use(made)
        return
    with pytest.raises(Unavailable):
        await unsure.replace(made, in_use(made))
    with pytest.raises(StaleRevision):  # the late one is fenced off
        await store.replace(made, in_use(made))
    assert await store.get(made.id) == but(made, rev=made.rev + 1)


# --- lists ----------------------------------------------------------------------------------------


async def test_a_readers_live_and_past_reservations_are_listed(
    store: ReservationRepository, db: Database
) -> None:
    mine = [
        another("08:00", "09:00", k=1),
        another("10:00", "11:00", k=2),
        another("10:00", "11:00", day=TOMORROW),
    ]
    cancelled = but(another("12:00", "13:00", k=3), state=ReservationState.CANCELLED, claims=())
    await insert_all(store, *mine, cancelled, another("10:00", "11:00", reader=LI, seat=OTHER_SEAT))
    assert await store.live_of(ZHANG, on("00:00")) == mine
    assert await store.live_of(ZHANG, on("08:00:01")) == mine[1:]
    page, total = await store.page_of(ZHANG, (), skip=0, limit=2)
    assert (page, total) == ([mine[2], cancelled], 4)
    page, total = await store.page_of(ZHANG, (), skip=2, limit=2)
    assert (page, total) == ([mine[1], mine[0]], 4)
    assert await store.page_of(ZHANG, (ReservationState.CANCELLED,), 0, 9) == ([cancelled], 1)
    assert await store.page_of(ReaderId("c" * 24), (), 0, 9) == ([], 0)
    overviews = ReaderOverviews(db, FieldCipher({1: b"1" * 32}))
    recent = sorted([*mine, cancelled], key=lambda r: r.start)
    for reader_id in (ZHANG, LI, ReaderId("c" * 24)):
        for skip, limit, rooms in product(range(6), (1, 2, 9), (False, True)):
            records = await overviews.records_of(reader_id, skip, limit, on("11:00"), rooms=rooms)
            listed = await store.page_of(reader_id, (), skip, limit)
            assert (records.page, records.total) == listed, (skip, limit)
    assert (records.recent, records.rooms, records.waits) == ([], [], False)
    await db["waitlist"].insert_one({"reader": ZHANG, "open": True})
    records = await overviews.records_of(ZHANG, 0, 1, on("11:00"), rooms=False)
    assert (records.recent, records.waits) == (recent, True)
    assert await store.count(ReservationState.RESERVED) == 4 and await store.count() == 5


async def test_the_occupancy_of_a_day_holds_its_live_reservations(
    store: ReservationRepository,
) -> None:
    early = in_use(another(), on("13:40:30"))
    ended = but(another("08:00", "09:00", k=2), state=ReservationState.FINISHED)
    await insert_all(store, early, ended, another(day=TOMORROW))
    rows = await store.occupancy_rows(MONDAY)
    occupancy = [(o.seat_id, o.reader_id, o.state, o.start, o.end) for o in rows]
    assert occupancy == [(SEAT.id, ZHANG, ReservationState.IN_USE, on("13:40"), on("16:00"))]
    assert len(await store.occupancy_rows(TOMORROW)) == 1


async def test_deadlines_are_due_to_the_second(store: ReservationRepository) -> None:
    waits = another("14:00", "16:00")
    out = away(in_use(another("14:00", "16:00", reader=LI, seat=OTHER_SEAT)))
    out_to_the_end = but(
        out, id=new_id(), reader_id=ReaderId("c" * 24), claims=(), return_by=out.end
    )
    await insert_all(store, waits, out, out_to_the_end)

    async def due(now: str) -> list[int]:
        instant = on(now)
        return [
            len(await store.due_for_no_show(instant, 9)),
            len(await store.due_for_leave_expiry(instant, 9)),
            len(await store.due_for_completion(instant, 9)),
            len(await store.due_for_reminder(instant, 9)),
        ]

    assert await due("13:59:59") == [0, 0, 0, 0]
    assert await due("14:00:00") == [0, 0, 0, 1]
    assert await due("14:29:59") == [0, 0, 0, 1]
    assert await due("14:30:00") == [1, 0, 0, 1]
    assert await due("14:59:59") == [1, 0, 0, 3]
    assert await due("15:00:00") == [1, 1, 0, 3]
    assert await due("15:59:59") == [1, 1, 0, 3]
    assert await due("16:00:00") == [1, 1, 1, 3], "a leave to the end is completed"
    (completed,) = await store.due_for_completion(on("16:00"), 9)
    assert completed.id == out_to_the_end.id, "the other one is the time-out's"
    assert len(await store.due_for_reminder(on("16:00"), 1)) == 1, "bounded"
    counts, now = [], on("08:00")
    while (following := await store.next_due(now)) is not None:
        now = following[0]
        counts.append((now, set(following[1])))
    assert counts == [
        (on("14:00"), {"send_reminders"}),
        (on("14:30"), {"no_show"}),
        (on("14:50"), {"send_reminders"}),
        (on("15:00"), {"expire_leaves"}),
        (on("16:00"), {"expire_leaves", "complete"}),
    ]
    assert await store.overdue(on("13:59:59")) == set()
    assert await store.overdue(on("14:00")) == {"send_reminders"}
    assert await store.overdue(on("15:00")) == {"send_reminders", "no_show", "expire_leaves"}
    outage = TimeRange(on("14:20"), on("15:00"))
    assert {r.id for r in await store.deadlines_within(outage)} == {waits.id, out.id}


async def test_a_finished_stay_finds_the_next_booking_of_its_reader_on_the_seat(
    store: ReservationRepository,
) -> None:
    ended = transitions.complete(in_use(), BY_JOB)
    follower = another("16:00", "18:00", k=2)
    await insert_all(
        store,
        ended,
        another("16:00", "18:00", reader=LI, seat=OTHER_SEAT),
        another("18:00", "19:00", k=3),
    )
    assert await store.next_on_same_seat(ended) is None
    await store.insert(follower)
    assert await store.next_on_same_seat(ended) == follower
    assert await store.due_for_carry_over(on("23:00"), 9) == [ended]
    await store.carried_over(ended.id)
    assert await store.due_for_carry_over(on("23:00"), 9) == []


async def test_outbox_events_are_removed_once_they_are_dispatched(
    store: ReservationRepository,
) -> None:
    first, second = another(made="08:00"), another(reader=LI, seat=OTHER_SEAT, made="07:30")
    await insert_all(store, first, second)
    waiting, _ = await store.with_outbox_events(9)
    assert [r.id for r in waiting] == [second.id, first.id]
    assert await store.with_outbox_events(1) == (
        [but(second, claims=(), idempotency_results=(), history=())],
        [],
    )
    checked_in = in_use(first)
    await store.replace(first, checked_in)
    await store.remove_outbox_events([r for r in waiting if r.id == first.id])
    stored = await store.get(first.id)
    assert stored is not None and stored.outbox == checked_in.outbox[1:], "the new one stays"
    waiting, _ = await store.with_outbox_events(9)
    await store.remove_outbox_events(waiting)
    await store.remove_outbox_events([])
    assert await store.with_outbox_events(9) == ([], [])


async def test_claims_of_past_days_are_removed_from_the_index(
    store: ReservationRepository, db: Database
) -> None:
    past = transitions.finish(in_use(), BY_READER, on("15:00"))
    still_live = another("18:00", "19:00", k=2)
    ahead = another(day=TOMORROW)
    await insert_all(store, past, still_live, ahead)
    assert await store.drop_past_claims(ZONE, MONDAY, 9) == 0
    assert await store.drop_past_claims(ZONE, TOMORROW, 9) == 1
    stored = await store.get(past.id)
    assert stored == replace(past, claims=())
    assert await store.get(still_live.id) == still_live
    assert await store.drop_past_claims(ZONE, TOMORROW, 9) == 0
