from __future__ import annotations

from models.readers.entities import Reader
from models.readers.repository import ReaderRepository
from models.season_holders.repository import HolderRepository
from models.season_holders.service import SeasonHolders
from models.seasons.entities import Application, LossReason, Season, SeasonState
from models.seasons.staff import StaffSeasons
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditLog, StaffContext


class StaffSeasonHolders:
    """Shows the staff who has what of a drawn season, and takes it back."""

    def __init__(
        self,
        audit: AuditLog,
        staff: StaffSeasons,
        holders: HolderRepository,
        service: SeasonHolders,
        readers: ReaderRepository,
    ) -> None:
        self._audit, self._staff, self._holders = audit, staff, holders
        self._service, self._readers = service, readers

    async def holders(
        self, ctx: StaffContext, id: str
    ) -> tuple[Season, list[tuple[Application, Reader | None]], int]:
        """The drawn season, its holders by rank, each with the reader, which the audit log records,
        and the number of applicants who wait. Raises: NotFound, OtherVenue, SeasonChanged,
        Unavailable."""
        season = await self._staff.in_state(ctx, id, SeasonState.DRAWN)
        await self._audit.record_look(ctx, AuditAction.LOOKED_UP, target=f"season:{season.id}")
        holders = await self._holders.holders(season)
        readers = await self._readers.many({one.reader_id for one in holders})
        people = [(one, readers.get(one.reader_id)) for one in holders]
        return season, people, len(await self._holders.waiting(season))

    async def take_back(self, ctx: StaffContext, id: str, thing: str, reason: str) -> None:
        """Takes the seat or locker back from its holder, who is told; the next in rank gets it.
        After the season's last day it is noted as cleared instead. Raises: NotFound, OtherVenue,
        SeasonChanged, NothingHeld, Busy, Unavailable."""
        season = await self._staff.in_state(ctx, id, SeasonState.DRAWN)
        over = ctx.zone.day(ctx.now) > season.plan.last
        loss = LossReason.CLEARED if over else LossReason.TAKEN_BACK
        holder = await self._holders.holder_of(season, thing)
        async with self._audit.entry(
            ctx,
            AuditAction.TAKE_BACK_SEASON,
            target=f"season:{season.id}",
            reader=holder.reader_id if holder is not None else None,
            reason=reason,
        ) as entry:
            entry.after = {"thing": thing, "reason": loss.value}
            await self._service.end(
                season.id,
                lambda season: self._holders.holder_of(season, thing),
                loss,
                ctx.actor,
                ctx.now,
            )
