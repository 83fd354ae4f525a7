from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from models.kernel.errors import Conflict, NotFound
from models.kernel.ids import ReaderId
from models.readers.context import RequestContext
from models.readers.entities import Reader
from models.reference_data import ReferenceData
from models.seasons import merkle
from models.seasons.calculation import SALT_BYTES
from models.seasons.entities import (
    Application,
    InclusionProof,
    RankedEntry,
    Season,
    SeasonStage,
    SeasonState,
)
from models.seasons.errors import SeasonNotOpen
from models.seasons.repository import SeasonRepository
from models.seasons.rules import check_application, stage, weight_of


class SeasonService:
    """Takes readers' applications for seasons, and publishes seasons with their draws. A season's
    secret is empty until it was drawn."""

    def __init__(self, seasons: SeasonRepository, reference: ReferenceData) -> None:
        self._seasons, self._reference = seasons, reference

    async def latest(self, limit: int) -> list[Season]:
        """At most ``limit`` seasons, those whose applications opened last first. Raises:
        Unavailable."""
        return [_public(season) for season in await self._seasons.latest(limit)]

    async def has_any(self) -> bool:
        """True if there is anything to list. Raises: Unavailable."""
        return await self._seasons.has_any()

    async def get(self, id: str) -> Season:
        """The season with this id. Raises: NotFound, Unavailable."""
        season = await self._seasons.get(id)
        if season is None:
            raise NotFound()
        return _public(season)

    async def result(self, season: Season) -> list[RankedEntry]:
        """The list of a drawn season by rank; empty before the draw. Raises: Unavailable."""
        drawn = season.state is SeasonState.DRAWN
        return await self._seasons.entries(season.id) if drawn else []

    async def own(self, season_id: str, reader_id: ReaderId) -> Application:
        """The reader's application. Raises: NotFound, Unavailable."""
        application = await self._seasons.application(season_id, reader_id)
        if application is None:
            raise NotFound()
        return application

    async def applications_of(self, reader_id: ReaderId) -> list[Application]:
        """The reader's applications. Raises: Unavailable."""
        return await self._seasons.applications_of(reader_id)

    def weight_of(self, season: Season, reader: Reader, now: datetime) -> int:
        """The weight that the reader's application would have now."""
        day = self._reference.zone.day(now)
        return weight_of(season.plan, self._reference.groups_of(reader, day))

    async def apply(
        self, ctx: RequestContext, season_id: str, wishes: Sequence[str]
    ) -> Application:
        """Applies for the season, or changes the wishes of the reader's application. Raises:
        NotFound, SeasonNotOpen, MayNotApply, WishNotGiven, Malformed, Unavailable."""
        season = await self.get(season_id)
        weight = self.weight_of(season, ctx.reader, ctx.now)
        check_application(season, weight, wishes, ctx.now)
        new = Application(
            season.id,
            ctx.reader.id,
            tuple(wishes),
            secrets.token_hex(SALT_BYTES),
            made_at=ctx.now,
            changed_at=ctx.now,
        )
        if not await self._seasons.apply(new, ctx.now):
            raise SeasonNotOpen()
        return await self.own(season.id, ctx.reader.id)

    async def withdraw(self, ctx: RequestContext, season_id: str) -> None:
        """Withdraws the reader's application. Raises: NotFound, SeasonNotOpen, Unavailable."""
        season = await self.get(season_id)
        await self.own(season.id, ctx.reader.id)
        if stage(season, ctx.now) is not SeasonStage.APPLYING:
            raise SeasonNotOpen()
        if not await self._seasons.withdraw(season.id, ctx.reader.id, ctx.now):
            raise SeasonNotOpen()

    async def proof(self, season: Season, application: Application) -> InclusionProof | None:
        """The proof that the application is in the season's frozen list; None before the list is
        frozen, or if the application was left out. Raises: Unavailable."""
        if season.list is None or not application.weight:
            return None
        leaves, leaf = await self._seasons.leaves(season.id), application.entry.leaf
        if leaf not in leaves:
            raise Conflict()
        index = leaves.index(leaf)
        path = tuple(merkle.path(leaves, index))
        return InclusionProof(leaf, index, len(leaves), path, season.list.root)


def _public(season: Season) -> Season:
    return season if season.state is SeasonState.DRAWN else replace(season, secret="")
