"""Fills an empty database with the days before today, as fast as MongoDB takes them.

One seed gives one past, but for the nonces of sealed personal data.
"""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from time import monotonic
from typing import Any, Final

from miniapp_server.app import Parts
from miniapp_server.growth import readers as people
from miniapp_server.growth.days import Days, Drawn, in_service
from miniapp_server.growth.readers import Member, Readers
from miniapp_server.growth.visits import Forms, instant
from models.booking.desk import Desk
from models.kernel.ids import ReaderId, ReservationId
from models.kernel.time_range import local_date, local_instant
from models.library.entities import Catalog, SeatId
from models.messages.entities import DeliveryState, Message
from models.policy.entities import Policy
from models.reservations.state_machine import ReservationState
from models.store.past import Past
from models.violations.entities import (
    Suspension,
    Violation,
    ViolationCount,
    decide_suspension,
    window_start,
)
from notify.templates import booking_confirmed, booking_ended, leave_timeout, no_show
from notify.templates.rendering import MessageContext

KEEP_MESSAGES: Final = timedelta(days=180)
"""As long as the service keeps them."""

_BATCH: Final = 4000
"""Documents of one insert: some 6 MB, an eighth of what MongoDB takes."""
_IN_FLIGHT: Final = 2

# What weekdays and months make of a day. Ours, as the shares of the hours are (days.py).
_WEEKDAYS: Final = (1.0, 1.0, 1.0, 1.0, 0.85, 0.8, 0.9)
_MONTHS: Final = (0.9, 0.3, 1.0, 1.0, 1.05, 1.15, 0.5, 0.35, 0.95, 0.95, 1.05, 1.2)
_VISITS_A_SEAT: Final = 2.3
"""On a day of factor one; the days follow the number that is still wanted."""


class GrowthRefused(Exception):
    """One clear line about why this database is not filled."""


@dataclass(slots=True)
class Counts:
    """What was written, by collection."""

    days: int = 0
    written: dict[str, int] = field(default_factory=dict)

    def add(self, collection: str, count: int) -> None:
        self.written[collection] = self.written.get(collection, 0) + count


def _misses(
    drawn: Sequence[Drawn], readers: Readers, policy: Policy
) -> Iterator[tuple[Violation, Suspension | None]]:
    """The day's violations in order, as the relay judges them: one counts a day."""
    counted: set[int] = set()
    missed = [d for d in drawn if d.course.ending is ReservationState.NO_SHOW]
    for one in sorted(missed, key=lambda d: d.visit.until):
        reader, when = readers.of(one.position), instant(one.visit.until)
        id = one.visit.id.decode()
        violation = Violation(
            id=f"{id}:no_show",
            reader_id=ReaderId(reader.id),
            reservation_id=ReservationId(id),
            kind="no_show",
            at=when,
            day=local_date(when),
            counts=one.position not in counted,
        )
        counted.add(one.position)
        reader.unspent = [v for v in reader.unspent if v.at > window_start(policy, when)]
        if violation.counts:
            reader.unspent.append(violation)
        suspension = decide_suspension(violation, reader.unspent, policy)
        if suspension is not None:
            reader.suspended_until = suspension.until
            reader.unspent = [v for v in reader.unspent if v.id not in suspension.violation_ids]
        yield violation, suspension


