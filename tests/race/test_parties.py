"""Seats held for friends: each goes to one friend or is free again, and to nobody else before."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest

from models.kernel.errors import DomainError
from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange
from models.library.entities import SeatId
from models.parties.errors import InvitationOver, TooManyParties
from models.readers.entities import Reader
from models.reservation_store.party_repository import PartyRepository
from models.reservations.claims import seat_claims
from models.reservations.errors import SeatTaken
from models.reservations.party import Party
from models.reservations.state_machine import ReservationState
from tests.builders import ZONE
from tests.inside import Inside
from tests.race.stage import (
    EIGHT,
    SEATS,
    Stage,
    both_sides,
    clock,
    ctx,
    guarded,
    kinds,
    put_around,
    selection,
    unguard,
)

OWN, *HELD = SEATS[:3]
LATE = EIGHT + timedelta(minutes=10)


async def party_of(worker: Inside, asker: Reader, seats: list[str] = HELD) -> Party:
    """A party of 10:00–11:00 that was begun at 08:00."""
    own = await worker.parties.begin(ctx(asker), OWN, seats, selection(10, 11))
    return await worker.parties.own(asker.id, own.id)


async def accept(worker: Inside, friend: Reader, party: Party) -> str:
    """The seat that the friend has booked by the party's invitation."""
    invitation = worker.parties.invitation_of(party)
    booking = await worker.parties.accept(ctx(friend), invitation)
    assert booking.state is ReservationState.RESERVED
    return booking.seat_id


async def holders(stage: Stage, seat: str) -> int:
    """The number of documents that have the seat's claims of 10:00."""
    claim = seat_claims(ZONE, SeatId(seat), TimeRange(clock(10), clock(11)))[0]
    return await stage.db["reservations"].count_documents({"claims": claim})


@both_sides
@guarded
async def test_of_two_parties_for_a_seat_one_has_all_of_its_seats(
    stage: Stage, guard: bool
) -> None:
    """The other has nothing, its asker's own booking included."""
    askers = [await stage.reader() for _ in range(2)]
    workers = [await stage.worker() for _ in range(2)]
    if not guard:
        await stage.drop("reservations", "claims")
    wishes = [(SEATS[0], SEATS[1:3]), (SEATS[3], SEATS[2:3])]
    results = await asyncio.gather(
        *(
            worker.parties.begin(ctx(asker), own, friends, selection(10, 11))
            for worker, asker, (own, friends) in zip(workers, askers, wishes, strict=True)
        ),
        return_exceptions=True,
    )
    assert kinds(results) == ({"ok": 1, "seat_taken": 1} if guard else {"ok": 2})
    assert await holders(stage, SEATS[2]) == (1 if guard else 2)
    assert await stage.db["reservations"].count_documents({}) == (2 if guard else 4)


@both_sides
@guarded
async def test_a_passer_by_cannot_book_a_held_seat_and_two_friends_have_two_seats(
    stage: Stage, guard: bool
) -> None:
    """Both friends take the first seat that is held; the second one of them gets the other."""
    first, second, passer_by = [await stage.reader() for _ in range(3)]
    slow, fast = [await stage.worker() for _ in range(2)]
    party = await party_of(fast, await stage.reader())
    with pytest.raises(SeatTaken):
        await fast.reservations.create(ctx(passer_by), HELD[0], selection(10, 11))
    if not guard:
        unguard(slow.stored.parties)

    async def meanwhile() -> None:
        assert await accept(fast, first, party) == HELD[0]

    put_around(slow.stored.parties, "find_one_and_update", before=meanwhile)
    if guard:
        assert await accept(slow, second, party) == HELD[1]
        with pytest.raises(InvitationOver):
            await accept(fast, passer_by, party)
    else:
        with pytest.raises(SeatTaken):
            await accept(slow, second, party)  # though a seat is held for them
    assert await holders(stage, HELD[0]) == 1


