"""The holders of a season after the draw: they give up, lose or swap what they have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from models.booking.writer import MAX_ATTEMPTS, ReservationWriter
from models.kernel.errors import Busy, NotFound
from models.kernel.ids import Actor, ReaderId
from models.readers.context import RequestContext
from models.reservation_store.repository import ReservationRepository
from models.reservations.entities import Reservation
from models.reservations.errors import StaleRevision
from models.reservations.state_machine import ReservationState
from models.reservations.transitions import cancel
from models.season_holders.repository import HolderRepository
from models.seasons.entities import Application, LossReason, Season, SeasonState
from models.seasons.errors import NothingHeld
from models.seasons.repository import SeasonRepository
from models.storage.transactions import ConcurrentUpdate

FindHolder = Callable[[Season], Awaitable[Application | None]]
"""Finds the application whose holder loses what they have; None if nobody does."""
Due = Callable[[Season], Awaitable[bool]]
"""True if the holder still has to lose what they have."""


class SeasonHolders:
    """Ends and swaps what holders have. What one loses goes to the next in rank who wished for it,
    until the season is over."""

    def __init__(
        self,
        seasons: SeasonRepository,
        holders: HolderRepository,
        reservations: ReservationRepository,
        writer: ReservationWriter,
    ) -> None:
        self._seasons, self._holders = seasons, holders
        self._reservations, self._writer = reservations, writer

    async def give_up(self, ctx: RequestContext, season_id: str) -> None:
        """Gives up what the reader holds. After the last day staff note which lockers are empty.
        Raises: NotFound, NothingHeld, also after the last day; Busy, Unavailable."""
        if self._is_over(await self._drawn(season_id), ctx.now):
            raise NothingHeld()
        await self.end(
            season_id, self.holding(ctx.reader.id), LossReason.GIVEN_UP, ctx.actor, ctx.now
        )

    async def end_all(self, reader_id: ReaderId, actor: Actor, now: datetime) -> None:
        """Withdraws the reader's applications where the list is open, and gives up all that they
        hold. Raises: Busy, Unavailable."""
        for one in await self._seasons.applications_of(reader_id):
            await self._seasons.withdraw(one.season_id, reader_id, now)
            if one.thing is not None:
                held = self.holding(reader_id)
                await self.end(one.season_id, held, LossReason.GIVEN_UP, actor, now)

    def holding(self, reader_id: ReaderId) -> FindHolder:
        """Finds the reader's application for a season."""
        return lambda season: self._seasons.application(season.id, reader_id)

    async def end(
        self,
        season_id: str,
        find: FindHolder,
        reason: LossReason,
        actor: Actor,
        now: datetime,
        due: Due | None = None,
    ) -> None:
        """Ends what the holder has whom ``find`` finds, together with their days that are written
        and have not begun to be used. ``due`` is asked after these days are read: who comes later
        changes one of them, so that it is asked again. While it is open whether the holder came on
        a day whose deadline has passed, nothing is due: by a clock that is behind they may still
        come. Raises: NotFound, NothingHeld, also if it is not due; Busy, Unavailable."""
        zone = self._writer.zone
        for _ in range(MAX_ATTEMPTS):
            season = await self._drawn(season_id)
            holder = await find(season)
            if holder is None or holder.thing is None:
                raise NothingHeld()
            passed_on = zone.day(now) <= season.plan.last
            days = await self._reserved_days(season, holder, now)
            to_come = [r for r in days if now <= r.check_in_until]
            if due is not None and (len(to_come) < len(days) or not await due(season)):
                raise NothingHeld()
            step = self._holders.release(season, holder, reason, now, passed_on=passed_on)
            try:
                await self._writer.replace_all([(r, cancel(r, actor, now)) for r in to_come], step)
            except (StaleRevision, ConcurrentUpdate):
                continue
            return
        raise Busy()

    async def _reserved_days(
        self, season: Season, holder: Application, now: datetime
    ) -> list[Reservation]:
        """The holder's days from today on of which nobody knows yet whether they come."""
        zone = self._writer.zone
        stays = await self._reservations.stays_on(
            season.plan.ids, [holder.reader_id], zone.midnight(zone.day(now))
        )
        reserved = ReservationState.RESERVED
        return [r for r in stays if r.season_id == season.id and r.state is reserved]

    # --- swapping ---------------------------------------------------------------------------------
    async def offers(self, season: Season, own: Application) -> list[str]:
        """The seats or lockers that others offer for what the reader has. Raises: Unavailable."""
        if own.thing is None:
            return []
        askers = await self._holders.askers(season, own.thing)
        return [one.thing for one in askers if one.thing is not None]

    async def ask_to_swap(self, ctx: RequestContext, season_id: str, thing: str) -> None:
        """Asks the holder of ``thing`` to swap it for what the reader holds. Raises: NotFound,
        NothingHeld if one of them holds nothing or the season is over, Busy, Unavailable."""
        for _ in range(MAX_ATTEMPTS):
            season, own, other = await self._both(ctx, season_id, thing)
            if own.swap == thing:
                return
            try:
                await self._holders.ask_to_swap(season, own, other, ctx.now)
            except ConcurrentUpdate:
                continue
            return
        raise Busy()

    async def withdraw_swap(self, ctx: RequestContext, season_id: str) -> None:
        """Asks nobody any more to swap. Raises: NotFound, Unavailable."""
        season = await self._drawn(season_id)
        own = await self._seasons.application(season.id, ctx.reader.id)
        if own is not None and own.swap is not None:
            await self._holders.withdraw_swap(season, own)

    async def accept_swap(self, ctx: RequestContext, season_id: str, thing: str) -> None:
        """Swaps what the reader holds for ``thing``, whose holder has asked for it. The days that
        are written stay as they are. Raises: NotFound, NothingHeld if nobody asks for it with this
        any more, Busy, Unavailable."""
        for _ in range(MAX_ATTEMPTS):
            season, own, asker = await self._both(ctx, season_id, thing)
            if asker.swap != own.thing:
                raise NothingHeld()
            try:
                await self._holders.swap(season, own, asker, ctx.now)
            except ConcurrentUpdate:
                continue
            return
        raise Busy()

    async def _both(
        self, ctx: RequestContext, season_id: str, thing: str
    ) -> tuple[Season, Application, Application]:
        season = await self._drawn(season_id)
        own = await self._seasons.application(season.id, ctx.reader.id)
        other = await self._holders.holder_of(season, thing)
        over = self._is_over(season, ctx.now)
        if over or own is None or own.thing is None or other is None or own.thing == thing:
            raise NothingHeld()
        return season, own, other

    def _is_over(self, season: Season, now: datetime) -> bool:
        return self._writer.zone.day(now) > season.plan.last

    async def _drawn(self, season_id: str) -> Season:
        season = await self._seasons.get(season_id)
        if season is None:
            raise NotFound()
        if season.state is not SeasonState.DRAWN:
            raise NothingHeld()
        return season
