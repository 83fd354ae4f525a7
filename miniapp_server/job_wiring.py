from __future__ import annotations

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
from miniapp_server.channels import Channels, delivery_workers, outbox_dispatcher
from miniapp_server.keys import CLOCK_CHECK, SCHEDULER, SHUTDOWN
from miniapp_server.maintenance import Retention
from miniapp_server.measurements import wire_measurements
from miniapp_server.readiness import Readiness, ReadinessMetrics
from miniapp_server.resources import Resources
from miniapp_server.schedule import Notifications, Refresh, schedule
from miniapp_server.scheduler import Scheduler
from miniapp_server.wechat_wiring import text_checker
from miniapp_server.wiring import DEADLINE_JOBS, ERASURE, OCCUPANCY
from models.storage.redis_health import RedisHealth
from notify.webhooks.worker import WebhookWorker


def wire_jobs(app: web.Application, resources: Resources, channels: Channels, owner: str) -> None:
    """Wires the jobs and their scheduler. It must be called after all features are wired.
    ``owner``: this process's name in the leases of jobs; random if empty."""
    settings, r, clock = resources.settings, resources.repositories, resources.clock
    redis_health = RedisHealth(resources.redis, settings.redis_url)
    workers = delivery_workers(channels, resources, app[METRICS])
    texts = text_checker(resources)
    pauses = [*channels.pauses.values(), *([texts.breaker.pauses] if texts else [])]
    notifications = Notifications(
        outbox_dispatcher(app, r, channels.publisher),
        workers,
        app[service_key(WebhookWorker)],
        [queue for c, queue in r.channel_deliveries.items() if c not in workers],
        app[LOAD_SHEDDER],
        clock,
    )
    app[SHUTDOWN] = notifications.close
    groups = schedule(
        app,
        resources,
        Retention(
            r,
            pauses,
            app[ATTEMPT_LIMITER],
            app[DEADLINE_JOBS],
            app[ERASURE],
            settings.keeping,
            app[REFERENCE],
        ),
        notifications,
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
