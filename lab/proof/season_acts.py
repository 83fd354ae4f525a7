"""A drawn season of a few seats, with which scenarios and days begin, and what its holders and the
jobs do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from lab.history.records import Operation
from lab.proof.acts import Job, job
from lab.proof.explorer import Act, Player
from lab.proof.memory_query import Document
from lab.proof.simulated_library import AREA, CIPHER, VENUE, Worker, context, library_zone
from lab.proof.simulation import Recorder
from models.check_in.transitions import mark_no_show
from models.kernel.errors import DomainError
from models.kernel.ids import Actor
from models.kernel.time_range import TimeRange
from models.library.entities import SeatId
from models.policy.entities import Policy
from models.readers.entities import Reader
from models.reservation_store.mapping import to_new_document
from models.reservations.entities import Placement
from models.reservations.transitions import create_season_day
from models.season_holders.days import day_id
from models.seasons.calculation import ANY
from models.seasons.entities import (
    Season,
    SeasonId,
    SeasonKind,
    SeasonPlan,
    SeasonState,
    Thing,
    Which,
)
from models.seasons.mapping import season_document
from models.seasons.repository import application_id
from models.seasons.rule_text import Source
from models.storage.free_text import FreeTexts

SEASON: Final = SeasonId("season")
_DAY: Final = timedelta(days=1)


def season_plan(
    seats: Sequence[str], days: tuple[date, date], hours: tuple[time, time], come_by: time
) -> SeasonPlan:
    """A season of these seats from the first to the last of the days. Who does not come on two days
    in a row loses the seat."""
    opened = library_zone().midnight(days[0] - 20 * _DAY)
    source = Source("Lottery 2026140", opened + 2 * _DAY)
    return SeasonPlan(
        title="Autumn 2026",
        kind=SeasonKind.SEATS,
        given=tuple(Thing(seat) for seat in seats),
        first=days[0],
        last=days[1],
        hours=hours,
        default_weight=1,
        weights={},
        most_wishes=1,
        opens_at=opened,
        closes_at=opened + _DAY,
        sources={Which.FIRST: source, Which.ALTERNATIVE: source},
        reveal_by=opened + 3 * _DAY,
        come_by=come_by,
        unused_days=1,
    )


def drawn_documents(
    plan: SeasonPlan, applicants: Sequence[Reader], written: date
) -> tuple[Document, list[Document]]:
    """The document of the drawn season, whose days up to ``written`` are written, and those of its
    applications. Each applicant takes anything: the first ones hold the seats, the others wait."""
    season = Season(SEASON, plan, "", "", "")
    document = season_document(FreeTexts("seasons", CIPHER), season)
    document |= {
        "state": SeasonState.DRAWN.value,
        "draw": {"which": Which.FIRST.value, "value": "5", "at": plan.reveal_by},
        "written": written.isoformat(),
    }
    things = [*plan.ids, *[None] * len(applicants)]
    return document, [
        {
            "_id": application_id(SEASON, reader.id),
            "season": SEASON,
            "reader": reader.id,
            "wishes": [ANY],
            "made_at": plan.opens_at,
            "changed_at": plan.opens_at,
            "weight": 1,
            "rank": rank,
            "thing": thing,
        }
        for rank, (reader, thing) in enumerate(zip(applicants, things, strict=False), start=1)
    ]


def missed_day(plan: SeasonPlan, reader: Reader, seat_id: SeatId, day: date) -> Document:
    """The document of a past day of the season on which the holder did not come."""
    assert plan.hours is not None and plan.come_by is not None
    zone = library_zone()
    start, end = (zone.instant(day, clock) for clock in plan.hours)
    made = create_season_day(
        id=day_id(SEASON, seat_id, day),
        placement=Placement(zone, reader.id, VENUE, AREA, seat_id, TimeRange(start, end)),
        policy=Policy(),
        season_id=SEASON,
        check_in_until=zone.instant(day, plan.come_by),
        now=start - _DAY,
    )
    return to_new_document(mark_no_show(made, Actor("system", "deadlines")), "before")


def _unless_refused(work: Callable[[Worker], Awaitable[object]]) -> Job:
    """The request, whose refusal nobody looks at."""

    async def ask(worker: Worker) -> None:
        with suppress(DomainError):
            await work(worker)

    return ask


def gives_up(reader: Reader, now: datetime) -> Job:
    """The holder gives the seat up."""
    return _unless_refused(lambda w: w.season_holders.give_up(context(reader, now), SEASON))


def accepts_swap(reader: Reader, thing: str, now: datetime) -> Job:
    """The holder swaps the own seat for ``thing``, whose holder has asked for it."""
    return _unless_refused(
        lambda w: w.season_holders.accept_swap(context(reader, now), SEASON, thing)
    )


def writes_days(name: str, worker: str, now: datetime) -> Player:
    """The job that writes the holders' days."""
    return job(name, worker, lambda w: w.season_days.run(now))


def knows_seasons(act: Act) -> Act:
    """The worker loads which seats are a season's, and then does the ``act``."""

    async def later(worker: Worker, recorder: Recorder, again: Operation | None) -> Any:
        if again is None:
            await worker.reference.refresh()
        return await act(worker, recorder, again)

    return later
