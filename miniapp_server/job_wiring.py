"""The jobs of a process with what they run on, and what it says of its readiness."""

from __future__ import annotations

import asyncio

from aiohttp import web

from handlers.http.keys import (
    ATTEMPT_LIMITER,
    HEALTH,
    LOAD_SHEDDER,
    MEASURE,
    METRICS,
    REFERENCE,
    RELEASES,
    WAKE_JOBS,
    service_key,
)
from miniapp_server.channels import Channels, delivery_workers
from miniapp_server.keys import CLOCK_CHECK, SCHEDULER, SHUTDOWN
from miniapp_server.maintenance import Retention
from miniapp_server.measurements import wire_measurements
from miniapp_server.readiness import Readiness, ReadinessMetrics
from miniapp_server.resources import Resources
from miniapp_server.schedule import Notifications, Refresh, schedule
from miniapp_server.scheduler import Scheduler
from miniapp_server.webhook_wiring import WEBHOOK_WORKER, webhook_events
from miniapp_server.wechat_wiring import text_checker
from miniapp_server.wiring import DEADLINE_JOBS, ERASURE, OCCUPANCY
from models.code_sharing.service import CodeSharingService
from models.storage.redis_health import RedisHealth
from models.violations.service import ViolationService
from notify.outbox_dispatcher import OutboxDispatcher
from notify.reservation_messages import ReservationMessages
from notify.waitlist_messages import WaitlistMessages


def wire_jobs(app: web.Application, resources: Resources, channels: Channels, owner: str) -> None:
    """After all features. ``owner`` is the name of this process in the leases, made up where it is
    empty."""
    settings, r, clock = resources.settings, resources.repositories, resources.clock
    redis_health = RedisHealth(resources.redis, settings.redis_url)
    dispatcher = OutboxDispatcher(
        r.reservations,
        channels.publisher,
        ReservationMessages(
            r.reservations,
            app[REFERENCE],
            app[service_key(ViolationService)],
            app[service_key(CodeSharingService)],
        ),
        WaitlistMessages(r.waitlist, app[REFERENCE]),
        webhook_events(app, resources),
        r.late_writes,
    )
    workers = delivery_workers(channels, resources, app[METRICS])
    texts = text_checker(resources)
    pauses = [*channels.pauses.values(), *([texts.breaker.pauses] if texts else [])]

    async def close() -> None:
        channels_end = (worker.close() for worker in workers.values())
        await asyncio.gather(app[WEBHOOK_WORKER].close(), *channels_end)

    app[SHUTDOWN] = close
    groups = schedule(
        app,
        clock,
        resources.db,
        Retention(
            r,
            pauses,
            app[ATTEMPT_LIMITER],
            app[DEADLINE_JOBS],
            app[ERASURE],
            settings.keeping,
        ),
        Notifications(
            dispatcher,
            workers,
            [queue for c, queue in r.channel_deliveries.items() if c not in workers],
            app[LOAD_SHEDDER],
            clock,
        ),
        Refresh(app[REFERENCE], redis_health, channels, app[METRICS]),
        texts,
    )
    groups += wire_measurements(app, resources, channels)
    scheduler = app[SCHEDULER] = Scheduler(groups, r.leases, clock, app[METRICS], owner)
    app[WAKE_JOBS] = scheduler.wake
    app[OCCUPANCY].subscribe(scheduler.wake)
    _wire_readiness(app, resources, redis_health, channels)


def _wire_readiness(
    app: web.Application, resources: Resources, redis_health: RedisHealth, channels: Channels
) -> None:
    readiness = Readiness(
        resources,
        app[REFERENCE],
        app[OCCUPANCY],
        app[LOAD_SHEDDER],
        app[SCHEDULER],
        app[CLOCK_CHECK],
        redis_health,
        channels.pauses,
    )
    measured = ReadinessMetrics(readiness, resources, app[METRICS])
    app[HEALTH], app[MEASURE] = readiness.check, measured.measure
    app[RELEASES] = measured.releases.versions
