from __future__ import annotations

from models.identity.roles import Role
from models.kernel.errors import NotFound
from models.readers.entities import Reader
from models.readers.repository import ReaderRepository
from models.season_holders.repository import HolderRepository
from models.season_holders.service import SeasonHolders
from models.seasons.entities import Application, LossReason, Season, SeasonState
from models.seasons.errors import SeasonChanged
from models.seasons.repository import SeasonRepository
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditLog, StaffContext


class StaffSeasonHolders:
    """Shows the staff who has what of a drawn season, and takes it back."""

    def __init__(
        self,
        audit: AuditLog,
        seasons: SeasonRepository,
        holders: HolderRepository,
        service: SeasonHolders,
        readers: ReaderRepository,
    ) -> None:
        self._audit, self._seasons, self._holders = audit, seasons, holders
        self._service, self._readers = service, readers

    async def holders(
        self, ctx: StaffContext, id: str
    ) -> tuple[Season, list[tuple[Application, Reader | None]]]:
        """The holders of a drawn season by rank, each with the reader, which the audit log
        records. Raises: NotFound, OtherVenue, SeasonChanged, Unavailable."""
        season = await self._drawn(ctx, id)
        await self._audit.record_look(ctx, AuditAction.LOOKED_UP, target=f"season:{season.id}")
        holders = await self._holders.holders(season)
        readers = await self._readers.many({one.reader_id for one in holders})
        return season, [(one, readers.get(one.reader_id)) for one in holders]

    async def waiting(self, season: Season) -> list[int]:
        """The ranks of the applicants who wait. Raises: Unavailable."""
        return await self._seasons.waiting(season.id)

    async def take_back(self, ctx: StaffContext, id: str, thing: str, reason: str) -> None:
        """Takes the seat or locker back from its holder, who is told; the next in rank gets it.
        After the season's last day it is noted as cleared instead. Raises: NotFound, OtherVenue,
        SeasonChanged, NothingHeld, Busy, Unavailable."""
        season = await self._drawn(ctx, id)
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

    async def _drawn(self, ctx: StaffContext, id: str) -> Season:
        ctx.require(None, Role.ADMINISTRATOR)
        season = await self._seasons.get(id)
        if season is None:
            raise NotFound()
        if season.state is not SeasonState.DRAWN:
            raise SeasonChanged()
        return season
