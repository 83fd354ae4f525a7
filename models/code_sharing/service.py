"""Code sharing: finds signs that a kiosk code was sent to a reader who is not in the library. A
check-in with such signs has no consequence except that librarians see it in a list."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from models.code_sharing.scan_repository import KioskScan, KioskScanRepository
from models.gates.entities import Direction
from models.gates.event_repository import GateEventRepository
from models.gates.knowledge import GateKnowledge
from models.reference_data import ReferenceData
from models.reservations.entities import OutboxEvent, OutboxEventKind, Reservation

CROWD_SIZE: Final = 8
"""A code used by this many readers or more is suspicious: a screen shows a code for only 15 s."""
_WAIT: Final = timedelta(minutes=1)
"""A check-in gets its score this long after it was made. A code is valid for two steps, so all
check-ins with the same code have been made by then."""
_BATCH: Final = 200
READER_OUTSIDE: Final = "outside"
MANY_USERS: Final = "crowd"
_SCORES: Final = {READER_OUTSIDE: 3, MANY_USERS: 1}


def scan_from(r: Reservation, when: datetime) -> KioskScan | None:
    """The check-in of the reservation as a ``KioskScan``; None if it was not made with a kiosk
    code but, for example, with a card, by a gate or as a carry-over."""
    if r.last_kiosk_code is None or not r.last_kiosk_code.startswith("k:"):
        return None
    step = r.last_kiosk_code.rsplit(":", 1)[0]
    if int(step.rsplit(":", 1)[1]) < 0:
        return None  # a card at the kiosk: there was no code that could be sent on
    return KioskScan(r.id, r.reader_id, step, when)


class CodeSharingService:
    def __init__(
        self,
        scans: KioskScanRepository,
        gate_events: GateEventRepository,
        gates: GateKnowledge,
        reference: ReferenceData,
    ) -> None:
        self._scans, self._gate_events, self._gates = scans, gate_events, gates
        self._reference = reference

    async def record_scan(self, r: Reservation, event: OutboxEvent) -> None:
        """Stores the event if it is a check-in with a kiosk code. Repeats have no effect."""
        if event.event is not OutboxEventKind.CHECKED_IN:
            return
        if (scan := scan_from(r, event.at)) is not None:
            await self._scans.add(scan)

    async def page_of(self, skip: int, limit: int) -> tuple[list[KioskScan], int]:
        """A page of the check-ins with signs of code sharing, latest first, and their total."""
        return await self._scans.page_of(skip, limit)

    async def score_scans(self, now: datetime) -> int:
        """Scores the check-ins made before the time up to which gates have reported all
        passages. Returns their number."""
        before = min(now - _WAIT, await self._gates.complete_until(now))
        scored = []
        for scan in await self._scans.awaiting_score(before, _BATCH):
            reasons = []
            if await self._reader_was_outside(scan):
                reasons.append(READER_OUTSIDE)
            if await self._scans.readers_using(scan.step) >= CROWD_SIZE:
                reasons.append(MANY_USERS)
            total = sum(_SCORES[reason] for reason in reasons)
            scored.append(replace(scan, score=total, reasons=tuple(reasons)))
        await self._scans.score(scored)
        return len(scored)

    async def _reader_was_outside(self, scan: KioskScan) -> bool:
        """True if the reader's last passage that day before the check-in led out of the library."""
        midnight = self._reference.zone.midnight(self._reference.zone.day(scan.at))
        events = await self._gate_events.of_day(scan.reader_id, midnight, scan.at)
        return bool(events) and events[-1].direction is Direction.OUT
