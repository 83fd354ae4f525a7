"""The composition root: where real parts are chosen and tied together."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Final

from aiohttp import web

from bind.activation import BindingDesk
from bind.cas import AttributeNames, CasClient
from bind.entrances import CasEntrance, Entrance, TicketEntrance, WeComEntrance
from bind.presence import KioskCodes
from bind.sessions import SessionDesk, SignIns
from handlers.admission import Admission
from handlers.api.events import Streams
from handlers.api.openapi import docs_routes
from handlers.api.plans import Plans
from handlers.api.routes import WECHAT_ONLY as API_WECHAT_ONLY
from handlers.api.routes import api_routes
from handlers.health import health_routes
from handlers.middleware import envelope_middleware
from handlers.request_body import MAX_BODY_BYTES
from handlers.services import SERVICES, Metrics, Services
from handlers.web.login import ENTRY_PATH, SERVICE_PATH
from handlers.web.pages import error_page
from handlers.web.routes import WECHAT_ONLY as WEB_WECHAT_ONLY
from handlers.web.routes import web_routes
from handlers.wechat import PATHS as CALLBACKS
from handlers.wechat import wechat_routes
from miniapp_server.clock import Clock, ClockCheck
from miniapp_server.jobs import Job, JobRunner, Loop, end
from miniapp_server.settings import Settings
from models.booking import due, relays
from models.booking.desk import Desk
from models.booking.erasure import erase
from models.booking.gates import Doorstep
from models.booking.outages import Watch
from models.booking.tally import count_days
from models.errors import Busy, Suspended, Upstream
from models.gate import CLOCK_OFF
from models.pause import PauseReason
from models.store.activation_codes import ActivationCodes
from models.store.audit import Audit
from models.store.backup import last_backup
from models.store.client import Database, open_database, ping, server_time
from models.store.credits import Credits
from models.store.entry_codes import EntryCodeStore
from models.store.feedback import Feedbacks
from models.store.identity import Bindings, Readers, Sessions
from models.store.indexes import ensure_indexes
from models.store.installation import admit
from models.store.leases import Leases
from models.store.messages import Messages
from models.store.migrations import migrate, steps
from models.store.pacing import Pacing, Redis, Revocations, open_redis
from models.store.pauses import Pauses
from models.store.pushes import Pushes
from models.store.reaching import require_mongo
from models.store.redis_health import RedisHealth
from models.store.shared_tokens import SharedTokens
from models.store.throttles import Throttles
from models.timerange import local_date
from notify.breaker import Breaker
from notify.channel import LATE, Channel
from notify.deliver import Sender
from notify.entry_codes import EntryCodes
from notify.relay import BATCH, relay
from notify.wechat.gateway import WeChatGateway
from notify.wechat.official import OfficialAccount
from notify.wechat.push import PushAccount

log = logging.getLogger(__name__)

TROUBLES: Final = (
    *("mongodb", "redis", "wechat", "clock", "jobs", "board", "kiosks", "cas", "gates", "library"),
)
"""Kinds of what ``Parts.health`` may say. Each is told anew at every scrape, by whichever worker
answers it, so that none stays when it is over."""

_KEEP_MESSAGES: Final = timedelta(days=180)
_BEGIN_ANEW_S: Final = 1.0
_FINISH_S: Final = 2.0
"""Changes whose clients have their answer already."""
_RUSH_S: Final = 10.0
_LOOK_S: Final = 2.0
"""So long MongoDB may take to say how things are: load balancers and Prometheus wait for it."""
_PRUNE_AT_ONCE: Final = 5000
_KEEP_VISITORS: Final = timedelta(days=90)
_FORGET_AT_ONCE: Final = 20
_KEEP_PASSAGES: Final = timedelta(days=180)
_KEEP_CODES: Final = timedelta(days=1)
_KEEP_TOMBSTONES: Final = timedelta(days=1)
_KEEP_PAUSES: Final = timedelta(days=7)
_KEEP_TICKETS: Final = timedelta(minutes=10)
"""A ticket that has not signed in by then never will: CAS lets them live for seconds, at most for
five minutes."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One of several processes that serve together: its name in the leases of jobs, and where all
    of them count what /metrics shows."""

    owner: str
    metrics_folder: Path


class Parts:
    """Everything that is opened, before HTTP is put in front of it."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        db: Database,
        redis_client: Redis,
        gateway: WeChatGateway,
        cas: CasClient,
        entrance: Entrance,
        worker: Worker | None = None,
        official: OfficialAccount | None = None,
    ) -> None:
        sealer = settings.sealer
        self.settings, self.clock, self.db, self.redis = settings, clock, db, redis_client
        self.gateway, self.cas, self.entrance = gateway, cas, entrance
        self.official, self.pushes = official, Pushes(db)
        self.push_accounts = _push_accounts(settings)
        self.metrics = Metrics(worker.metrics_folder if worker else None)
        self.clock_check = ClockCheck(
            clock, partial(server_time, db), self.metrics.clock_offset.set
        )
        self.desk = Desk(db, sealer)
        self.messages, self.feedbacks, self.audit = Messages(db), Feedbacks(db), Audit(db)
        self.credits = Credits(db)
        self.throttles = Throttles(db, settings.throttle_scale)
        self.admission = Admission(settings.throttle_scale)
        self._calm_at = monotonic()
        self.plans = Plans()
        self.streams = Streams(self.desk, self.plans, clock.now, self.metrics.event_streams.set)
        self.leases = Leases(db)
        self.readers, self.bindings = Readers(db, sealer), Bindings(db, sealer)
        self.stored_sessions, self.codes = Sessions(db, sealer), ActivationCodes(db, sealer)
        self.revocations = Revocations(redis_client)
        self.redis_health = RedisHealth(redis_client, settings.redis_url)
        self.sessions = SessionDesk(self.stored_sessions, sealer, self.revocations.tell)
        self.desk.reader_changed = self.sessions.reader_changed
        self.pauses = Pauses(db, settings.wechat.account)
        self.channel = Channel(
            gateway=gateway,
            templates=settings.wechat.templates,
            state=settings.wechat.state,
            openids_of=self.bindings.openids_of,
            real_now=clock.real_now,
            breaker=Breaker(self.pauses, clock.real_now),
            reservations_of=self.desk.reservations.many,
            counted=lambda outcome, times: self.metrics.deliveries.labels(outcome).inc(times),
        )
        self.entry_codes = EntryCodes(
            EntryCodeStore(db),
            lambda scene: gateway.entry_code(scene, settings.wechat.state),
            clock.real_now,
        )
        self.sender = Sender(self.messages, self.credits, self.channel)
        owner = worker.owner if worker else ""
        self.runner = JobRunner(self._loops(), self.leases, clock, self.metrics, owner)

    def _loops(self) -> list[Loop]:
        desk = self.desk
        doorstep = Doorstep(desk)
        self.watch = Watch(desk, self.cas.answers)
        deadlines: dict[str, Callable[[Desk, datetime], Awaitable[int]]] = {
            "keep_time": due.keep_time,
            "gates": lambda _, now: doorstep.look(now),
            "no_show": due.no_show,
            "lapse": due.lapse,
            "unproven": due.unproven,
            "time_out": due.time_out,
            "complete": due.complete,
            "carry_over": due.carry_over,
            "offer": lambda _, now: desk.line.offer(now),
            "remind": due.remind,
        }
        return [
            # By itself: a sign-on that hangs must not keep deadlines waiting.
            Loop("watch", (Job("relay_watch", partial(relays.watch, desk)),), every_s=30),
            Loop("outages", (Job("outages", self.watch.look),), every_s=5),
            Loop(
                "deadlines",
                tuple(Job(name, partial(verb, desk)) for name, verb in deadlines.items()),
                every_s=2,
            ),
            # Of each worker: as long as one of them beats, readers are served.
            Loop("heartbeat", (Job("beat", partial(due.beat, desk)),), every_s=1, leased=False),
            Loop("relay", (Job("relay", self._relay, BATCH),), every_s=1),
            Loop("deliver", (Job("deliver", self._deliver),), every_s=1),
            Loop("prune", (Job("prune", self._prune),), every_s=600),
            Loop("tally", (Job("tally", self._tally, full=1),), every_s=600),
            # It goes on at once while there is something to do, and asks seldom afterwards.
            Loop(
                "migrate",
                (Job("migrate", lambda _: migrate(self.db, steps(self.settings.sealer)), full=1),),
                every_s=60,
            ),
            Loop(
                "refresh", (Job("refresh", self._refresh),), every_s=5, leased=False, judges=False
            ),
        ]

    async def _relay(self, _: datetime) -> int:
        if self._telling_waits():
            return 0
        return await relay(
            self.desk,
            self.messages,
            self.credits if self.settings.wechat.used else None,
            self.channel.counted,
        )

    async def _deliver(self, now: datetime) -> int:
        if self.settings.wechat.used:
            return await self.sender.run(now)
        # What was queued before WeChat was given up comes to its end in time.
        return await self.messages.expire(now, self.clock.real_now(), LATE)

    def _telling_waits(self) -> bool:
        """In a rush bookings go first: who has got a seat sees it, and hears of it a moment later.
        Not for long: a rush that lasts is the usual load."""
        now = monotonic()
        if not self.admission.door.pressing:
            self._calm_at = now
        return now - self._calm_at < _RUSH_S and self.admission.door.pressing

    async def _tally(self, now: datetime) -> int:
        return await count_days(self.desk, now, not self.settings.sandbox)

    async def _refresh(self, _: datetime) -> int:
        await self.redis_health.look()
        await self.desk.refresh()
        pause = await self.pauses.current()
        for reason in PauseReason:
            lasts = pause is not None and pause.reason is reason
            self.metrics.wechat_paused.labels(reason.value).set(int(lasts))
        return 0

    async def _prune(self, now: datetime) -> int:
        """Delete what has no use any more. Claims of past days leave the index."""
        claims = await due.prune_claims(self.desk, now)
        await self.desk.reservations.drop_tombstones(self.clock.real_now() - _KEEP_TOMBSTONES)
        await self.stored_sessions.prune(now, now - _KEEP_TICKETS)
        await self.codes.prune(now - _KEEP_CODES)
        await self.throttles.prune(now)
        await self.pushes.prune(now - _KEEP_CODES)
        await self.pauses.prune(now - _KEEP_PAUSES)
        await self.messages.prune(self.clock.real_now() - _KEEP_MESSAGES, _PRUNE_AT_ONCE)
        await self.desk.passages.prune(now - _KEEP_PASSAGES)
        await self.desk.scans.prune(now - _KEEP_PASSAGES)
        await self._forget_visitors(now)
        return claims

    async def _forget_visitors(self, now: datetime) -> None:
        """Who was here for some days, and has nothing open, is forgotten some time afterwards."""
        gone = local_date(now - _KEEP_VISITORS)
        for reader in await self.readers.visitors_until(gone, now, _FORGET_AT_ONCE):
            with suppress(Suspended, Busy):  # another time
                await erase(self.desk, self.db, reader, now)

    async def health(self) -> tuple[bool, dict[str, str]]:
        """(ready, what is wrong): MongoDB is a must, the rest degrades."""
        if self.admission.leaving:
            return False, {"service": "ends"}
        try:
            async with asyncio.timeout(_LOOK_S):
                stored = await self._stored_troubles()
        except (Upstream, TimeoutError):
            return False, {"mongodb": "unreachable"}
        troubles: dict[str, str] = {}
        if cause := await self.redis_health.look():
            troubles["redis"] = cause
        if self.clock_check.trouble:
            troubles["clock"] = self.clock_check.trouble
        troubles |= {f"jobs.{name}": "hanging" for name in self.runner.hanging()}
        if self.desk.board.stale:
            troubles["board"] = "stale"
        if not self.desk.library.areas:
            troubles["library"] = "empty"
        return True, troubles | stored

    async def _stored_troubles(self) -> dict[str, str]:
        """Those that MongoDB knows. Raises: Upstream when it does not answer."""
        await ping(self.db)
        troubles: dict[str, str] = {}
        for outage in await self.desk.outages.all():
            if outage.end is None and outage.counts(self.clock.now()):
                troubles[f"outages.{outage.what}"] = f"since {outage.start.isoformat()}"
        pause = await self.pauses.current()
        if pause is not None and pause.alarmed:
            code = f" ({pause.code})" if pause.code is not None else ""
            troubles["wechat"] = (
                f"{pause.reason}{code} since {pause.since.isoformat()}, "
                f"next try {pause.until.isoformat()}"
            )
        for gate in await self.desk.gates.all():
            if abs(gate.clock_off) > CLOCK_OFF:
                off = round(gate.clock_off.total_seconds())
                troubles[f"gates.{gate.id}"] = f"clock off by {off} s"
        return troubles

    async def measure(self) -> None:
        """Put what /readyz says, and the age of the last backup, into the metrics. Without MongoDB
        the last known backup stays, and the rest is told all the same."""
        ready, troubles = await self.health()
        # "outages.kiosks:main" and "jobs.relay" are of the kinds kiosks and jobs.
        found = Counter(
            name.removeprefix("outages.").split(".")[0].split(":")[0] for name in troubles
        )
        for kind in TROUBLES:
            self.metrics.troubles.labels(kind).set(found[kind])
        if ready:
            with suppress(Upstream, TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    last = await last_backup(self.db)
                self.metrics.last_backup.set(last.timestamp() if last else 0)

    def services(self) -> Services:
        settings = self.settings
        return Services(
            desk=self.desk,
            sessions=self.sessions,
            bindings=BindingDesk(
                self.codes,
                self.bindings,
                self.readers,
                self.stored_sessions,
                self.sessions,
                self.throttles,
                self.credits,
            ),
            kiosks=KioskCodes(
                self.desk.catalogue, self.throttles, settings.sealer, settings.public_base_url
            ),
            messages=self.messages,
            pauses=self.pauses,
            feedbacks=self.feedbacks,
            audit=self.audit,
            credits=self.credits,
            throttles=self.throttles,
            pacing=Pacing(self.redis, settings.throttle_scale),
            admission=self.admission,
            plans=self.plans,
            streams=self.streams,
            entry_codes=self.entry_codes,
            cas=self.cas,
            entrance=self.entrance,
            watch=self.watch,
            bound=self.bindings,
            pushes=self.pushes,
            push_accounts=self.push_accounts,
            templates=settings.wechat.templates,
            unionid_of=self.official.unionid_of if self.official else _nobody_known,
            mini_appid=settings.wechat.appid,
            verification=settings.verification,
            sign_ins=SignIns(self.gateway.exchange_code),
            now=self.clock.now,
            clock=self.clock,
            nudge=self.runner.nudge,
            health=self.health,
            measure=self.measure,
            title=settings.title,
            contact=settings.contact,
            staff=settings.staff,
            public_base_url=settings.public_base_url,
            secure_cookies=settings.secure_cookies,
            trusted_proxies=settings.trusted_proxies,
            monitors=settings.monitors,
            sandbox=settings.sandbox,
            lan=bool(settings.lan),
            wechat=settings.wechat.used,
            error_page=error_page,
            metrics=self.metrics,
        )


def _push_accounts(settings: Settings) -> dict[str, PushAccount]:
    """By the names in the addresses that WeChat calls."""
    appids = {"mini": settings.wechat.appid}
    if settings.official is not None:
        appids["mp"] = settings.official.appid
    return {
        name: PushAccount(appids[name], push.token, push.aes_key)
        for name, push in settings.pushes.items()
        if name in appids
    }


async def _nobody_known(_: str) -> None:
    return None


_WECHAT_ONLY: Final = API_WECHAT_ONLY | WEB_WECHAT_ONLY | frozenset(CALLBACKS.values())

PARTS: Final = web.AppKey("parts", Parts)


@asynccontextmanager
async def open_parts(
    settings: Settings, clock: Clock, worker: Worker | None = None
) -> AsyncIterator[Parts]:
    """Open databases and clients; the indexes exist and the library is loaded afterwards.

    Raises: DatabaseRefused when the database is not for this service, and nothing is written then;
        MongoUnusable.
    """
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        db = await enter(
            open_database(settings.mongo_url, settings.database, settings.mongo_driver)
        )
        await require_mongo(db, settings.mongo_url)
        await admit(db, settings.sandbox, settings.sealer)
        redis_client = await enter(open_redis(settings.redis_url))
        gateway = await enter(
            WeChatGateway(
                base_url=settings.wechat.base_url,
                appid=settings.wechat.appid,
                secret=settings.wechat.secret,
                shared_tokens=SharedTokens(redis_client),
            )
        )
        cas = await enter(
            CasClient(
                settings.cas.base_url,
                settings.public_base_url + SERVICE_PATH,
                names=AttributeNames(
                    name=settings.cas.name_attribute, kind=settings.cas.kind_attribute
                ),
            )
        )
        entrance = await _entrance(settings, cas, enter)
        official = None
        if settings.official is not None:
            official = await enter(
                OfficialAccount(
                    base_url=settings.wechat.base_url,
                    appid=settings.official.appid,
                    secret=settings.official.secret,
                    shared_tokens=SharedTokens(redis_client),
                )
            )
        parts = Parts(settings, clock, db, redis_client, gateway, cas, entrance, worker, official)
        stack.push_async_callback(parts.sender.close)
        await parts.clock_check.measure()
        await ensure_indexes(db)
        await parts.desk.refresh()
        yield parts


async def _entrance(
    settings: Settings, cas: CasClient, enter: Callable[..., Awaitable[Any]]
) -> Entrance:
    entry = settings.entry
    if entry.kind == "cas":
        return CasEntrance(cas)
    opened: Entrance = await enter(
        TicketEntrance(entry.url, entry.secret)
        if entry.kind == "ticket"
        else WeComEntrance(
            entry.corp_id,
            entry.agent_id,
            entry.secret,
            settings.public_base_url + ENTRY_PATH,
            api_url=entry.api_url,
            authorize_url=entry.authorize_url,
        )
    )
    return opened


@asynccontextmanager
async def create_app(
    settings: Settings,
    clock: Clock | None = None,
    *,
    jobs: bool = True,
    worker: Worker | None = None,
) -> AsyncIterator[web.Application]:
    """The whole service as an application, with its databases open and its jobs running.

    ``jobs=False`` leaves the loops still (tests run the jobs themselves). ``worker`` says which of
    several processes this one is.
    """
    async with open_parts(settings, clock or Clock(), worker) as parts:
        app = web.Application(middlewares=[envelope_middleware], client_max_size=MAX_BODY_BYTES)
        app[SERVICES] = parts.services()
        app[PARTS] = parts
        routes = api_routes()
        if settings.sandbox:
            from miniapp_server.sandbox.sandbox import mount_sandbox

            await mount_sandbox(app, parts)
        wechat = settings.wechat.used
        routes += [*docs_routes(wechat), *health_routes(), *wechat_routes(), *web_routes()]
        app.add_routes(r for r in routes if wechat or r.path not in _WECHAT_ONLY)
        app.cleanup_ctx.append(partial(_listening, parts))
        app.on_shutdown.append(_no_more_streams)
        if jobs:
            app.cleanup_ctx.append(partial(_working, parts))
        yield app


async def _no_more_streams(app: web.Application) -> None:
    app[SERVICES].streams.close()


async def _listening(parts: Parts, _: web.Application) -> AsyncIterator[None]:
    running: dict[str, Callable[[], Awaitable[None]]] = {
        "admission": parts.admission.run,
        "board": parts.desk.board.follow,
        "clock": parts.clock_check.run,
        "event streams": parts.streams.run,
        "revocations": partial(parts.revocations.listen, parts.sessions.forget),
    }
    tasks = [asyncio.create_task(_for_ever(name, run)) for name, run in running.items()]
    yield
    await parts.admission.changes.finish(_FINISH_S)
    await end(tasks)


async def _for_ever(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Every request rests on these tasks: what breaks one is seen, and it begins anew."""
    while True:
        try:
            await run()
        except Exception:
            log.exception("task_failed", extra={"task": name})
        await asyncio.sleep(_BEGIN_ANEW_S)


async def _working(parts: Parts, _: web.Application) -> AsyncIterator[None]:
    parts.runner.start()
    yield
    await parts.runner.stop()
