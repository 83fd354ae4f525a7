"""Compares this host's rules of the library's time zone with those of the newest host."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress
from importlib.metadata import version
from typing import Final

from miniapp_server.clock import Clock
from models.kernel.errors import Unavailable
from models.profile.zone_rules_repository import ZoneRulesRepository
from models.profile.zones import rules_near
from models.reference_data import ReferenceData
from models.storage.rounds import pause_s

log = logging.getLogger(__name__)
_EVERY_S: Final = 60.0


class ZoneCheck:
    """Tells the clock if this host's rules differ in the months around the present time; then it
    accepts no changes and runs no jobs, as with a wrong clock."""

    def __init__(
        self,
        clock: Clock,
        reference: ReferenceData,
        rules: ZoneRulesRepository,
        release: str = version("tzdata"),
    ) -> None:
        self._clock, self._reference, self._rules = clock, reference, rules
        self._release = release

    async def measure(self) -> None:
        """Compares the rules once. Raises: Unavailable; the earlier result is then kept."""
        zone, now = self._reference.zone, self._clock.now()
        release, newest = await self._rules.newest(zone, self._release)
        differ = rules_near(zone, now) != rules_near(newest, now)
        if differ != bool(self._clock.zone_trouble):
            fields = {"host": socket.gethostname(), "zone": zone.name, "tzdata": self._release}
            if differ:
                cure = f"install tzdata {release} here: until then it refuses changes, runs no jobs"
                log.error("zone_rules_differ", extra=fields | {"newest": release, "cure": cure})
            else:
                log.warning("zone_rules_agree_again", extra=fields)
        self._clock.zone_trouble = (
            f"rules of {zone.name} differ: tzdata {self._release} here, {release} elsewhere"
            if differ
            else ""
        )

    async def run(self) -> None:
        """Compares the rules every minute until cancelled."""
        while True:
            with suppress(Unavailable):
                await self.measure()
            await asyncio.sleep(pause_s(_EVERY_S))
