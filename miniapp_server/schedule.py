"""The list of all background jobs, with their intervals and their order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from aiohttp import web

from handlers.http.keys import SITE, service_key
from handlers.http.load_shedding import LoadShedder
from handlers.http.metrics import Metrics
from miniapp_server.channels import Channels
from miniapp_server.clock import Clock
from miniapp_server.maintenance import Retention
from miniapp_server.resources import Resources
from miniapp_server.scheduler import Job, JobGroup, Messaging
from miniapp_server.wiring import (
    DEADLINE_EXTENSION,
    DEADLINE_JOBS,
    GATE_PRESENCE_JOB,
    PRESENCE_CHECK_JOB,
    ROOM_JOBS,
    SEASON_DAYS,
    SEASON_USE,
    WAITLIST_JOBS,
)
from models.code_sharing.service import CodeSharingService
from models.forecast.service import FullnessForecast
from models.messages.channel_pause import PauseReason
from models.messages.delivery_queue_repository import DeliveryQueue
from models.messages.entities import Channel
from models.migrations.repository import migrate
from models.opening_draw.publication import DrawPublication
from models.outages.monitor import OutageMonitor
from models.parties.service import PartyService
from models.pending_work import PendingWork, Work
from models.reference_data import ReferenceData
from models.staff.alerts import StaffAlerts
from models.statistics.service import StatisticsService
from models.storage.redis_health import RedisHealth
from notify.delivery.outcomes import LATE
from notify.delivery.worker import DeliveryWorker
from notify.outbox_dispatcher import BATCH, OutboxDispatcher
from notify.season_news import SeasonNewsJob
from notify.webhooks.worker import WebhookWorker
from notify.wechat.text_checks import AT_ONCE, TextChecker

_RUSH_S: Final = 10.0
NOTIFY_EVERY_S: Final = 5.0
"""Seconds between two runs of the jobs that write and send messages. Changes written by any
process wake these jobs immediately, and the process that looks for deadlines looks for the work of
these jobs too. The interval is for a process that does not."""


def delivery_job(channel: Channel) -> str:
    return f"deliver_{channel}"


class Notifications:
    """The jobs that turn outbox events into messages and send them."""

    def __init__(
        self,
        dispatcher: OutboxDispatcher,
        workers: Mapping[Channel, DeliveryWorker],
        webhooks: WebhookWorker,
        unused: Sequence[DeliveryQueue],
        load_shedder: LoadShedder,
        clock: Clock,
    ) -> None:
        """``workers``: the delivery workers of the channels that are set up. ``unused``: the
        delivery queues of all other channels."""
        self.dispatcher, self.workers, self.webhooks = dispatcher, workers, webhooks
        self._unused = unused
        self._load_shedder, self._clock = load_shedder, clock

    async def close(self) -> None:
        """Stops sending messages; returns once the deliveries in progress are done."""
        channels = [worker.close() for worker in self.workers.values()]
        await asyncio.gather(*channels, self.webhooks.close())

    async def expire_unused(self, now: datetime) -> int:
        """Expires old queued messages of channels no longer set up. Returns their number."""
        real_now = self._clock.real_now()
        return sum([await queue.expire(now, real_now, LATE) for queue in self._unused])

    def wait_for_the_rush(self) -> bool:
        """True if messages should wait because bookings saturate this worker. Once the
        saturation has lasted ``_RUSH_S``, it counts as the usual load, and messages do not wait."""
        door = self._load_shedder.door
        return door.is_saturated and door.saturated_s < _RUSH_S


class Refresh:
    """The job that updates a worker's memory: reference data, state of Redis, paused channels."""

    def __init__(
        self,
        reference: ReferenceData,
        redis_health: RedisHealth,
        channels: Channels,
        metrics: Metrics,
    ) -> None:
        self._reference, self._redis_health = reference, redis_health
        self._channels, self._metrics = channels, metrics

    async def run(self, _: datetime) -> int:
        """Reads reference data, the state of Redis and the channels' pauses anew. Returns 0: the
        job never needs an immediate second run."""
        await self._redis_health.look()
        await self._reference.refresh()
        paused: set[Channel] = set()
        for channel, pauses in self._channels.pauses.items():
            pause = await pauses.current()
            if pause is not None:
                paused.add(channel)
            for reason in PauseReason:
                lasts = pause is not None and pause.reason is reason
                self._metrics.channel_paused.labels(channel.value, reason.value).set(int(lasts))
        self._channels.routing.paused = paused
        return 0


