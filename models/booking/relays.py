"""Relay watch: signs that a kiosk's code was sent to somebody who is not there.

A score lists a check-in for librarians and does nothing else: nobody is punished by it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Final

from models.booking.desk import Desk
from models.gate import Direction
from models.reservation import Reservation
from models.store.scans import ScanRecord
from models.timerange import at, local_date

MANY: Final = 8
"""Readers who used one code: in 15 seconds hardly more than that can stand before one screen."""
_WAIT: Final = timedelta(minutes=1)
"""A code lives for two steps; after that nobody can add to it."""
_BATCH: Final = 200
OUTSIDE: Final = "outside"
CROWD: Final = "crowd"
_SCORES: Final = {OUTSIDE: 3, CROWD: 1}


def record_of(r: Reservation, when: datetime) -> ScanRecord | None:
    """The check-in by code that this reservation tells of; None where a card, a gate or time did
    it."""
    if r.last_scan is None or not r.last_scan.startswith("k:"):
        return None
    step = r.last_scan.rsplit(":", 1)[0]
    if int(step.rsplit(":", 1)[1]) < 0:
        return None  # a card at the kiosk: there was no code that could be sent on
    return ScanRecord(r.id, r.reader_id, step, when)


async def watch(desk: Desk, now: datetime) -> int:
    """Score what was scanned a while ago, as far as the gates have told."""
    before = min(now - _WAIT, await desk.told_until(now))
    scored = []
    for scan in await desk.scans.unscored(before, _BATCH):
        reasons = []
        if await _outside(desk, scan):
            reasons.append(OUTSIDE)
        if await desk.scans.users_of(scan.step) >= MANY:
            reasons.append(CROWD)
        total = sum(_SCORES[reason] for reason in reasons)
        scored.append(replace(scan, score=total, reasons=tuple(reasons)))
    await desk.scans.score(scored)
    return len(scored)


async def _outside(desk: Desk, scan: ScanRecord) -> bool:
    """Did a gate see the reader leave, and not come back before they scanned?"""
    midnight = at(local_date(scan.at), time(0))
    passages = await desk.passages.of_day(scan.reader_id, midnight, scan.at)
    return bool(passages) and passages[-1].direction is Direction.OUT
