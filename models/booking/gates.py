"""门禁: passages through the gates check readers in and mark their leaves and returns for them.

Each passage is kept once, by its id; then everything that the reader's passages mean today is
worked out anew (models/assist.py) and written under the reservation's revision. So it does not
matter in which order, how often, or in which worker they arrive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

from models.assist import assist
from models.booking.desk import Desk
from models.booking.penalties import void
from models.gate import Direction, Effect, Passage, told_until
from models.reservation import PRESENT, ReaderId, Reservation, ReservationId, State
from models.store.gates import Judged
from models.store.reservations import ClaimLost, StaleRevision
from models.timerange import at, local_date

BATCH: Final = 500
_AT_ONCE: Final = 16
_CUT_OFF: Final = timedelta(seconds=30)
"""A passage that is open for longer was left so by a worker that died."""
_ROUNDS: Final = 8


async def passed(
    desk: Desk, passages: Sequence[tuple[Passage, str]], now: datetime
) -> tuple[int, int]:
    """Take in what a gate tells, each with the student number that it read. (new, known).

    What was kept and not worked out, since this worker died in between, ``Doorstep`` works out.
    """
    new, known = await desk.passages.add(passages, now)
    days = {(p.reader_id, local_date(p.at)) for p in new if p.reader_id is not None}
    await _each(desk, days, now, await desk.told_until(now))
    return len(new), known


async def _each(
    desk: Desk, days: Iterable[tuple[ReaderId, date]], now: datetime, told: datetime
) -> int:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(reader_id: ReaderId, day: date) -> int:
        async with gate:
            return await follow(desk, reader_id, day, now, told)

    return sum(await asyncio.gather(*(one(reader_id, day) for reader_id, day in days)))


async def follow(desk: Desk, reader_id: ReaderId, day: date, now: datetime, told: datetime) -> int:
    """Let the reader's reservations of the day be what their passages make of them. How many
    changed."""
    midnight = at(day, time(0))
    changed = 0
    for _ in range(_ROUNDS):
        # The reservation before the passages: whoever adds one later finds another revision.
        rows = await desk.reservations.of_day(reader_id, day)
        passages = await desk.passages.of_day(reader_id, midnight, midnight + timedelta(days=1))
        effects: dict[str, tuple[Effect, ReservationId | None]] = {}
        if (written := await _assisted(desk, rows, passages, effects, now, told)) is None:
            continue  # somebody else was faster
        changed += written
        await desk.passages.settle(await _judged(desk, rows, passages, effects))
        break
    return changed


async def _assisted(
    desk: Desk,
    rows: Sequence[Reservation],
    passages: Sequence[Passage],
    effects: dict[str, tuple[Effect, ReservationId | None]],
    now: datetime,
    told: datetime,
) -> int | None:
    """How many reservations changed, with the ``effects`` of passages; None where one could not."""
    timely = [p for p in passages if not p.late]
    free_from = max((r.ended_at for r in rows if r.checked_in_at and r.ended_at), default=None)
    changed = 0
    for r in _candidates(rows, now):
        new, found = assist(r, await desk.policy_of(r), timely, free_from, told, now)
        for id, effect in found.items():
            if effect is not Effect.NONE or id not in effects:
                effects[id] = effect, r.id if effect is not Effect.NONE else None
        if new is not r:
            try:
                await desk.reservations.replace(r, new)
            except (StaleRevision, ClaimLost):
                return None  # or checked in elsewhere a moment ago: the next look sees it
            desk.board.wrote(new)
            changed += 1
        if new.state in PRESENT:
            break
    return changed


def _candidates(rows: Sequence[Reservation], now: datetime) -> list[Reservation]:
    """The seat that the reader is at, or else those that they may check in at now."""
    present = [r for r in rows if r.state in PRESENT]
    return present or [r for r in rows if r.state is State.RESERVED and r.check_in_from <= now]


async def _judged(
    desk: Desk,
    rows: Sequence[Reservation],
    passages: Sequence[Passage],
    effects: dict[str, tuple[Effect, ReservationId | None]],
) -> list[Judged]:
    """What has to be written of what the passages did."""
    judged = []
    for p in passages:
        if p.id in effects:
            effect, id = effects[p.id]
        elif p.settled:
            continue
        else:
            effect, id = await _missed(desk, rows, p)
        if not p.settled or (effect, id) != (p.effect, p.reservation_id):
            judged.append(Judged(p, effect, id))
    return judged


async def _missed(
    desk: Desk, rows: Sequence[Reservation], p: Passage
) -> tuple[Effect, ReservationId | None]:
    """A passage that moves no seat any more. It can still void a violation."""
    for r in rows:
        came = p.direction is Direction.IN and r.check_in_from <= p.at <= r.check_in_until
        if r.state is State.NO_SHOW and came:
            await void(desk, r, p)
            return Effect.LATE, r.id
        if r.checked_in_at and r.ended_at and r.checked_in_at <= p.at < r.ended_at:
            return Effect.LATE, r.id
    return (Effect.LATE if p.late else Effect.NONE), None


class Doorstep:
    """What passages mean without another one: a window opens for a reader who is inside already, or
    their stay elsewhere ends. Also what a worker that died left undone."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._seen: dict[tuple[ReservationId, int], datetime] = {}
        """Reservations (and their revisions) whose window is open, since when they were seen so."""
        self._asked: set[tuple[ReservationId, int]] = set()

    async def look(self, now: datetime) -> int:
        """How many reservations changed."""
        desk = self._desk
        gates = await desk.gates.all()
        if not any(gate.seen_at is not None for gate in gates):
            return 0
        told = told_until(gates, now)
        left = await desk.passages.left_open(now - _CUT_OFF, BATCH)
        found, today = await self._at_the_door(now, told), local_date(now)
        came = await desk.passages.seen(found, at(today, time(0)))
        days = {(reader_id, today) for reader_id in came}
        days |= {(p.reader_id, local_date(p.at)) for p in left if p.reader_id is not None}
        return await _each(desk, days, now, told)

    async def _at_the_door(self, now: datetime, told: datetime) -> list[ReaderId]:
        """Readers with a window that has opened and that was not looked at with all that the gates
        had to tell."""
        board = await self._desk.board.day(local_date(now))
        policy = self._desk.policy.for_area(None, local_date(now))
        before = timedelta(minutes=policy.check_in_before_minutes)
        open_now = {
            (row.id, row.rev): row.reader_id
            for row in board.rows.values()
            if row.state is State.RESERVED and row.booked_start - before <= now
        }
        self._seen = {key: self._seen.get(key, now) for key in open_now}
        self._asked &= open_now.keys()
        readers = []
        for key, reader_id in open_now.items():
            present = any(row.state in PRESENT for row in board.by_reader.get(reader_id, ()))
            if key in self._asked or present:
                continue
            readers.append(reader_id)
            if told >= self._seen[key]:
                self._asked.add(key)
        return readers
