"""The search for double bookings finds planted ones and reports no correct sequence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from models.check_in import transitions
from models.kernel.ids import ReaderId
from models.readers.personal_data_repository import ERASED_READER
from models.reservation_store.integrity_queries import DoubleBooking
from models.reservation_store.repository import ReservationRepository
from models.reservations import transitions as reservations_transitions
from models.reservations.entities import Reservation
from models.storage.mongo import Database
from tests.builders import BY_JOB, BY_READER, LI, ZONE, but, hours, in_use, on, on_seat
from tests.store.reservations import OTHER_SEAT, POLICY, another, insert_all


@pytest.fixture
def store(db: Database) -> ReservationRepository:
    return ReservationRepository(db)


def unclaimed(r: Reservation) -> Reservation:
    """The reservation without its claims, as a broken guard would have stored it."""
    return but(r, claims=())


async def test_the_sweep_finds_planted_double_bookings(store: ReservationRepository) -> None:
    first = another("14:00", "16:00")
    same_seat = unclaimed(another("15:00", "17:00", reader=LI))
    same_reader = unclaimed(another("13:00", "14:30", seat=OTHER_SEAT))
    await insert_all(store, first, same_seat, same_reader)
    assert await store.find_double_bookings() == [
        DoubleBooking("seat", first.id, same_seat.id),
        DoubleBooking("reader", same_reader.id, first.id),
    ]


async def test_the_sweep_finds_short_bookings_within_a_long_one(
    store: ReservationRepository,
) -> None:
    long = another("08:00", "12:00")
    early = unclaimed(another("09:00", "10:00", reader=LI))
    late = unclaimed(another("11:00", "12:00", reader=ReaderId("c" * 24)))
    await insert_all(store, long, early, late)
    assert await store.find_double_bookings() == [
        DoubleBooking("seat", long.id, early.id),
        DoubleBooking("seat", long.id, late.id),
    ]


async def test_bookings_of_erased_readers_are_no_double_of_one_reader(
    store: ReservationRepository,
) -> None:
    """They share one placeholder: two of them sat somewhere at the same hour. Seats are judged
    nevertheless."""
    first = another("14:00", "16:00", reader=ERASED_READER)
    elsewhere = another("14:00", "16:00", reader=ERASED_READER, seat=OTHER_SEAT)
    await insert_all(store, first, unclaimed(elsewhere))
    assert await store.find_double_bookings() == []
    same_seat = unclaimed(another("15:00", "17:00", reader=ERASED_READER))
    await insert_all(store, same_seat)
    assert await store.find_double_bookings() == [
        DoubleBooking("seat", first.id, same_seat.id),
    ]


def finished_then_now() -> list[Reservation]:
    """A seat given back at 16:38:20 and taken by another reader 现在 at 16:38:25."""
    first = transitions.finish(in_use(another("16:00", "18:00")), BY_READER, on("16:38:20"))
    return [first, another("16:38", "18:00", made="16:38:25", reader=LI)]


def own_next_seat() -> list[Reservation]:
    first = transitions.finish(in_use(another("16:00", "18:00")), BY_READER, on("16:38:20"))
    return [first, another("16:38", "18:00", made="16:38:25", seat=OTHER_SEAT, k=2)]


def early_check_in() -> list[Reservation]:
    """A seat given back at 13:35; the next reader checks in at 13:40 for 14:00."""
    before = transitions.finish(in_use(another("12:00", "13:00")), BY_READER, on("12:50"))
    late = transitions.finish(
        in_use(another("13:00", "14:00", reader=LI)), BY_READER, on("13:35:10")
    )
    return [before, late, in_use(another(k=2), on("13:40:20"))]


def cancelled_then_rebooked() -> list[Reservation]:
    first = reservations_transitions.cancel(another(), BY_READER, on("09:00"))
    return [first, another(made="09:00:01", reader=LI), another("09:00", "10:00", made="09:01")]


def cancelled_after_its_start() -> list[Reservation]:
    first = reservations_transitions.cancel(another(), BY_READER, on("14:20:10"))
    return [first, another("14:20", "16:00", made="14:20:30", reader=LI)]


def missed_then_now() -> list[Reservation]:
    first = transitions.mark_no_show(another(), BY_JOB)
    return [first, another("14:30", "16:00", made="14:30:02", reader=LI)]


def carried_over() -> list[Reservation]:
    first = transitions.complete(in_use(another("14:00", "16:00")), BY_JOB)
    follower = another("16:00", "18:00", k=2)
    return [
        first,
        transitions.check_in(ZONE, follower, None, POLICY, BY_JOB, on("16:00"), early=False),
    ]


def changed_then_taken() -> list[Reservation]:
    first = another(made="08:00")
    moved = reservations_transitions.change(
        first,
        on_seat(first, OTHER_SEAT, hours("15:00", "17:00")),
        policy=POLICY,
        actor=BY_READER,
        now=on("09:00"),
    )
    return [moved, another(made="09:00:01", reader=LI)]


def extended_back_to_back() -> list[Reservation]:
    first = in_use(another("14:00", "16:00"))
    first = transitions.renew(ZONE, first, on("17:00"), POLICY, BY_READER, on("15:30"))
    return [first, another("17:00", "18:00", reader=LI)]


@pytest.mark.parametrize(
    "story",
    [
        finished_then_now,
        own_next_seat,
        early_check_in,
        cancelled_then_rebooked,
        cancelled_after_its_start,
        missed_then_now,
        carried_over,
        changed_then_taken,
        extended_back_to_back,
    ],
)
async def test_the_sweep_reports_no_correct_sequence(
    store: ReservationRepository, story: Callable[[], list[Reservation]]
) -> None:
    await insert_all(store, *story())
    assert await store.find_double_bookings() == []


async def test_the_sweep_judges_booked_times_instead_of_claims(
    store: ReservationRepository,
) -> None:
    """Two correct bookings may share a half hour; an overlap longer than requests can take is a
    double booking."""
    first, second = finished_then_now()
    sooner = but(second, placed_at=on("16:38:09"))
    await insert_all(store, first, sooner)
    assert await store.find_double_bookings() == [DoubleBooking("seat", first.id, second.id)]
    assert first.ended_at is not None and first.ended_at - sooner.placed_at == timedelta(seconds=11)
