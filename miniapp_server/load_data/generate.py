"""Generates a history, the reservations of the days before a date, and writes it in several
processes.

This process decides which readers come and when. The other processes compute each reservation's
changes and write the documents. A seed always gives the same history, except for ids of changes and
for encrypted data.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, partial
from typing import Final

from miniapp_server.load_data.history_repository import HistoryWriter, admitted, read
from miniapp_server.load_data.readers import MOST_READERS, ReaderPool
from miniapp_server.load_data.reservations import revisions
from miniapp_server.load_data.visits import GeneratedVisit, OpenArea, VisitGenerator, open_areas
from miniapp_server.terminal import ReportProgress
from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import Catalog, CheckInWay, KioskId, SeatId
from models.messages.entities import LONGEST_THING
from models.policy.entities import Policy
from models.reservations.entities import Reservation
from models.reservations.state_machine import ReservationState
from models.storage.encryption import FieldCipher
from models.storage.mongo import Document
from models.violations.entities import ViolationCount
from models.violations.repository import document_of as violation_document
from models.violations.suspension_repository import suspension_document
from notify.outbox_messages import build_message
from notify.templates import TEMPLATE_BY_EVENT
from notify.templates.rendering import MessageContext

KEEP_MESSAGES: Final = timedelta(days=180)
"""Only this last part of the history gets messages: the service deletes older ones."""
_BATCH: Final = 1000
"""Reservations per insert, about 1.5 MB."""

# Factors of weekdays and months. Our own numbers, like the shares of the hours (visits.py).
_WEEKDAYS: Final = (1.0, 1.0, 1.0, 1.0, 0.85, 0.8, 0.9)
_MONTHS: Final = (0.9, 0.3, 1.0, 1.0, 1.05, 1.15, 0.5, 0.35, 0.95, 0.95, 1.05, 1.2)
VISITS_PER_SEAT: Final = 2.4
"""Visits of a seat on a day of average demand (``OpenDay.factor`` 1) in a full library."""


class LoadDataError(Exception):
    """No history can be generated here. The message is one line for the operator."""


Areas = Callable[[date], Sequence[OpenArea]]


@dataclass(frozen=True, slots=True)
class OpenDay:
    """A day with at least one open area. ``factor``: the day's demand by weekday and month,
    relative to 1. ``usual``: the number of visits in a full library on this day."""

    date: date
    factor: float
    usual: float


def open_day(areas: Sequence[OpenArea], day: date, per_seat: float = VISITS_PER_SEAT) -> OpenDay:
    """The day with demand and number of visits. ``per_seat``: a seat's visits at average demand."""
    factor = _WEEKDAYS[day.weekday()] * _MONTHS[day.month - 1]
    seats = sum(len(area.seat_ids) * area.popularity for area in areas)
    return OpenDay(day, factor, seats * factor * per_seat)


class Crowd:
    """A library's invented readers and their visits. ``around``: existing bookings of other
    readers, by seat; visits that overlap them are left out."""

    def __init__(self, zone: Zone, seed: int, size: int, *, leave: bool = True) -> None:
        """``leave``: each month some readers leave the university and as many new ones come."""
        rng = random.Random(seed)
        self.readers = ReaderPool(zone, size, rng, leave=leave)
        self.around: Mapping[SeatId, Sequence[TimeRange]] = {}
        self._visits = VisitGenerator(self.readers, rng)

    def visits(self, areas: Sequence[OpenArea], share: float) -> list[GeneratedVisit]:
        """The visits of one day in order of booking; ``share`` scales their number."""
        visits = self._visits.generate(areas, share)
        return [visit for visit in visits if not self._meets_others(visit)]

    def _meets_others(self, visit: GeneratedVisit) -> bool:
        times = visit.times
        begin = min(times.start, times.checked_in or times.start)
        span = TimeRange(begin, times.renewed_end or times.end)
        return any(span.overlaps(other) for other in self.around.get(visit.seat_id, ()))


