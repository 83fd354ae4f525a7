"""Kiosks that nobody sees and a sign-on that is down: deadlines wait, and are moved afterwards.

The service's own downtime is seen by its heartbeat (``DeadlineExtension``); these it sees itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Set
from datetime import datetime
from typing import Final

from models.kernel.time_range import TimeRange, local_date
from models.kiosks.repository import KioskRepository
from models.library.entities import KioskId
from models.outages.entities import (
    CAS,
    MIN_DURATION,
    RETIRED_AFTER,
    kiosk_outage_key,
    screens_of,
)
from models.outages.extension import DeadlineExtension
from models.outages.repository import OutageRepository
from models.reference_data import ReferenceData

_NOTE_EVERY_S: Final = 20.0


class OutageMonitor:
    """Sees what is out. ``cas_answers`` asks the sign-on for a sign of life."""

    def __init__(
        self,
        outages: OutageRepository,
        kiosks: KioskRepository,
        reference: ReferenceData,
        deadlines: DeadlineExtension,
        cas_answers: Callable[[], Awaitable[bool]],
    ) -> None:
        self._outages, self._kiosks, self._reference = outages, kiosks, reference
        self._deadlines, self._cas_answers = deadlines, cas_answers
        self._last_recorded: dict[KioskId, datetime] = {}

    async def record_kiosk_seen(self, kiosk_id: KioskId, now: datetime, browser: str = "") -> None:
        """A kiosk's screen asked for its code, in that browser. Not each time is written."""
        last = self._last_recorded.get(kiosk_id)
        if last is None or abs((now - last).total_seconds()) >= _NOTE_EVERY_S:
            self._last_recorded[kiosk_id] = now
            await self._kiosks.record_kiosk_seen(kiosk_id, now, browser)

    async def record_cas_failure(self, now: datetime) -> None:
        await self._outages.begin(CAS, now)

    async def run(self, now: datetime) -> int:
        """Note what is out or works again, and move the deadlines of what is over. How many."""
        known = await self._outages.all()
        noted = await self._look_at_kiosks({outage.component for outage in known}, now)
        for outage in known:
            if outage.component == CAS and outage.end is None and await self._cas_answers():
                await self._outages.end(CAS, now)
                noted = True
        moved = 0
        for outage in await self._outages.all() if noted else known:
            if outage.end is None:
                continue
            if outage.is_significant(now):
                span = TimeRange(outage.start, outage.end)
                moved += await self._deadlines.extend_deadlines(span, outage.venue_id)
            await self._outages.over(outage)
        return moved

    async def _look_at_kiosks(self, known: Set[str], now: datetime) -> bool:
        """Note what is out or works again. Has anything been noted?"""
        noted = False
        screens = screens_of(self._reference.catalog, await self._kiosks.kiosk_last_seen())
        for venue_id in self._reference.catalog.venues:
            seen = [at for at in screens.get(venue_id, ()) if now - at < RETIRED_AFTER]
            what = kiosk_outage_key(venue_id)
            if not seen:
                if what in known:
                    await self._outages.end(what, now)
                    noted = True
                continue
            if now - max(seen) <= MIN_DURATION:
                if what in known:
                    await self._outages.end(what, max(seen))
                    noted = True
            elif what not in known and self._open(venue_id, now):
                await self._outages.begin(what, max(seen))
                noted = True
        return noted

    def _open(self, venue_id: object, now: datetime) -> bool:
        """At night screens may sleep."""
        for area in self._reference.catalog.areas.values():
            if area.venue_id != venue_id:
                continue
            place = self._reference.opening_hours(self._reference.policy, local_date(now), area.id)
            if place.containing(now) is not None:
                return True
        return False