def _letter(d: Drawn, library: Catalog, rng: random.Random) -> tuple[Message, DeliveryState]:
    """The message about how it ended; those of the way there would be three times as many."""
    module: Any = {
        ReservationState.NO_SHOW: no_show,
        ReservationState.AWAY_EXPIRED: leave_timeout,
        ReservationState.CANCELLED: booking_confirmed,
    }.get(d.course.ending, booking_ended)
    v = d.visit
    when = {
        ReservationState.NO_SHOW: v.until,
        ReservationState.AWAY_EXPIRED: v.return_by,
        ReservationState.CANCELLED: v.made,
        ReservationState.FINISHED: v.ended,
    }.get(d.course.ending, v.end)
    seat_id = SeatId(v.seat.decode())
    start = instant(v.start)
    moment = MessageContext(
        at=instant(when),
        seat=library.seat_label(library.seats[seat_id]),
        receipt=f"R{local_date(start):%Y%m%d}{v.id[-6:].decode().upper()}",
        start=start,
        end=instant(v.end),
        check_in_from=instant(v.opens),
        check_in_until=instant(v.until),
        checked_in_at=instant(v.arrived) if v.arrived else None,
        available_from=instant(v.arrived) if d.course.early else start,
        left_at=instant(v.left) if v.left else None,
        return_by=instant(v.return_by) if v.return_by else None,
        ended_at=instant(when),
        penalty_waived=False,
        kiosks="",
        violation=d.course.ending is ReservationState.NO_SHOW,
        counted=True,
        window=ViolationCount(1, 3, 30),
        suspended_until=None,
    )
    letter = module.write(moment)
    id = v.id.decode()
    message = Message(
        id=f"{id}:1",
        reader_id=ReaderId(v.reader.decode()),
        template=module.TEMPLATE,
        title=module.TITLE,
        text=letter.text,
        at=moment.at,
        facts=letter.facts,
        reservation_id=ReservationId(id),
        expires_at=letter.not_after,
        read=rng.random() < 0.6,
    )
    return message, DeliveryState.SENT if rng.random() < 0.7 else DeliveryState.NO_CONSENT


