from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from handlers.http.health import kind_of_trouble
from handlers.http.load_shedding import LoadShedder
from handlers.http.metrics import Metrics
from miniapp_server.clock import ClockCheck
from miniapp_server.resources import Resources
from miniapp_server.scheduler import Scheduler
from models.gates.entities import CLOCK_OFF
from models.kernel.errors import Unavailable
from models.messages.channel_pause_repository import ChannelPauseRepository
from models.messages.entities import Channel
from models.occupancy.live import LiveOccupancy
from models.reference_data import ReferenceData
from models.storage.database_releases import DatabaseReleases
from models.storage.installation import Mode
from models.storage.mongo import ping
from models.storage.redis_health import RedisHealth

TROUBLES: Final = (
    *("mongodb", "redis", "clock", "jobs", "occupancy", "kiosks", "cas", "gates", "library"),
    *(channel.value for channel in Channel),
)
"""Kinds of troubles that ``Readiness.check`` can report. Each scrape of /metrics sets the gauges
of all kinds in the worker that answers it, so that a trouble that is over leaves no gauge set."""
_MONGODB_S: Final = 2.0
"""Seconds that a check waits for MongoDB; load balancers and Prometheus wait for the check."""


class Readiness:
    """The readiness check. Fails without MongoDB and in a shutdown; only reports other troubles."""

    def __init__(
        self,
        resources: Resources,
        reference: ReferenceData,
        occupancy: LiveOccupancy,
        load_shedder: LoadShedder,
        scheduler: Scheduler,
        clock_check: ClockCheck,
        redis_health: RedisHealth,
        pauses: Mapping[Channel, ChannelPauseRepository],
    ) -> None:
        self._clock, self._db = resources.clock, resources.db
        self._outages, self._gates = resources.repositories.outages, resources.repositories.gates
        self._reference, self._occupancy = reference, occupancy
        self._load_shedder, self._scheduler = load_shedder, scheduler
        self._clock_check, self._redis_health = clock_check, redis_health
        self._pauses = pauses

    async def check(self) -> tuple[bool, dict[str, str]]:
        """Returns whether the service is ready, and a few words on each trouble, by its name."""
        if self._load_shedder.leaving:
            return False, {"service": "ends"}
        try:
            async with asyncio.timeout(_MONGODB_S):
                stored = await self._stored_troubles()
        except (Unavailable, TimeoutError):
            return False, {"mongodb": "unreachable"}
        troubles: dict[str, str] = {}
        if cause := await self._redis_health.look():
            troubles["redis"] = cause
        if self._clock_check.trouble:
            troubles["clock"] = self._clock_check.trouble
        troubles |= {f"jobs.{name}": "hanging" for name in self._scheduler.stalled()}
        if self._occupancy.is_stale:
            troubles["occupancy"] = "stale"
        if not self._reference.catalog.areas:
            troubles["library"] = "empty"
        return True, troubles | stored

    async def _stored_troubles(self) -> dict[str, str]:
        """A few words on each trouble that is stored in MongoDB, by the trouble's name: outages,
        paused channels and gates with a wrong clock. Raises: Unavailable."""
        await ping(self._db)
        troubles: dict[str, str] = {}
        for outage in await self._outages.all():
            if outage.end is None and outage.is_significant(self._clock.now()):
                troubles[f"outages.{outage.component}"] = f"since {outage.start.isoformat()}"
        for channel, pauses in self._pauses.items():
            pause = await pauses.current()
            if pause is not None and pause.alarmed:
                code = f" ({pause.code})" if pause.code is not None else ""
                troubles[channel.value] = (
                    f"{pause.reason}{code} since {pause.since.isoformat()}, "
                    f"next try {pause.until.isoformat()}"
                )
        for gate in await self._gates.all():
            if not gate.retired and abs(gate.clock_skew) > CLOCK_OFF:
                off = round(gate.clock_skew.total_seconds())
                troubles[f"gates.{gate.id}"] = f"clock off by {off} s"
        return troubles


class ReadinessMetrics:
    """Sets the metrics of troubles, of backups and of outdated database releases."""

    def __init__(self, readiness: Readiness, resources: Resources, metrics: Metrics) -> None:
        self._readiness, self._metrics = readiness, metrics
        self._clock, self._backups = resources.clock, resources.repositories.backups
        self._mode = resources.settings.mode
        self.releases = DatabaseReleases(resources.db, resources.redis)

    async def measure(self) -> None:
        """Sets the metrics for a scrape. Without MongoDB those of backups keep their values."""
        ready, troubles = await self._readiness.check()
        counts = Counter(map(kind_of_trouble, troubles))
        for kind in TROUBLES:
            self._metrics.troubles.labels(kind).set(counts[kind])
        if ready:
            with suppress(Unavailable, TimeoutError):
                async with asyncio.timeout(_MONGODB_S):
                    standing = await self._backups.standing()
                last, rehearsed = standing.newest, standing.rehearsed_at
                self._metrics.last_backup.set(last.at.timestamp() if last else 0)
                self._metrics.last_rehearsal.set(rehearsed.timestamp() if rehearsed else 0)
        today = self._clock.real_now().date()
        for server, note in (await self.releases.notes(today)).items():
            # A sandbox has no real readers, so a vulnerability exposes no one.
            outdated = bool(note) and self._mode is Mode.PRODUCTION
            self._metrics.database_outdated.labels(server).set(outdated)
