"""Guards of an update, the previous change and the state in its filter, under two concurrent
changes.

The slow party has read and decided; the fast one writes; then the slow one writes. The controls let
the slow one write by ``_id`` alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from models.kernel.errors import DomainError
from models.readers.entities import Reader
from models.reservations.entities import Reservation
from models.reservations.state_machine import ReservationState
from tests.inside import Inside
from tests.race.reservation_changes import claims_fit, extends, moves
from tests.race.stage import (
    Stage,
    both_sides_whole,
    clock,
    ctx,
    guarded,
    put_around,
    scan,
    unguard,
)

"""Once within a day, and once over midnight."""

Act = Callable[[Inside, Reader, Reservation], Awaitable[object]]


async def checks_in(worker: Inside, reader: Reader, r: Reservation) -> None:
    await worker.check_in.check_in(ctx(reader, r.check_in_until), r.id, scan(2))


async def checks_in_early(worker: Inside, reader: Reader, r: Reservation) -> None:
    await worker.check_in.check_in(ctx(reader, clock(9, 40)), r.id, scan(2))


async def cancels(worker: Inside, reader: Reader, r: Reservation) -> None:
    await worker.reservations.cancel(ctx(reader, clock(9, 40)), r.id)


async def gives_back(worker: Inside, reader: Reader, r: Reservation) -> None:
    await worker.check_in.finish(ctx(reader, clock(10, 59, 59)), r.id)


async def returns(worker: Inside, reader: Reader, r: Reservation) -> None:
    assert r.return_by is not None
    await worker.check_in.return_from_leave(ctx(reader, r.return_by), r.id, scan(2))


async def is_missed(worker: Inside, _: Reader, r: Reservation) -> None:
    await worker.deadlines.no_show(r.check_in_until)


async def times_out(worker: Inside, _: Reader, r: Reservation) -> None:
    assert r.return_by is not None
    await worker.deadlines.expire_leaves(r.return_by)


async def completes(worker: Inside, _: Reader, r: Reservation) -> None:
    await worker.deadlines.complete(r.end)


@dataclass(frozen=True, slots=True)
class Race:
    """``refusal``: the slow party's error; ``stands``: the final state; ``wrong``: the state that
    an unguarded slow party leaves. If that is the same state, its claims no longer match (a write
    sets only changed fields)."""

    begins: ReservationState
    slow: Act
    fast: Act
    refusal: str | None
    stands: ReservationState
    wrong: ReservationState


RACES = {
    "completion against extension": Race(
        ReservationState.IN_USE,
        completes,
        extends,
        None,
        ReservationState.IN_USE,
        ReservationState.COMPLETED,
    ),
    "extension against completion": Race(
        ReservationState.IN_USE,
        extends,
        completes,
        "wrong_state",
        ReservationState.COMPLETED,
        ReservationState.COMPLETED,
    ),
    "extension against finish": Race(
        ReservationState.IN_USE,
        extends,
        gives_back,
        "wrong_state",
        ReservationState.FINISHED,
        ReservationState.FINISHED,
    ),
    "change against check-in": Race(
        ReservationState.RESERVED,
        moves,
        checks_in_early,
        "wrong_state",
        ReservationState.IN_USE,
        ReservationState.IN_USE,
    ),
    "check-in against cancellation": Race(
        ReservationState.RESERVED,
        checks_in_early,
        cancels,
        "wrong_state",
        ReservationState.CANCELLED,
        ReservationState.IN_USE,
    ),
    "cancellation against check-in": Race(
        ReservationState.RESERVED,
        cancels,
        checks_in_early,
        "wrong_state",
        ReservationState.IN_USE,
        ReservationState.CANCELLED,
    ),
    "check-in against no-show": Race(
        ReservationState.RESERVED,
        checks_in,
        is_missed,
        "wrong_state",
        ReservationState.NO_SHOW,
        ReservationState.IN_USE,
    ),
    "no-show against check-in": Race(
        ReservationState.RESERVED,
        is_missed,
        checks_in,
        None,
        ReservationState.IN_USE,
        ReservationState.NO_SHOW,
    ),
    "return against time-out": Race(
        ReservationState.AWAY,
        returns,
        times_out,
        "wrong_state",
        ReservationState.AWAY_EXPIRED,
        ReservationState.IN_USE,
    ),
    "time-out against return": Race(
        ReservationState.AWAY,
        times_out,
        returns,
        None,
        ReservationState.IN_USE,
        ReservationState.AWAY_EXPIRED,
    ),
}


async def _prepare(stage: Stage, reader: Reader, begins: ReservationState) -> Reservation:
    if begins is ReservationState.RESERVED:
        return await stage.reserved(reader)
    made = await stage.in_use(reader)
    if begins is ReservationState.AWAY:
        return await stage.inside.check_in.leave(ctx(reader, clock(10, 10)), made.id)
    return made


@both_sides_whole
@guarded
@pytest.mark.parametrize("race", RACES.values(), ids=RACES.keys())
async def test_of_two_conflicting_changes_the_faster_one_is_kept(
    stage: Stage, race: Race, guard: bool
) -> None:
    reader = await stage.reader()
    r = await _prepare(stage, reader, race.begins)
    slow, fast = await stage.worker(), await stage.worker()
    if not guard:
        unguard(slow.stored.reservations)
    left_behind: list[Reservation] = []

    async def meanwhile() -> None:
        await race.fast(fast, reader, r)
        left_behind.append(await stage.reload(r))

    put_around(slow.stored.reservations, "find_one_and_update", before=meanwhile)
    heard: str | None = None
    try:
        await race.slow(slow, reader, r)
    except DomainError as error:
        heard = error.code
    after = await stage.reload(r)
    if guard:
        assert left_behind == [after] and after.state is race.stands and claims_fit(after)
        assert heard == race.refusal
    else:
        assert heard is None and after.state is race.wrong
        assert after.state is not race.stands or not claims_fit(after)
