from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from aiohttp import web

from bind.account_binding import AccountBindingService
from bind.session_service import SessionService
from handlers.api_routes import Served
from handlers.display.board import HALL_BOARDS, HallBoards
from handlers.display.door import DOOR_BOARDS, DoorBoards
from handlers.display.occupancy import PUBLIC_OCCUPANCY, PublicOccupancy
from handlers.http.health import health_routes
from handlers.http.keys import (
    CLOCK,
    ERROR_PAGE,
    LOAD_SHEDDER,
    METRICS,
    RATE_LIMITER,
    REFERENCE,
    SECURITY_LOG,
    SESSIONS,
    SITE,
    service_key,
)
from handlers.http.load_shedding import LoadShedder
from handlers.http.metrics import Metrics
from handlers.http.middleware import enveloped, harden
from handlers.http.pages import error_page
from handlers.http.request_body import MAX_BODY_BYTES
from handlers.http.routing import everything_else
from handlers.http.security_log import SecurityLog
from handlers.http.wording import RunningLine
from handlers.routes import all_routes
from handlers.seat_map.cache import SEAT_MAP_CACHE, SeatMapCache
from handlers.seat_map.event_stream import EVENT_STREAMS, EventStreamHub
from handlers.seat_map.expected import BOOKED_SEATS, BookedSeats
from miniapp_server.channels import open_channels, wire_mail, wire_webhooks
from miniapp_server.clock import Clock, ClockCheck
from miniapp_server.identity_wiring import wire_identity
from miniapp_server.job_wiring import wire_jobs
from miniapp_server.keys import (
    CLOCK_CHECK,
    RESOURCES,
    REVOCATIONS,
    SCHEDULER,
    SHUTDOWN,
    ZONE_CHECK,
)
from miniapp_server.packaged_proof import proof_standing
from miniapp_server.resources import ALONE, MongoAccess, Resources, open_resources
from miniapp_server.scheduler import end
from miniapp_server.settings import Settings
from miniapp_server.site import default_profile, site_of
from miniapp_server.staff_wiring import wire_staff
from miniapp_server.wechat_wiring import open_conversations, wire_wechat
from miniapp_server.wiring import (
    OCCUPANCY,
    OPENING_DRAW,
    wire_models,
    wire_reference,
)
from miniapp_server.zone_check import ZoneCheck
from models.backup.service import BackupWatch
from models.forecast.service import FullnessForecast
from models.kernel.request_id import DATABASE
from models.notices.service import NoticeService
from models.opening_draw.service import OpeningDraw
from models.profile.zone_rules_repository import ZoneRulesRepository
from models.proof.entities import ProofStanding
from models.rooms.service import RoomService
from models.seat_map.service import SeatMapService
from models.storage.mongo import server_time
from models.storage.rate_limiter import RateLimiter
from models.storage.session_revocations import SessionRevocations
from notify.conversations import Conversations
from notify.in_app import InAppNotifier
from notify.room_reminders import RoomReminders
from notify.routing import ChannelRouting
from notify.season_news import SeasonNewsJob

log = logging.getLogger(__name__)

_BEGIN_ANEW_S: Final = 1.0
_FINISH_S: Final = 2.0
"""Seconds allowed at shutdown to finish changes whose clients already have their response."""

Plug = Callable[[web.Application], Awaitable[None]]
"""A function that extends the wired service with routes, tasks or services, as the sandbox does."""


@dataclass(frozen=True, slots=True)
class WorkerIdentity:
    """The identity of a worker, one of several processes that share the port. ``owner``: its
    name in the leases of jobs. ``metrics_folder``: where all workers store counts for /metrics.
    ``school``: the application's name among those of its process; empty if it is the only one."""

    owner: str
    metrics_folder: Path
    school: str = ""


@asynccontextmanager
async def open_application(
    settings: Settings,
    clock: Clock,
    worker: WorkerIdentity | None = None,
    mongo: MongoAccess = ALONE,
) -> AsyncIterator[web.Application]:
    """Opens the application: all services are wired and the reference data is loaded, but HTTP
    is not served and no job runs. Log lines of the calling task name the database from then on.
    Raises: DatabaseRefused, MongoUnusable."""
    DATABASE.set(settings.database)
    async with open_resources(settings, clock, mongo) as resources:
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.on_response_prepare.append(harden)
        _wire(app, resources, worker)
        try:
            await app[CLOCK_CHECK].measure()
            await app[REFERENCE].refresh()
            await app[ZONE_CHECK].measure()
            yield app
        finally:
            await app[SHUTDOWN]()