class _Writing:
    """Batches on their way: two inserts at once, while the next batch is drawn."""

    def __init__(self, past: Past, counts: Counts) -> None:
        self._past = past
        self._counts = counts
        self._waiting: dict[str, list[Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def put(self, collection: str, documents: Sequence[Any], *, all: bool = False) -> None:
        waiting = self._waiting.setdefault(collection, [])
        waiting += documents
        while len(waiting) >= _BATCH or (all and waiting):
            batch, waiting[:] = waiting[:_BATCH], waiting[_BATCH:]
            await self._room(_IN_FLIGHT - 1)
            self._tasks.add(asyncio.create_task(self._past.add(collection, batch)))
            self._counts.add(collection, len(batch))
            await asyncio.sleep(0)  # it leaves now, not when the next day has been drawn

    async def end(self) -> None:
        for collection in self._waiting:
            await self.put(collection, [], all=True)
        await self._room(0)

    async def _room(self, at_most: int) -> None:
        while len(self._tasks) > at_most:
            done, self._tasks = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()


Told = Callable[[int, int], None]
"""Takes how many reservations were just written, and of how many in all."""


async def grown(
    parts: Parts, scale: int, seed: int, say: Callable[[str], None], told: Told
) -> None:
    """Grow the database of an opened service and say what was written and how large it is.

    Raises: GrowthRefused, PastRefused, ServiceUnavailable.
    """
    began, past = monotonic(), Past(parts.db, parts.settings.sealer)
    today = local_date(parts.clock.now())
    counts = await grow(parts.desk, past, today, scale, seed=seed, told=told)
    took = monotonic() - began
    for name in ("reservations", "deliveries", "violations", "readers"):
        sizes = await past.sizes(name)
        say(f"{name}: {sizes['size'] >> 20:,} MB, stored in {sizes['storageSize'] >> 20:,} MB")
        for index, size in sizes["indexSizes"].items():
            say(f"  {index}: {size / 2**20:,.1f} MB")
    written = ", ".join(f"{count:,} {name}" for name, count in counts.written.items())
    say(f"{counts.days:,} days: {written}; {took:,.0f} s")


async def grow(
    desk: Desk,
    past: Past,
    today: date,
    scale: int,
    *,
    seed: int = 1,
    keep_messages: timedelta = KEEP_MESSAGES,
    told: Told = lambda done, total: None,
) -> Counts:
    """Fill an empty database with about ``scale`` reservations of the days before ``today``.

    The library must be there. Memory does not grow with ``scale``.

    Raises: GrowthRefused, PastRefused, ServiceUnavailable.
    """
    if not await past.is_empty():
        raise GrowthRefused("there are reservations, violations or messages already")
    if not desk.library.seats:
        raise GrowthRefused("there is no library: run seed first")
    with _no_collector():
        return await _grown(
            desk, past, _plan(desk, today, scale), today, scale, seed, keep_messages, told
        )


async def _grown(
    desk: Desk,
    past: Past,
    plan: Sequence[tuple[date, float, float]],
    today: date,
    scale: int,
    seed: int,
    keep_messages: timedelta,
    told: Told,
) -> Counts:
    rng = random.Random(seed)
    readers = Readers(min(people.AT_ONCE, max(2500, scale // 25)), rng)
    days, forms = Days(desk.library, desk.policy, readers, rng), Forms(desk, past)
    counts = Counts()
    writing = _Writing(past, counts)
    wanted, expected = float(scale), sum(usual for _, usual, _ in plan)
    for number, (day, usual, factor) in enumerate(plan):
        gone = readers.renew(day)
        await writing.put("readers", [_reader(past, reader) for reader in gone])
        # In a thread, so that the batches before it leave while it is drawn.
        drawn = await asyncio.to_thread(days.draw, day, factor * wanted / expected)
        wanted, expected = max(0.0, wanted - len(drawn)), expected - usual
        counts.days += bool(drawn)
        recent = day >= today - timedelta(days=1)
        documents = await asyncio.to_thread(_all_written, drawn, days, forms, recent)
        await writing.put("reservations", documents)
        for violation, suspension in _misses(drawn, readers, desk.policy):
            await writing.put("violations", [past.violation(violation)])
            if suspension is not None:
                await writing.put("suspensions", [past.suspension(suspension)])
        if today - day <= keep_messages:
            letters = (_letter(d, desk.library, rng) for d in drawn)
            await writing.put(
                "deliveries", [past.message(message, state) for message, state in letters]
            )
        if number % 60 == 59:
            gc.collect()
        told(len(drawn), scale)
    await writing.put("readers", [_reader(past, reader) for reader in readers.present])
    await writing.end()
    return counts


@contextmanager
def _no_collector() -> Iterator[None]:
    """Python's cycle collector would take a third of the time, and nothing here makes cycles."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _plan(desk: Desk, today: date, scale: int) -> list[tuple[date, float, float]]:
    """(day, visits that are usual for it, its factor), the first day first: enough days for all."""
    areas = list(desk.library.areas.values())
    found: list[tuple[date, float, float]] = []
    day, left = today, float(scale)
    while left > 0:
        day -= timedelta(days=1)
        factor = _WEEKDAYS[day.weekday()] * _MONTHS[day.month - 1]
        seats = sum(
            len(in_service(area))
            for area in areas
            if desk.policy.day_hours(day, area.venue_id, area.id).hours is not None
        )
        if (today - day).days > 366 and not found:
            raise GrowthRefused("the policy has had no open day for a year")
        if seats:
            usual = seats * factor * _VISITS_A_SEAT
            found.append((day, usual, factor))
            left -= usual
    return found[::-1]


def _all_written(drawn: Sequence[Drawn], days: Days, forms: Forms, recent: bool) -> list[Any]:
    return [_written(d, days, forms, recent) for d in drawn]


def _written(d: Drawn, days: Days, forms: Forms, recent: bool) -> Any:
    place = d.course, d.area_id, d.visit
    changes = [days.new_id(ms) for ms in forms.moments(*place)]
    if recent:  # its claims have not been pruned yet
        return forms.document(*place, d.k, changes)
    return forms.fill(*place, changes)


def _reader(past: Past, reader: Member) -> Mapping[str, Any]:
    return past.reader(
        reader.id, reader.number, reader.name, reader.kind,
        local_instant(reader.made, time(6)), reader.suspended_until,
    )  # fmt: skip
