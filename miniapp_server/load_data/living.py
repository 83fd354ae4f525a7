"""A demo library with invented readers, run by ``python -m`` (docs/load-data.md).

It first writes the bookings of the last six weeks, and those for today and tomorrow that are
already made at this time. The invented readers then book, check in, leave and finish in real time
through the service's features, until the sandbox stops them. The command ``demo`` starts this
program with the service's environment variables.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from aiohttp import web

from handlers.http.keys import REFERENCE, service_key
from miniapp_server.cli.application import application
from miniapp_server.cli.settings import load
from miniapp_server.keys import RESOURCES
from miniapp_server.load_data.generate import (
    Crowd,
    HistoryGenerator,
    LoadDataError,
    open_day,
    open_days,
)
from miniapp_server.load_data.history_repository import HistoryWriteError, HistoryWriter
from miniapp_server.load_data.reservations import revisions
from miniapp_server.load_data.visits import GeneratedVisit, OpenArea, open_areas
from miniapp_server.sandbox.state_repository import SandboxState
from miniapp_server.settings import SettingsError
from miniapp_server.wiring import OCCUPANCY
from models.booking.service import ReservationService
from models.check_in.arrival import KioskCodeScan
from models.check_in.renewal import RenewalService
from models.check_in.service import CheckInService
from models.kernel.errors import DomainError, Unavailable
from models.kernel.ids import Actor, ReaderId
from models.library.entities import Area, AreaId, KioskId
from models.readers.context import RequestContext
from models.reservations.entities import Reservation
from models.reservations.rules import TimeSelection
from models.reservations.state_machine import LIVE, ReservationState
from models.statistics.service import StatisticsService
from models.storage.connectivity import MongoUnusable
from models.storage.installation import DatabaseRefused, Mode
from models.waitlist.service import WaitlistService

BOOKINGS_A_DAY: Final = 600
DAYS: Final = 42
_READERS: Final = 1500
_WAITING: Final = 8
_POPULAR: Final = {"2f-hall": 22.0, "3f-hall": 8.0, "2f-south": 4.0}
"""Demand for the seats of an area, relative to 1. With these values one area is full at times,
one is half full, and the others have many free seats."""
_VISITS_PER_SEAT: Final = 2.6
"""A seat's daily visits at average demand (``OpenDay.factor`` 1) in a library that never fills."""
_LOOKS_EVERY_S: Final = 1.0
_DAY: Final = timedelta(days=1)
_JOBS_DO: Final = (ReservationState.NO_SHOW, ReservationState.AWAY_EXPIRED)
"""Final states that the service's own jobs set, without an action of the reader."""
_GREETING: Final = (
    f"  Invented readers make about {BOOKINGS_A_DAY} bookings a day for {DAYS} days. They leave "
    "when the clock is moved; DEMO=empty starts without them."
)
_BY_READER: Final = Actor("reader", "mini")

Step = Callable[[GeneratedVisit, str, RequestContext], Awaitable[Reservation]]


class LifeIsOver(Exception):
    """The demo was stopped: the sandbox's clock was moved, or the sandbox was reset or ended."""


def popularity(area: Area) -> float:
    """The demand for a seat of the area, relative to 1: readers like the halls and avoid stairs."""
    return _POPULAR.get(area.id, 1.0 if area.floor <= 2 else 0.5)


