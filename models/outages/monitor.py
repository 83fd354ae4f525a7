"""Detects kiosks that are not seen any more and a sign-on that is down. Downtime of the service
itself is detected by its heartbeat (``DeadlineExtension``)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Set
from datetime import datetime
from typing import Final

from models.kernel.time_range import TimeRange
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
    """Detects outages of kiosks and of the sign-on. When an outage has ended, extends the
    deadlines that fell into it."""

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
        """Records that the kiosk's screen has requested a code, at most once in 20 s.
        ``browser``: a description of the screen's browser."""
        last = self._last_recorded.get(kiosk_id)
        if last is None or abs((now - last).total_seconds()) >= _NOTE_EVERY_S:
            self._last_recorded[kiosk_id] = now
            await self._kiosks.record_kiosk_seen(kiosk_id, now, browser)

    async def record_cas_failure(self, now: datetime) -> None:
        await self._outages.begin(CAS, now)

    async def run(self, now: datetime) -> int:
        """Records outages that have begun or ended, and extends the deadlines in those that have
        ended; returns the number of extended deadlines."""
        outages = await self._outages.all()
        noted = await self._look_at_kiosks({outage.component for outage in outages}, now)
        for outage in outages:
            if outage.component == CAS and outage.end is None and await self._cas_answers():
                await self._outages.end(CAS, now)
                noted = True
        moved = 0
        for outage in await self._outages.all() if noted else outages:
            if outage.end is None:
                continue
            if outage.is_significant(now):
                span = TimeRange(outage.start, outage.end)
                moved += await self._deadlines.extend_deadlines(span, outage.venue_id)
            await self._outages.over(outage)
        return moved

    async def _look_at_kiosks(self, components: Set[str], now: datetime) -> bool:
        """Records kiosk outages that have begun or ended. ``components``: those that are out
        already. Returns True if there was a change."""
        noted = False
        screens = screens_of(self._reference.catalog, await self._kiosks.kiosk_last_seen())
        for venue_id in self._reference.catalog.venues:
            last_seen = [at for at in screens.get(venue_id, ()) if now - at < RETIRED_AFTER]
            component = kiosk_outage_key(venue_id)
            if not last_seen:
                if component in components:
                    await self._outages.end(component, now)
                    noted = True
                continue
            if now - max(last_seen) <= MIN_DURATION:
                if component in components:
                    await self._outages.end(component, max(last_seen))
                    noted = True
            elif component not in components and self._open(venue_id, now):
                await self._outages.begin(component, max(last_seen))
                noted = True
        return noted

    def _open(self, venue_id: object, now: datetime) -> bool:
        """True if an area of the venue is open now. While all are closed, an unseen kiosk is no
        outage, since its screen may be off."""
        for area in self._reference.catalog.areas.values():
            if area.venue_id != venue_id:
                continue
            place = self._reference.opening_hours(
                self._reference.policy, self._reference.zone.day(now), area.id
            )
            if place.containing(now) is not None:
                return True
        return False