def deadline_jobs(app: web.Application, pending: PendingWork) -> JobGroup:
    """The jobs that act on reservations at their deadlines, in the order in which they run, and the
    one that tells the applicants of seasons."""
    deadlines, extension = app[DEADLINE_JOBS], app[DEADLINE_EXTENSION]
    waitlist = app[WAITLIST_JOBS]

    async def expire_offers(now: datetime) -> int:
        return await waitlist.expire_offers(await extension.alive_until(now))

    async def end_parties(now: datetime) -> int:
        return await app[service_key(PartyService)].end_due(await extension.alive_until(now))

    of_deadlines = {
        "no_show": deadlines.no_show,
        "expire_offers": expire_offers,
        "end_parties": end_parties,
        "rooms": app[ROOM_JOBS].run,
        "fail_presence_checks": app[PRESENCE_CHECK_JOB].run,
        "expire_leaves": deadlines.expire_leaves,
        "complete": deadlines.complete,
        "carry_over": deadlines.carry_over,
    }
    return JobGroup(
        "deadlines",
        (
            Job("heartbeat", extension.record_heartbeat),
            Job("gates", app[GATE_PRESENCE_JOB].run, needs=Work.GATES),
            *(Job(name, run, needs=Work.DEADLINES) for name, run in of_deadlines.items()),
            Job("offer_free_seats", waitlist.offer_free_seats, needs=Work.WAITLIST),
            Job("send_reminders", deadlines.send_reminders, needs=Work.DEADLINES),
            Job("season_news", app[service_key(SeasonNewsJob)].run, needs=Work.SEASON_NEWS),
        ),
        every_s=2,
        look_for_work=pending.kinds,
    )


def _season_jobs(app: web.Application) -> list[JobGroup]:
    """The jobs for the holders of seasons: their days, and whether they use them."""
    return [
        JobGroup("season_days", (Job("season_days", app[SEASON_DAYS].run),), every_s=60),
        JobGroup("season_use", (Job("season_use", app[SEASON_USE].run),), every_s=600),
    ]


def _notifying(notifications: Notifications) -> list[JobGroup]:
    return [
        JobGroup(
            "dispatch_outbox",
            (Job("dispatch_outbox", notifications.dispatcher.dispatch, BATCH, Work.EVENTS),),
            every_s=NOTIFY_EVERY_S,
            messaging=Messaging.WRITES,
            put_off=notifications.wait_for_the_rush,
        ),
        # In separate groups: a channel that hangs must not keep the others waiting.
        *(
            JobGroup(
                name := delivery_job(channel),
                (Job(name, worker.run, needs=Work.DELIVERIES),),
                every_s=NOTIFY_EVERY_S,
                messaging=Messaging.SENDS,
            )
            for channel, worker in notifications.workers.items()
        ),
        JobGroup(
            "deliver_webhooks",
            # Runs again after any delivery, since its lane may have more that is due.
            (Job("deliver_webhooks", notifications.webhooks.run, 1, Work.WEBHOOKS),),
            every_s=NOTIFY_EVERY_S,
            messaging=Messaging.SENDS,
        ),
        JobGroup("expire_unused", (Job("expire_unused", notifications.expire_unused),), every_s=60),
    ]


def _staff_alerts(app: web.Application) -> list[JobGroup]:
    if Channel.EMAIL not in app[SITE].channels:
        return []
    return [
        JobGroup(
            "staff_alerts", (Job("staff_alerts", app[service_key(StaffAlerts)].run),), every_s=60
        )
    ]


def _checking(texts: TextChecker | None) -> list[JobGroup]:
    """The job that checks readers' texts; none without a mini-program. The job has its own group
    because WeChat may be slow."""
    if texts is None:
        return []
    return [
        JobGroup("check_texts", (Job("check_texts", texts.run, AT_ONCE, Work.TEXTS),), every_s=5)
    ]


def schedule(
    app: web.Application,
    resources: Resources,
    retention: Retention,
    notifications: Notifications,
    refresh: Refresh,
    texts: TextChecker | None,
) -> list[JobGroup]:
    """The groups of all jobs of a worker. ``texts``: None without a mini-program."""
    wall, db = resources.clock.real_now, resources.db

    async def prune(now: datetime) -> int:
        return await retention.prune(now, wall())

    async def migrate_on(_: datetime) -> int:
        return await migrate(db)

    return [
        # In a separate group: a sign-on that hangs must not keep deadlines waiting.
        JobGroup(
            "score_kiosk_scans",
            (Job("score_kiosk_scans", app[service_key(CodeSharingService)].score_scans),),
            every_s=30,
        ),
        JobGroup("outages", (Job("outages", app[service_key(OutageMonitor)].run),), every_s=10),
        deadline_jobs(app, PendingWork(db)),
        # On each worker: readers are served while any of them beats.
        JobGroup("beat", (Job("beat", app[DEADLINE_EXTENSION].beat),), every_s=2, leased=False),
        *_notifying(notifications),
        *_season_jobs(app),
        *_staff_alerts(app),
        *_checking(texts),
        JobGroup("prune", (Job("prune", prune),), every_s=600),
        JobGroup(
            "commit_draws",
            (Job("commit_draws", app[service_key(DrawPublication)].commit_ahead),),
            every_s=600,
        ),
        JobGroup(
            "aggregate_statistics",
            (
                Job(
                    "aggregate_statistics",
                    app[service_key(StatisticsService)].aggregate_next_day,
                    batch_size=1,
                ),
            ),
            every_s=600,
        ),
        JobGroup(
            "forecast",
            (Job("forecast", app[service_key(FullnessForecast)].refresh),),
            every_s=60,
            leased=False,
            judges=False,
        ),
        # Runs again at once while there is work, and seldom afterwards.
        JobGroup("migrate", (Job("migrate", migrate_on, batch_size=1),), every_s=60),
        JobGroup("refresh", (Job("refresh", refresh.run),), every_s=5, leased=False, judges=False),
    ]
