"""Sets the gauges of /metrics. Each worker sets the gauges of its own load every few seconds. A
job of one worker measures how long queued items wait. A scrape reads no database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from math import isfinite

from aiohttp import web

from handlers.http.keys import LOAD_SHEDDER, METRICS
from handlers.http.load_shedding import LoadShedder
from handlers.http.metrics import JobMetrics, LoadMetrics
from miniapp_server.channels import Channels
from miniapp_server.resources import Resources
from miniapp_server.scheduler import Job, JobGroup
from miniapp_server.wiring import OCCUPANCY, OPENING_DRAW
from models.occupancy.live import LiveOccupancy
from models.opening_draw.service import OpeningDraw

DueSince = Callable[[datetime], Awaitable[datetime | None]]
"""Returns since when a queue's oldest due item has been due; None if no item is due."""


class WorkerLoad:
    def __init__(
        self,
        metrics: LoadMetrics,
        load_shedder: LoadShedder,
        occupancy: LiveOccupancy,
        draw: OpeningDraw,
    ) -> None:
        self._metrics, self._load_shedder = metrics, load_shedder
        self._occupancy, self._draw = occupancy, draw

    async def note(self, _: datetime) -> int:
        """Sets the gauges of this worker's load. Returns 0: no immediate second run is needed."""
        metrics, load = self._metrics, self._load_shedder
        metrics.loop_delay.set(load.take_latest_s())
        metrics.changes_under_way.set(load.door.inside)
        metrics.changes_waiting.set(load.door.waiting)
        metrics.draw_waiting.set(self._draw.waiting)
        if isfinite(behind_s := self._occupancy.behind_s):
            metrics.stream_lag.set(behind_s)
        return 0


class QueueAges:
    def __init__(self, metrics: JobMetrics, queues: Mapping[str, DueSince]) -> None:
        self._metrics, self._queues = metrics, queues

    async def measure(self, now: datetime) -> int:
        """Sets the gauges of how long the queues' oldest items have been due. Returns 0: the job
        never needs an immediate second run. Raises: Unavailable."""
        for name, due_since in self._queues.items():
            since = await due_since(now) or now
            self._metrics.due_since.labels(name).set(since.timestamp())
        return 0


def wire_measurements(
    app: web.Application, resources: Resources, channels: Channels
) -> list[JobGroup]:
    """Subscribes metrics to bookings and outgoing calls. Returns jobs that set the other gauges."""
    metrics, r = app[METRICS], resources.repositories
    r.reservations.subscribe(metrics.bookings)
    for calls in resources.outgoing_calls:
        calls.subscribe(metrics.load.called)

    async def outbox(_: datetime) -> datetime | None:
        return await r.reservations.oldest_outbox_event()

    queues: dict[str, DueSince] = {"outbox": outbox}
    queues |= {name.value: r.channel_deliveries[name].due_since for name in channels.used}
    if resources.settings.wechat.used:
        queues["text_checks"] = r.text_checks.due_since
    load = WorkerLoad(metrics.load, app[LOAD_SHEDDER], app[OCCUPANCY], app[OPENING_DRAW])
    ages = QueueAges(metrics.jobs, queues)
    return [
        JobGroup(
            "note_load", (Job("note_load", load.note),), every_s=5, leased=False, judges=False
        ),
        JobGroup("measure_queues", (Job("measure_queues", ages.measure),), every_s=30),
    ]