@both_sides
@guarded
async def test_an_ended_party_holds_nothing_when_a_friend_accepts_at_that_moment(
    stage: Stage, guard: bool
) -> None:
    friend, passer_by = [await stage.reader() for _ in range(2)]
    slow, fast = [await stage.worker() for _ in range(2)]
    party = await party_of(fast, await stage.reader())
    if not guard:
        unguard(slow.stored.parties)

    async def meanwhile() -> None:
        assert await fast.parties.end_due(LATE) == 1

    put_around(slow.stored.parties, "find_one_and_update", before=meanwhile)
    if guard:
        with pytest.raises(InvitationOver):
            await accept(slow, friend, party)
        assert [await holders(stage, seat) for seat in HELD] == [0, 0]
        for reader, seat in zip((friend, passer_by), HELD, strict=True):
            await fast.reservations.create(ctx(reader), seat, selection(10, 11))
    else:
        assert await accept(slow, friend, party) == HELD[0]
        assert await holders(stage, HELD[1]) == 1, "held again after its end"


@both_sides
@guarded
async def test_a_party_that_a_friend_accepts_at_its_end_keeps_the_friends_seat(
    stage: Stage, guard: bool
) -> None:
    friend = await stage.reader()
    slow, fast = [await stage.worker() for _ in range(2)]
    party = await party_of(fast, await stage.reader())
    if not guard:
        unguard(slow.stored.parties)

    async def meanwhile() -> None:
        assert await accept(fast, friend, party) == HELD[0]

    put_around(slow.stored.parties, "find_one_and_update", before=meanwhile)
    assert await slow.parties.end_due(LATE) == (0 if guard else 1)
    stored = await fast.stored.parties.get(party.id)
    assert stored is not None
    friends = [seat.booking is not None for seat in stored.seats]
    assert friends == ([True, False] if guard else [False, False]), "the friend is forgotten"
    if guard:
        assert await slow.parties.end_due(LATE) == 1
        assert [await holders(stage, seat) for seat in HELD] == [1, 0]


class ReadTogether(PartyRepository):
    """Lets nobody go on before all have read the reader's parties."""

    def __init__(self, stage: Stage, barrier: asyncio.Barrier) -> None:
        super().__init__(stage.db, stage.stored.reservations)
        self._barrier = barrier

    async def of(self, asker_id: ReaderId, since: date) -> list[Party]:
        parties = await super().of(asker_id, since)
        await self._barrier.wait()
        return parties


@guarded
async def test_a_reader_has_two_parties_a_day(stage: Stage, guard: bool) -> None:
    asker, barrier = await stage.reader(), asyncio.Barrier(3)
    workers = [await stage.worker(parties=ReadTogether(stage, barrier)) for _ in range(3)]
    if not guard:
        await stage.drop("reservations", "claims")

    async def begin(n: int) -> None:
        friends = [SEATS[n + 10]]
        when = selection(10 + n, 11 + n)
        await workers[n].parties.begin(ctx(asker), SEATS[n], friends, when)

    results = await asyncio.gather(*map(begin, range(3)), return_exceptions=True)
    refused = [r for r in results if isinstance(r, TooManyParties)]
    assert len(refused) == (1 if guard else 0), results


@guarded
async def test_a_friend_with_another_booking_at_that_time_leaves_the_seat_held(
    stage: Stage, guard: bool
) -> None:
    """Their booking of another seat and the accept of the held one are sent at once."""
    friend = await stage.reader()
    workers = [await stage.worker() for _ in range(2)]
    party = await party_of(workers[0], await stage.reader(), HELD[:1])
    if not guard:
        await stage.drop("reservations", "claims")
    results = await asyncio.gather(
        accept(workers[0], friend, party),
        workers[1].reservations.create(ctx(friend), SEATS[9], selection(10, 11)),
        return_exceptions=True,
    )
    failed = [r for r in results if isinstance(r, DomainError)]
    assert [r.code for r in failed] == (["own_overlap"] if guard else [])
    stored = await workers[0].stored.parties.get(party.id)
    assert stored is not None
    won = not isinstance(results[0], DomainError)
    assert [seat.id for seat in stored.held()] == ([] if won else HELD[:1])
