"""Scenarios of seasons: a job writes the holders' days while others book, holders give up or swap,
and a seat is taken back while its holder comes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from lab.proof.acts import ONE, THREE, TWO, books, cancels, checks_in, job
from lab.proof.explorer import Ids, Player, Scenario
from lab.proof.season_acts import (
    SEASON,
    accepts_swap,
    drawn_documents,
    gives_up,
    knows_seasons,
    missed_day,
    season_plan,
    writes_days,
)
from lab.proof.season_watch import HolderWatch, all_of, taken_too_early
from lab.proof.simulated_library import Worker, at, context
from models.readers.entities import Reader
from models.season_holders.days import day_id
from models.seasons.entities import SeasonPlan

_DAY: Final = timedelta(days=1)
_SHARED: Final = frozenset({"seasons", "season_applications"})


def _plan(seats: Sequence[str], days: int = 1) -> SeasonPlan:
    """A season from nine to ten, of which Monday is the last day."""
    last = at(9).date()
    hours = at(9).time(), at(10).time()
    return season_plan(seats, (last - (days - 1) * _DAY, last), hours, at(9, 30).time())


async def _drawn(
    worker: Worker, readers: Sequence[Reader], plan: SeasonPlan, *, missed: bool = False
) -> Ids:
    """The first readers hold the season's seats, the others wait. If they have ``missed`` days, the
    first reader did not come on all days before the last one, and was warned after the first."""
    written = plan.last - _DAY
    season, applications = drawn_documents(plan, readers, written)
    applications[0]["warned"] = int(missed)
    await worker.db["seasons"].insert_one(season)
    await worker.db["season_applications"].insert_many(applications)
    await worker.db["versions"].update_one({"_id": "seasons"}, {"$inc": {"number": 1}}, upsert=True)
    day = plan.first
    while missed and day < plan.last:
        row = missed_day(plan, readers[0], ONE, day)
        await worker.db["reservations"].insert_one(row)
        day += _DAY
    return {seat: day_id(SEASON, seat, plan.last) for seat in (ONE, TWO, THREE)}


async def season_drawn(worker: Worker, readers: Sequence[Reader]) -> Ids:
    """The first two readers hold seats one and two, and the third waits. The season's only day is
    not written."""
    return await _drawn(worker, readers[:3], _plan([ONE, TWO]))


async def day_written(worker: Worker, readers: Sequence[Reader]) -> Ids:
    """The first reader holds seat one, the second waits, and the season's only day is written."""
    ids = await _drawn(worker, readers[:2], _plan([ONE]))
    await worker.season_days.run(at(8))
    return ids


async def twice_missed(worker: Worker, readers: Sequence[Reader]) -> Ids:
    """The first reader holds seat one and has missed two days; the second waits; the third day is
    written."""
    ids = await _drawn(worker, readers[:2], _plan([ONE], 3), missed=True)
    await worker.season_days.run(at(8))
    return ids


async def swaps_asked(worker: Worker, readers: Sequence[Reader]) -> Ids:
    """Three readers hold seats one to three, and a fourth waits. The first and the third ask the
    second to swap."""
    ids = await _drawn(worker, readers, _plan([ONE, TWO, THREE]))
    for asker in (readers[0], readers[2]):
        await worker.season_holders.ask_to_swap(context(asker, at(8)), SEASON, TWO)
    return ids


def season_scenarios() -> Sequence[Scenario]:
    return (
        Scenario(
            "a season's day is written while another books the seat at a worker that knows nothing",
            at(8),
            season_drawn,
            lambda r, _: (
                writes_days("days", "w1", at(8)),
                Player("c", "w2", books(r[2], "c", ONE, 9, 10, at(8))),
            ),
            watch=HolderWatch(),
            after=at(8),
            shared=_SHARED,
        ),
        Scenario(
            "a season's day is written while another wants the seat",
            at(8),
            season_drawn,
            lambda r, _: (
                writes_days("days", "w1", at(8)),
                Player("c", "w2", knows_seasons(books(r[2], "c", ONE, 9, 10, at(8)))),
            ),
            watch=all_of(HolderWatch(), taken_too_early),
            after=at(8),
            shared=_SHARED | {"versions"},
        ),
        Scenario(
            "a holder gives up while the day is written",
            at(8),
            season_drawn,
            lambda r, _: (
                writes_days("days", "w1", at(8)),
                job("a", "w2", gives_up(r[0], at(8))),
            ),
            watch=HolderWatch(),
            after=at(8),
            shared=_SHARED,
        ),
        Scenario(
            "a holder gives up a written day while another wants it",
            at(8),
            day_written,
            lambda r, _: (
                job("a", "w1", gives_up(r[0], at(8))),
                Player("c", "w2", books(r[2], "c", ONE, 9, 10, at(8))),
            ),
            watch=HolderWatch(),
            after=at(8),
            shared=_SHARED,
        ),
        Scenario(
            "two workers write a season's day at once",
            at(8),
            season_drawn,
            lambda r, _: (
                writes_days("days", "w1", at(8)),
                writes_days("days again", "w2", at(8)),
            ),
            watch=HolderWatch(),
            after=at(8),
            shared=_SHARED,
        ),
        Scenario(
            "a holder gives a day back while another wants it",
            at(8),
            day_written,
            lambda r, ids: (
                Player("a", "w1", cancels(r[0], "a", ids[ONE], at(8))),
                Player("c", "w2", books(r[2], "c", ONE, 9, 10, at(8))),
            ),
            watch=HolderWatch(),
            after=at(8),
            shared=_SHARED,
        ),
        Scenario(
            "a holder comes while the unused seat is taken back",
            at(9, 5),
            twice_missed,
            lambda r, ids: (
                Player("a", "w1", checks_in(r[0], "a", ids[ONE], at(9, 5))),
                job("use", "w2", lambda w: w.season_use.run(at(9, 5))),
            ),
            watch=HolderWatch(),
            after=at(9, 5),
            shared=_SHARED,
        ),
        Scenario(
            "a holder comes by a clock that is behind while the unused seat is taken back",
            at(9, 5),
            twice_missed,
            lambda r, ids: (
                Player("a", "w1", checks_in(r[0], "a", ids[ONE], at(9, 29))),
                job("use", "w2", lambda w: w.season_use.run(at(9, 31))),
            ),
            watch=HolderWatch(),
            after=at(9, 31),
            shared=_SHARED,
        ),
        Scenario(
            "a holder accepts two swaps at once",
            at(8),
            swaps_asked,
            lambda r, _: (
                job("one", "w1", accepts_swap(r[1], ONE, at(8))),
                job("three", "w2", accepts_swap(r[1], THREE, at(8))),
            ),
            watch=HolderWatch(),
            after=at(8),
            shared=_SHARED,
            seats=3,
        ),
        Scenario(
            "a holder gives up while another accepts the swap",
            at(8),
            swaps_asked,
            lambda r, _: (
                job("a", "w1", gives_up(r[0], at(8))),
                job("b", "w2", accepts_swap(r[1], ONE, at(8))),
            ),
            watch=HolderWatch(),
            after=at(8),
            shared=_SHARED,
            seats=3,
        ),
    )