class LivingLibrary:
    def __init__(
        self,
        app: web.Application,
        writer: HistoryWriter,
        seed: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._app, self._writer, self._sleep = app, writer, sleep
        resources = app[RESOURCES]
        self._now, self._stored = resources.clock.now, resources.repositories
        self._state, self._sealer = SandboxState(resources.db), resources.settings.sealer
        self._reference = app[REFERENCE]
        self._crowd = Crowd(self._reference.zone, seed, _READERS, leave=False)
        self._share = 0.0

    @property
    def readers(self) -> list[ReaderId]:
        return [reader.id for reader in self._crowd.readers.current]

    async def begin(self, a_day: int = BOOKINGS_A_DAY, days: int = DAYS) -> list[GeneratedVisit]:
        """Writes the bookings of the last ``days``, and those for today and tomorrow that are
        already made at this time. Returns all visits of today and tomorrow. ``a_day``: bookings
        a day. Raises: LifeIsOver, LoadDataError, HistoryWriteError."""
        today = self._reference.zone.day(self._now())
        first, count = today - days * _DAY, a_day * days
        past = open_days(self._areas, today, first, count, _VISITS_PER_SEAT)
        self._share = count / sum(day.usual for day in past)
        self._crowd.readers.begin_day(past[0].date)
        self._crowd.around = await asyncio.to_thread(self._writer.spans_since, first)
        await self._state.begin_life(self._writer.id, self.readers)
        loop = asyncio.get_running_loop()

        def report(_: int, __: int) -> None:
            asyncio.run_coroutine_threadsafe(self._require_alive(), loop).result()

        catalog, policy = self._reference.catalog, self._reference.policy
        await asyncio.to_thread(
            HistoryGenerator(
                self._writer, self._sealer, self._reference.zone, catalog, policy
            ).write_days,
            self._crowd,
            past,
            self._areas,
            until=today,
            count=count,
            report=report,
        )
        # Days that were counted while their bookings were still arriving are counted again.
        await self._state.forget_statistics()
        statistics = self._app[service_key(StatisticsService)]
        while await statistics.aggregate_next_day(self._now()):
            await self._require_alive()
        visits = [visit for day in (today, today + _DAY) for visit in self.visits_of(day)]
        now = self._now()
        made = [(visit, self._revisions(visit, now)) for visit in visits]
        await asyncio.to_thread(
            self._writer.insert_what_is_free,
            [self._writer.as_of_now(revisions) for _, revisions in made if revisions],
        )
        await self._require_alive()
        self._app[OCCUPANCY].invalidate()  # loads the bookings just written
        await self._wait_in_line([r[-1] for _, r in made if r])
        return visits

    async def go_on(self, visits: Sequence[GeneratedVisit]) -> None:
        """Carries out ``visits`` and those of the next days in real time, until the demo stops."""
        today = self._reference.zone.day(self._now())
        try:
            async with asyncio.TaskGroup() as crowd:
                for visit in visits:
                    crowd.create_task(self.play(visit, self._now()))
                while True:
                    await self._require_alive()
                    with suppress(Unavailable):
                        await self._reference.refresh()  # reads what the console has changed
                    if self._reference.zone.day(self._now()) > today:
                        today += _DAY
                        for visit in self.visits_of(today + _DAY):
                            crowd.create_task(self.play(visit, self._now()))
                    await self._sleep(_LOOKS_EVERY_S)
        except* LifeIsOver:
            pass

    def visits_of(self, day: date) -> list[GeneratedVisit]:
        areas = self._areas(day)
        self._crowd.readers.begin_day(day)
        return self._crowd.visits(
            areas, open_day(areas, day, _VISITS_PER_SEAT).factor * self._share
        )

    async def _require_alive(self) -> None:
        """Raises: LifeIsOver if the sandbox has stopped the demo."""
        with suppress(Unavailable):  # the next check follows soon
            if not await self._state.is_alive(self._writer.id):
                raise LifeIsOver

    def _areas(self, day: date) -> list[OpenArea]:
        return [
            replace(area, popularity=popularity(self._reference.catalog.areas[area.area_id]))
            for area in open_areas(
                self._reference.zone, self._reference.catalog, self._reference.policy, day
            )
        ]

    def _revisions(self, visit: GeneratedVisit, now: datetime) -> list[Reservation]:
        """The revisions that the visit's reservation has at ``now``; none before the booking.
        Endings that the service's jobs bring about are left out."""
        area = self._reference.catalog.areas[visit.area_id]
        day = self._reference.zone.day(visit.times.start)
        policy = self._reference.policy_for(area.id, day)
        past: list[Reservation] = []
        for r in revisions(
            self._reference.zone, visit, area.venue_id, policy, self._kiosk(area.id)
        ):
            at = max(r.history[-1].at, r.outbox[-1].at)
            if at > now or (r.state not in LIVE and visit.ending in _JOBS_DO):
                break
            past.append(r)
        return past

    async def _wait_in_line(self, booked: Sequence[Reservation]) -> None:
        now = self._now()
        upcoming = [r for r in booked if r.state is ReservationState.RESERVED and r.start > now]
        for r, reader in zip(upcoming[:_WAITING], self._crowd.readers.current, strict=False):
            when = TimeSelection(
                r.date,
                self._reference.zone.local(r.start).time(),
                self._reference.zone.local(r.end).time(),
            )
            with suppress(DomainError):
                ctx = await self._context(reader.id)
                waitlist = self._app[service_key(WaitlistService)]
                await waitlist.join(ctx, r.area_id, [r.seat_id], frozenset(), when)

    async def play(self, visit: GeneratedVisit, since: datetime) -> None:
        """Carries out the visit's steps after ``since``, each on time, until a step is refused."""
        id: str = visit.id
        for moment, step in self._steps(visit):
            if moment <= since:
                continue
            await self._sleep(max(0.0, (moment - self._now()).total_seconds()))
            try:
                id = (await step(visit, id, await self._context(visit.reader_id))).id
            except DomainError:
                return

    def _steps(self, visit: GeneratedVisit) -> list[tuple[datetime, Step]]:
        times, app = visit.times, self._app
        check_in = app[service_key(CheckInService)]
        steps: list[tuple[datetime | None, Step]] = [
            (times.booked, self._books),
            (times.checked_in, lambda v, id, ctx: check_in.check_in(ctx, id, self._scan(v))),
            (times.left, lambda v, id, ctx: check_in.leave(ctx, id)),
            (times.returned, lambda v, id, ctx: check_in.check_in(ctx, id, self._scan(v))),
        ]
        if visit.ending is ReservationState.CANCELLED:
            steps.append(
                (
                    times.ended,
                    lambda v, id, ctx: app[service_key(ReservationService)].cancel(ctx, id),
                )
            )
        if (end := times.renewed_end) is not None:
            clock = self._reference.zone.local(end).time()
            steps.append(
                (
                    times.renewed,
                    lambda v, id, ctx: app[service_key(RenewalService)].renew(ctx, id, clock),
                )
            )
        if visit.ending is ReservationState.FINISHED:
            steps.append((times.ended, lambda v, id, ctx: check_in.finish(ctx, id)))
        return [(moment, step) for moment, step in steps if moment is not None]

    async def _books(self, visit: GeneratedVisit, _: str, ctx: RequestContext) -> Reservation:
        times = visit.times
        start = (
            self._reference.zone.local(times.start).time() if times.booked < times.start else None
        )
        when = TimeSelection(
            self._reference.zone.day(times.start),
            start,
            self._reference.zone.local(times.end).time(),
        )
        return await self._app[service_key(ReservationService)].create(ctx, visit.seat_id, when)

    async def _context(self, reader_id: ReaderId) -> RequestContext:
        """The context of an invented reader's request. Raises: LifeIsOver for a removed reader."""
        readers = await self._stored.readers.many({reader_id})
        if not readers:
            raise LifeIsOver
        return RequestContext(readers[reader_id], _BY_READER, self._now())

    def _scan(self, visit: GeneratedVisit) -> KioskCodeScan:
        step = int(self._now().timestamp() * 1000)  # distinct, so never used before
        return KioskCodeScan(self._kiosk(visit.area_id), step, is_current=True)

    def _kiosk(self, area_id: AreaId) -> KioskId:
        kiosks = sorted(self._reference.catalog.kiosks) or [KioskId("kiosk")]
        return kiosks[self._reference.catalog.areas[area_id].order % len(kiosks)]


async def live(env: Mapping[str, str]) -> None:
    """Runs the invented readers until the sandbox stops them. Does nothing if the clock was
    moved, or if there are bookings but no demo has run before. Raises: LoadDataError,
    HistoryWriteError, SettingsError, DatabaseRefused, MongoUnusable."""
    settings = load(env)
    if settings.mode is not Mode.SANDBOX:
        raise LoadDataError("invented readers may only be written to a sandbox (SANDBOX=1)")
    async with application(env) as app:
        state = SandboxState(app[RESOURCES].db)
        if not await state.may_live():
            return
        with closing(HistoryWriter(settings.mongo_url, settings.database)) as writer:
            today = app[REFERENCE].zone.day(app[RESOURCES].clock.now())
            library = LivingLibrary(app, writer, seed=today.toordinal())
            try:
                visits = await library.begin()
                if not await state.offset():  # the clock may have been moved meanwhile
                    print(_GREETING, flush=True)
                    await library.go_on(visits)
            except LifeIsOver:
                pass
            finally:
                with suppress(Unavailable):
                    await state.note_stopped(writer.id, library.readers)


def main() -> int:
    os.nice(10)
    try:
        asyncio.run(live(os.environ))
    except (DatabaseRefused, HistoryWriteError, LoadDataError, SettingsError) as error:
        print(f"living: {error}", file=sys.stderr)
        return 1
    except MongoUnusable as error:
        print(f"living: {error.line}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