def open_days(
    areas: Areas,
    until: date,
    first: date | None,
    count: int,
    per_seat: float = VISITS_PER_SEAT,
) -> list[OpenDay]:
    """The open days from ``first`` to the day before ``until``. If ``first`` is None, as many as
    a full library takes to get ``count`` reservations. Raises: LoadDataError if there are none."""
    days: list[OpenDay] = []
    day, missing = until, float(count)
    while missing > 0 if first is None else day > first:
        day -= timedelta(days=1)
        if here := areas(day):
            days.append(open_day(here, day, per_seat))
            missing -= days[-1].usual
        elif not days and (until - day).days > 366:
            break
    if not days:
        raise LoadDataError("the library has no seats, or was closed on these days: run seed first")
    return days[::-1]


class HistoryGenerator:
    def __init__(
        self,
        writer: HistoryWriter,
        sealer: FieldCipher,
        zone: Zone,
        library: Catalog,
        policy: Policy,
    ) -> None:
        self._writer, self._sealer, self._zone = writer, sealer, zone
        self._library, self._policy = library, policy

    def generate(
        self,
        *,
        until: date,
        count: int,
        first: date | None = None,
        seed: int = 1,
        keep_messages: timedelta = KEEP_MESSAGES,
        report: ReportProgress = lambda done, total: None,
    ) -> Counter[str]:
        """Writes about ``count`` reservations of the days before ``until`` into an empty database.
        Returns the number of documents by collection.

        ``first``: the first day; if None, as many days as a full library takes to get ``count``
        reservations. Messages are written for the last ``keep_messages`` only. Memory is bounded.

        Raises: LoadDataError if the database has a history, or if the library has no seats or
        opening hours; HistoryWriteError.
        """
        if not self._writer.is_empty():
            raise LoadDataError(
                "the database already has reservations, violations or messages: use an empty one"
            )
        areas: Areas = partial(open_areas, self._zone, self._library, self._policy)
        days = open_days(areas, until, first, count)
        crowd = Crowd(self._zone, seed, min(MOST_READERS, max(2500, count // 25)))
        return self.write_days(
            crowd, days, areas, until=until, count=count, keep_messages=keep_messages, report=report
        )

    def write_days(
        self,
        crowd: Crowd,
        days: Sequence[OpenDay],
        areas: Areas,
        *,
        until: date,
        count: int,
        keep_messages: timedelta = KEEP_MESSAGES,
        report: ReportProgress = lambda done, total: None,
    ) -> Counter[str]:
        """Writes the readers and about ``count`` reservations on these days before ``until``.
        Returns document counts by collection. Raises: HistoryWriteError, errors of ``report``."""
        written: Counter[str] = Counter()

        def insert(collection: str, documents: Sequence[Document]) -> None:
            self._writer.insert(collection, documents)
            written[collection] += len(documents)

        remaining, usual = float(count), sum(day.usual for day in days)
        most = 3 * (os.cpu_count() or 1)  # for each process one batch, and two that wait
        waiting: set[Future[None]] = set()
        writer = self._writer
        place = self._zone, self._library, self._policy
        arguments = writer.mongo_url, writer.database, writer.id, *place
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(None, spawn, _start_worker, arguments) as workers:
            for day in days:
                leavers = crowd.readers.begin_day(day.date)
                insert("readers", [admitted(reader, self._sealer) for reader in leavers])
                visits = crowd.visits(areas(day.date), day.factor * remaining / usual)
                remaining, usual = max(0.0, remaining - len(visits)), usual - day.usual
                age = until - day.date
                claims, messages = age <= timedelta(days=1), age <= keep_messages
                for begin in range(0, len(visits), _BATCH):
                    waiting = _wait(waiting, most - 1)
                    batch = visits[begin : begin + _BATCH]
                    waiting.add(workers.submit(_write, day.date, batch, claims, messages))
                written.update(reservations=len(visits), messages=len(visits) * messages)
                for name, documents in self._judge(visits, crowd.readers).items():
                    insert(name, documents)
                report(len(visits), count)
            _wait(waiting, 0)
        insert("readers", [admitted(reader, self._sealer) for reader in crowd.readers.current])
        writer.wait_for_majority()
        return written

    def _judge(
        self, visits: Sequence[GeneratedVisit], readers: ReaderPool
    ) -> dict[str, list[Document]]:
        """The documents of the day's violations and suspensions, by collection. Only a reader's
        first violation of the day counts toward a suspension."""
        violations: list[Document] = []
        suspensions: list[Document] = []
        counted: set[ReaderId] = set()
        missed = [visit for visit in visits if visit.ending is ReservationState.NO_SHOW]
        for visit in sorted(missed, key=lambda visit: visit.times.ended):
            first = visit.reader_id not in counted
            counted.add(visit.reader_id)
            violation, suspension = readers[visit.reader_id].miss(
                self._zone, visit.id, visit.times.ended, first, self._policy
            )
            violations.append(violation_document(violation))
            if suspension is not None:
                suspensions.append(suspension_document(suspension, self._sealer))
        return {"violations": violations, "suspensions": suspensions}


# --- the other processes ------------------------------------------------------------------------


def _wait(waiting: set[Future[None]], at_most: int) -> set[Future[None]]:
    """Waits until at most ``at_most`` futures run; returns them. Raises: errors of finished
    futures."""
    while len(waiting) > at_most:
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        for one in done:
            one.result()
    return waiting


class _Worker:
    def __init__(self, writer: HistoryWriter, zone: Zone, library: Catalog, policy: Policy) -> None:
        self._writer, self._zone = writer, zone
        self._library = library
        self._policy = cache(policy.resolve)
        self._kiosks = sorted(library.kiosks) or [KioskId("kiosk")]

    def write(
        self, day: date, visits: Sequence[GeneratedVisit], keep_claims: bool, messages: bool
    ) -> None:
        """Writes the reservations of one day's visits. ``messages``: also their messages.
        ``keep_claims``: also ended reservations' claims, which the service keeps for a day."""
        ended = []
        for visit in visits:
            area = self._library.areas[visit.area_id]
            kiosk_id = self._kiosks[area.order % len(self._kiosks)]
            policy = self._policy(area.id, day)
            ended.append(list(revisions(self._zone, visit, area.venue_id, policy, kiosk_id)))
        self._writer.insert("reservations", [self._writer.finished(r, keep_claims) for r in ended])
        if messages:
            self._writer.insert("messages", [self._message(r[-1]) for r in ended])

    def _message(self, r: Reservation) -> Document:
        """The document of the reservation's last message; about three earlier ones are left out."""
        event = next(e for e in reversed(r.outbox) if e.event in TEMPLATE_BY_EVENT)
        facts = self._zone.local_facts(event.facts)
        seat = self._library.seats[facts.pop("seat_id")]
        context = MessageContext(
            at=self._zone.local(event.at),
            seat=self._library.seat_label(seat),
            short_seat=self._library.short_label_of(seat.id, LONGEST_THING),
            seat_no=seat.number,
            receipt=r.receipt,
            kiosks="",
            way=CheckInWay.KIOSK,
            violation=r.state is ReservationState.NO_SHOW,
            counted=True,
            window=ViolationCount(1, 3, 30),
            suspended_until=None,
            **facts,
        )
        template = TEMPLATE_BY_EVENT[event.event]
        message = build_message(r, event, template, context, f"{r.id}:{event.key}")
        return read(message)


_worker: _Worker


def _start_worker(
    mongo_url: str, database: str, id: str, zone: Zone, library: Catalog, policy: Policy
) -> None:
    global _worker
    # The cycle collector would take a third of the time, and nothing here makes cycles.
    gc.disable()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker = _Worker(HistoryWriter(mongo_url, database, id), zone, library, policy)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _write(day: date, visits: Sequence[GeneratedVisit], keep_claims: bool, messages: bool) -> None:
    _worker.write(day, visits, keep_claims, messages)
