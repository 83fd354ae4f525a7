"""Mistakes about the holders of seasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from unittest import mock

from pymongo.read_concern import ReadConcern

from lab.proof.planted_rules import Around
from lab.proof.simulation import Run
from models.booking.writer import ReservationWriter
from models.reference_data import ReferenceData
from models.reservations.entities import Reservation
from models.season_holders.repository import HolderRepository
from models.season_holders.service import SeasonHolders
from models.seasons.entities import Application, Season
from models.storage.transactions import InTransaction


def season_by_id_alone(run: Run) -> None:
    """A change of a holder and a written day do not notice one another: the season is changed by
    its ``_id`` alone."""
    for worker in run.workers.values():
        holders = worker.stored.season_holders
        guarded = holders._all
        seasons = guarded.with_options(read_concern=ReadConcern("majority"))

        async def update(
            guard: Mapping[str, Any], change: Any, session: Any, all: Any = guarded
        ) -> Any:
            return await all.update_one({"_id": guard["_id"]}, change, session=session)

        setattr(seasons, "update_one", update)  # noqa: B010
        holders._all = seasons


def day_noted_first() -> Around:
    """A day counts as written before the holders' reservations are stored, in a transaction of its
    own."""
    insert_all = ReservationWriter.insert_all

    async def one_by_one(
        writer: ReservationWriter, day: date, made: Sequence[Reservation], step: InTransaction
    ) -> None:
        await insert_all(writer, day, [], step)
        await insert_all(writer, day, made, _nothing)

    return mock.patch.object(ReservationWriter, "insert_all", one_by_one)


async def _nothing(_: object) -> None:
    """A step that does nothing."""


def days_are_kept() -> Around:
    """Who gives a seat up, or loses it, keeps the days that are written."""
    return mock.patch.object(SeasonHolders, "_reserved_days", mock.AsyncMock(return_value=[]))


def deadlines_decide() -> Around:
    """A day whose deadline has passed counts as decided, though its holder may still come by
    another worker's clock."""
    reserved_days = SeasonHolders._reserved_days

    async def to_come(
        service: SeasonHolders, season: Season, holder: Application, now: datetime
    ) -> list[Reservation]:
        days = await reserved_days(service, season, holder, now)
        return [r for r in days if now <= r.check_in_until]

    return mock.patch.object(SeasonHolders, "_reserved_days", to_come)


def nobody_follows() -> Around:
    """What a holder loses goes to nobody."""
    return mock.patch.object(HolderRepository, "_pass_on", mock.AsyncMock())


def undecided_days_are_free() -> Around:
    """A season's seats can be booked before the holders' day is written."""
    return mock.patch.object(ReferenceData, "is_undecided", mock.Mock(return_value=False))


def use_looked_at_first() -> Around:
    """Whether a seat is still unused is looked at before the days are read that the loss ends."""
    end = SeasonHolders.end

    async def look_first(service: SeasonHolders, *args: Any) -> None:
        *usual, due = args if len(args) > 5 else (*args, None)
        season = await service._drawn(usual[0])
        if due is None or await due(season):
            await end(service, *usual)

    return mock.patch.object(SeasonHolders, "end", look_first)
