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

from models.booking.desk import Desk
from models.gates.entities import Direction, GateEvent, PresenceEffect
from models.gates.event_repository import Judged
from models.gates.replay import derive_presence
from models.kernel.ids import ReaderId, ReservationId
from models.kernel.time_range import local_date, local_instant
from models.reservations.entities import Reservation
from models.reservations.errors import ClaimConflict, RevisionConflict
from models.reservations.state_machine import CHECKED_IN_STATES, ReservationState
from models.violations.service import void_by_gate

BATCH: Final = 500
_AT_ONCE: Final = 16
_CUT_OFF: Final = timedelta(seconds=30)
"""A passage that is open for longer was left so by a worker that died."""
_ROUNDS: Final = 8


async def ingest(
    desk: Desk, passages: Sequence[tuple[GateEvent, str]], now: datetime
) -> tuple[int, int]:
    """Take in what a gate tells, each with the student number that it read. (new, known).

    What was kept and not worked out, since this worker died in between, ``GatePresenceJob`` works out.
    """
    new, known = await desk.passages.add(passages, now)
    days = {(p.reader_id, local_date(p.at)) for p in new if p.reader_id is not None}
    await _reconcile_all(desk, days, now, await desk.gate_events_complete_until(now))
    return len(new), known


async def _reconcile_all(
    desk: Desk, days: Iterable[tuple[ReaderId, date]], now: datetime, told: datetime
) -> int:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(reader_id: ReaderId, day: date) -> int:
        async with gate:
            return await reconcile_reader_day(desk, reader_id, day, now, told)

    return sum(await asyncio.gather(*(one(reader_id, day) for reader_id, day in days)))


async def reconcile_reader_day(
    desk: Desk, reader_id: ReaderId, day: date, now: datetime, told: datetime
) -> int:
    """Let the reader's reservations of the day be what their passages make of them. How many
    changed."""
    midnight = local_instant(day, time(0))
    changed = 0
    for _ in range(_ROUNDS):
        # The reservation before the passages: whoever adds one later finds another revision.
        rows = await desk.reservations.on_day(reader_id, day)
        passages = await desk.passages.of_day(reader_id, midnight, midnight + timedelta(days=1))
        effects: dict[str, tuple[PresenceEffect, ReservationId | None]] = {}
        if (written := await _apply_presence(desk, rows, passages, effects, now, told)) is None:
            continue  # somebody else was faster
        changed += written
        await desk.passages.settle(await _event_effects(desk, rows, passages, effects))
        break
    return changed


async def _apply_presence(
    desk: Desk,
    rows: Sequence[Reservation],
    passages: Sequence[GateEvent],
    effects: dict[str, tuple[PresenceEffect, ReservationId | None]],
    now: datetime,
    told: datetime,
) -> int | None:
    """How many reservations changed, with the ``effects`` of passages; None where one could not."""
    timely = [p for p in passages if not p.late]
    free_from = max((r.ended_at for r in rows if r.checked_in_at and r.ended_at), default=None)
    changed = 0
    for r in _candidates(rows, now):
        new, found = derive_presence(
            r, await desk.policy_at_booking(r), timely, free_from, told, now
        )
        for id, effect in found.items():
            if effect is not PresenceEffect.NONE or id not in effects:
                effects[id] = effect, r.id if effect is not PresenceEffect.NONE else None
        if new is not r:
            try:
                await desk.reservations.replace(r, new)
            except (RevisionConflict, ClaimConflict):
                return None  # or checked in elsewhere a moment ago: the next look sees it
            desk.board.record_write(new)
            changed += 1
        if new.state in CHECKED_IN_STATES:
            break
    return changed


def _candidates(rows: Sequence[Reservation], now: datetime) -> list[Reservation]:
    """The seat that the reader is at, or else those that they may check in at now."""
    present = [r for r in rows if r.state in CHECKED_IN_STATES]
    return present or [
        r for r in rows if r.state is ReservationState.RESERVED and r.check_in_from <= now
    ]


async def _event_effects(
    desk: Desk,
    rows: Sequence[Reservation],
    passages: Sequence[GateEvent],
    effects: dict[str, tuple[PresenceEffect, ReservationId | None]],
) -> list[Judged]:
    """What has to be written of what the passages did."""
    judged = []
    for p in passages:
        if p.id in effects:
            effect, id = effects[p.id]
        elif p.processed:
            continue
        else:
            effect, id = await _late_effect(desk, rows, p)
        if not p.processed or (effect, id) != (p.effect, p.reservation_id):
            judged.append(Judged(p, effect, id))
    return judged


async def _late_effect(
    desk: Desk, rows: Sequence[Reservation], p: GateEvent
) -> tuple[PresenceEffect, ReservationId | None]:
    """A passage that moves no seat any more. It can still void a violation."""
    for r in rows:
        came = p.direction is Direction.IN and r.check_in_from <= p.at <= r.check_in_until
        if r.state is ReservationState.NO_SHOW and came:
            await void_by_gate(desk, r, p)
            return PresenceEffect.LATE, r.id
        if r.checked_in_at and r.ended_at and r.checked_in_at <= p.at < r.ended_at:
            return PresenceEffect.LATE, r.id
    return (PresenceEffect.LATE if p.late else PresenceEffect.NONE), None