def _wire(app: web.Application, resources: Resources, worker: WorkerIdentity | None) -> None:
    settings, clock = resources.settings, resources.clock
    app[RESOURCES], app[CLOCK] = resources, clock
    app[METRICS] = Metrics(worker.metrics_folder, worker.school) if worker else Metrics()
    app[SECURITY_LOG] = SecurityLog(settings.sealer)
    offset, took = app[METRICS].clock_offset.set, app[METRICS].load.mongodb.observe
    app[CLOCK_CHECK] = ClockCheck(clock, partial(server_time, resources.db), offset, took)
    app[service_key(ProofStanding)] = proof_standing()
    app[SITE] = site_of(settings)
    app[service_key(RunningLine)] = RunningLine()
    app[LOAD_SHEDDER] = LoadShedder(settings.throttle_scale)
    app[RATE_LIMITER] = RateLimiter(resources.redis, resources.redis_names, settings.throttle_scale)
    app[ERROR_PAGE] = error_page
    _wire_sessions(app, resources)

    wire_reference(app, resources.repositories, default_profile(settings))
    app[ZONE_CHECK] = ZoneCheck(clock, app[REFERENCE], ZoneRulesRepository(resources.db))
    r = resources.repositories
    app[OPENING_DRAW] = OpeningDraw(
        r.opening_tickets, r.opening_draws, clock.now, asyncio.sleep, lambda: app[REFERENCE].zone
    )
    wire_models(
        app,
        resources.db,
        resources.repositories,
        on_reader_changed=app[SESSIONS].reader_changed,
        cas_answers=resources.sign_ons.answers,
        misses_offers=lambda id, now: app[service_key(ChannelRouting)].misses_offers(id, now),
        wall_clock=settings.wall_clock,
        long_term=settings.wechat.long_term,
    )
    channels = open_channels(app, resources)
    app[service_key(Conversations)] = open_conversations(resources)
    wire_identity(app, resources, wire_mail(app, resources, channels))
    app[service_key(RoomReminders)] = RoomReminders(channels.publisher, app[REFERENCE])
    app[service_key(SeasonNewsJob)] = SeasonNewsJob(r.seasons, channels.publisher, app[REFERENCE])
    wire_staff(
        app,
        resources.repositories,
        channels.pauses,
        InAppNotifier(channels.publisher, app[service_key(Conversations)], app[REFERENCE]),
        app[service_key(AccountBindingService)],
        app[SESSIONS].reader_changed,
        settings.staff,
    )
    app[service_key(BackupWatch)] = BackupWatch(resources.repositories.backups, settings.mode)
    wire_webhooks(app, resources)
    wire_wechat(app, resources)
    cache = app[SEAT_MAP_CACHE] = SeatMapCache(app[service_key(SeatMapService)])
    app[BOOKED_SEATS] = BookedSeats(app[REFERENCE])
    app[HALL_BOARDS] = HallBoards(
        app[REFERENCE],
        cache,
        app[service_key(SeatMapService)],
        app[service_key(NoticeService)],
        app[service_key(FullnessForecast)],
    )
    app[DOOR_BOARDS] = DoorBoards(app[REFERENCE], app[service_key(RoomService)])
    app[PUBLIC_OCCUPANCY] = PublicOccupancy(app[REFERENCE], cache, app[service_key(SeatMapService)])
    opened = app[METRICS].event_streams.set
    streams = app[EVENT_STREAMS] = EventStreamHub(
        app[service_key(SeatMapService)],
        app[service_key(RoomService)],
        cache,
        clock.now,
        opened,
    )
    app[SESSIONS].on_ended(streams.end_of)
    wire_jobs(app, resources, channels, worker.owner if worker else "")


def _wire_sessions(app: web.Application, resources: Resources) -> None:
    revocations = app[REVOCATIONS] = SessionRevocations(
        resources.redis, resources.redis_names.ended_sessions
    )
    app[SESSIONS] = SessionService(
        resources.repositories.sessions,
        resources.repositories.api_tokens,
        resources.settings.sealer,
        revocations.publish,
    )


@asynccontextmanager
async def create_app(
    settings: Settings,
    clock: Clock | None = None,
    *,
    jobs: bool = True,
    worker: WorkerIdentity | None = None,
    plug: Plug | None = None,
    mongo: MongoAccess = ALONE,
) -> AsyncIterator[web.Application]:
    """Opens the whole service: HTTP routes, databases and jobs. ``jobs=False`` is for tests.
    ``worker``: this process's identity if several share the port. ``plug`` extends the service.
    ``mongo``: how it reaches MongoDB, perhaps together with other applications."""
    async with open_application(settings, clock or Clock(), worker, mongo) as app:
        if plug is not None:
            await plug(app)
        served = Served(settings.channels)
        app.add_routes(enveloped(app, [*all_routes(served), *health_routes(), everything_else()]))
        app.cleanup_ctx.append(_background_tasks)
        app.on_shutdown.append(_end_event_streams)
        app.on_cleanup.append(_end_security_log)
        if jobs:
            app.cleanup_ctx.append(_scheduler)
        yield app


async def _end_event_streams(app: web.Application) -> None:
    app[EVENT_STREAMS].close()


async def _end_security_log(app: web.Application) -> None:
    app[SECURITY_LOG].end_minute()


async def _background_tasks(app: web.Application) -> AsyncIterator[None]:
    running: dict[str, Callable[[], Awaitable[None]]] = {
        "load shedding": app[LOAD_SHEDDER].run,
        "occupancy": app[OCCUPANCY].follow_changes,
        "clock": app[CLOCK_CHECK].run,
        "time zone": app[ZONE_CHECK].run,
        "event streams": app[EVENT_STREAMS].run,
        "revocations": partial(app[REVOCATIONS].subscribe, app[SESSIONS].invalidate),
    }
    tasks = [asyncio.create_task(restart_on_failure(name, run)) for name, run in running.items()]
    yield
    await app[LOAD_SHEDDER].changes.finish(_FINISH_S)
    await end(tasks)


async def restart_on_failure(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Runs a background task on which every request depends; logs failures and restarts it."""
    while True:
        try:
            await run()
        except Exception:
            log.exception("task_failed", extra={"task": name})
        await asyncio.sleep(_BEGIN_ANEW_S)


async def _scheduler(app: web.Application) -> AsyncIterator[None]:
    app[SCHEDULER].start()
    yield
    await app[SCHEDULER].stop()
