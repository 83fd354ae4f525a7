from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from models.kernel.ids import ReaderId
from models.opening_draw.draw_repository import DrawRepository
from models.opening_draw.entities import Draw, Ticket
from models.opening_draw.repository import TicketRepository
from models.opening_draw.rules import is_revealed
from models.policy.entities import FARTHEST_HORIZON
from models.reference_data import ReferenceData

AHEAD: Final = timedelta(hours=25)
"""How long before an opening its secret is committed to, at most."""
KEPT_FOR: Final = timedelta(days=60)
"""How long a draw can be verified. Its applications name nobody."""


class DrawPublication:
    """Publishes the openings' draws: the commitment before, secret and lists afterwards."""

    def __init__(
        self, draws: DrawRepository, tickets: TicketRepository, reference: ReferenceData
    ) -> None:
        self._draws, self._tickets, self._reference = draws, tickets, reference

    async def commit_ahead(self, now: datetime) -> int:
        """Commits to the secrets of the draws in the next ``AHEAD``, and removes old draws. Returns
        0: no second run is needed now. Raises: Unavailable."""
        for opens_at in {*self._openings(now)}:
            await self._draws.commit(opens_at, now)
        await self._draws.remove_before(now - KEPT_FOR)
        return 0

    def _openings(self, now: datetime) -> Iterator[datetime]:
        zone = self._reference.zone
        areas = [area.id for area in self._reference.catalog.areas.values() if area.in_use]
        for ahead in range(1, FARTHEST_HORIZON + 2):
            day = zone.day(now) + timedelta(days=ahead)
            for area_id in areas:
                policy = self._reference.policy_for(area_id, day)
                opens_at = policy.draw_opens_at(zone, day, now)
                if opens_at is not None and now < opens_at <= now + AHEAD:
                    yield opens_at

    async def latest(self, limit: int, now: datetime) -> list[Draw]:
        """At most ``limit`` draws, the last opening first, without their lists; those that are not
        over have no secret. Raises: Unavailable."""
        return [_at(draw, now) for draw in await self._draws.latest(limit)]

    async def get(self, opens_at: datetime, now: datetime) -> Draw | None:
        """The draw of the opening; until it is over, without secret and lists. Raises:
        Unavailable."""
        draw = await self._draws.get(opens_at)
        return _at(draw, now) if draw is not None else None

    async def tickets_of(self, reader_id: ReaderId) -> list[Ticket]:
        """The reader's tickets for today and the days to come. Raises: Unavailable."""
        return await self._tickets.of(reader_id)


def _at(draw: Draw, now: datetime) -> Draw:
    return draw if is_revealed(draw.opens_at, now) else replace(draw, secret="", lists={})
