"""The job that looks whether holders use what they have: who does not come is warned and then loses
the seat, what is free goes to those who wait, and a locker has to be empty after the season."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from models.kernel.errors import Busy
from models.kernel.ids import Actor, ReaderId, ReservationId
from models.reference_data import ReferenceData
from models.reservation_store.repository import ReservationRepository
from models.reservations.entities import Reservation
from models.reservations.state_machine import ReservationState
from models.season_holders.repository import HolderRepository
from models.season_holders.service import SeasonHolders
from models.seasons.calculation import assignment
from models.seasons.entities import Application, LossReason, NewsKind, Season
from models.seasons.errors import NothingHeld
from models.storage.transactions import ConcurrentUpdate
from models.violations.entities import Violation
from models.violations.repository import ViolationRepository

_JOB: Final = Actor("system", "season")
ENDING_AHEAD: Final = timedelta(days=7)
"""The time before the last day at which the holders of lockers are reminded."""
_LONGEST_GRACE: Final = timedelta(days=60)
_LOOKED_AT: Final = timedelta(days=60)
"""Unused days before that are forgotten."""


class SeasonUse:
    def __init__(
        self,
        holders: HolderRepository,
        service: SeasonHolders,
        reservations: ReservationRepository,
        violations: ViolationRepository,
        reference: ReferenceData,
    ) -> None:
        self._holders, self._service = holders, service
        self._reservations, self._violations = reservations, violations
        self._reference = reference

    async def run(self, now: datetime) -> int:
        """Warns holders, passes unused seats on, and reminds the holders of lockers; returns how
        many it has told. Raises: Unavailable."""
        today, done = self._reference.zone.day(now), 0
        for season in await self._holders.drawn(today - _LONGEST_GRACE):
            plan = season.plan
            if today <= plan.last:
                done += await self._give_free(season, now)
            if plan.hours is None:
                done += await self._remind(season, now)
            elif plan.unused_days and today <= plan.last:
                done += await self._look_at_use(season, now)
        return done

    async def _give_free(self, season: Season, now: datetime) -> int:
        """Gives what is free although somebody waits for it, as after the erasure of an applicant
        before the draw; returns how many got something. The next run goes on after a conflict."""
        waiting = await self._holders.waiting(season)
        held = {one.thing for one in await self._holders.holders(season)} if waiting else set()
        free = [id for id in season.plan.ids if id not in held]
        done = 0
        for one, thing in _next_in_rank(waiting, free):
            try:
                await self._holders.give(season, one, thing, now)
            except (ConcurrentUpdate, NothingHeld):
                break
            season, done = replace(season, changes=season.changes + 1), done + 1
        return done

    # --- seats ------------------------------------------------------------------------------------
    async def _look_at_use(self, season: Season, now: datetime) -> int:
        holders = await self._holders.holders(season)
        unused = await self._unused(season, [one.reader_id for one in holders], now)
        done = 0
        for holder in holders:
            days = unused.get(holder.reader_id, 0)
            if days < season.plan.unused_days:
                if holder.warned:  # they came, or an appeal was granted
                    await self._holders.warn(season, holder, 0, None, now)
            elif not holder.warned:
                await self._holders.warn(season, holder, days, NewsKind.WARNED, now)
                done += 1
            elif days > holder.warned:
                done += await self._pass_on(season, holder, now)
        return done

    async def _pass_on(self, season: Season, holder: Application, now: datetime) -> bool:
        reader_id = holder.reader_id

        async def still_unused(season: Season) -> bool:
            days = (await self._unused(season, [reader_id], now)).get(reader_id, 0)
            return days > holder.warned

        with suppress(NothingHeld, Busy):
            find = self._service.holding(reader_id)
            await self._service.end(season.id, find, LossReason.UNUSED, _JOB, now, still_unused)
            return True
        return False

    async def _unused(
        self, season: Season, readers: Collection[ReaderId], now: datetime
    ) -> Mapping[ReaderId, int]:
        """For each holder the number of unused days in a row up to now, without those that are
        waived or whose appeal waits for an answer."""
        since = self._reference.zone.midnight(self._reference.zone.day(now) - _LOOKED_AT)
        stays = await self._reservations.stays_on(season.plan.ids, readers, since)
        missed = [f"{r.id}:no_show" for r in stays if r.state is ReservationState.NO_SHOW]
        excused = {
            violation.reservation_id
            for violation in await self._violations.many(missed)
            if violation.waived or _waits(violation)
        }
        by_reader = dict[ReaderId, list[Reservation]]()
        for r in stays:
            by_reader.setdefault(r.reader_id, []).append(r)
        return {
            reader_id: unused_in_a_row(season.id, of_reader, excused)
            for reader_id, of_reader in by_reader.items()
        }

    # --- lockers ----------------------------------------------------------------------------------
    async def _remind(self, season: Season, now: datetime) -> int:
        """Reminds holders once before the last day, and once after it."""
        today, last = self._reference.zone.day(now), season.plan.last
        if today > last:
            reminder, kind = 2, NewsKind.OVERDUE
        elif today >= last - ENDING_AHEAD:
            reminder, kind = 1, NewsKind.ENDING
        else:
            return 0
        holders = [one for one in await self._holders.holders(season) if one.warned < reminder]
        for holder in holders:
            await self._holders.warn(season, holder, reminder, kind, now)
        return len(holders)


def _next_in_rank(
    waiting: Sequence[Application], free: Sequence[str]
) -> list[tuple[Application, str]]:
    """The readers who wait for something that is free, in their order, each with their best
    wish."""
    things = assignment(free, [one.wishes for one in waiting])
    pairs = zip(waiting, things, strict=True)
    return [(one, thing) for one, thing in pairs if thing is not None]


def unused_in_a_row(
    season_id: str, stays: Sequence[Reservation], excused: Collection[ReservationId]
) -> int:
    """The number of days since the holder came last on which they did not come. Days that they gave
    back, that are excused, or that are still to come count neither way. Who misses the deadline and
    comes to the same seat that day by a booking of their own has come. ``stays``: the holder's on
    the season's seats, in their order; ``excused``: the ids of days for which they are not to
    blame."""
    came = {(r.date, r.seat_id) for r in stays if r.checked_in_at is not None}
    unused = 0
    for r in stays:
        if r.season_id != season_id:
            continue
        if (r.date, r.seat_id) in came:
            unused = 0
        elif r.state is ReservationState.NO_SHOW and not r.penalty_waived and r.id not in excused:
            unused += 1
    return unused


def _waits(violation: Violation) -> bool:
    return violation.appeal is not None and violation.appeal.granted is None
