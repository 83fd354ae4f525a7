"""报修: readers say what is broken at a seat, and the staff close it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, time, timedelta

from models.fault_reports.entities import FaultKind, FaultReport, FaultState
from models.fault_reports.errors import FaultClosed, FaultReported, TooManyFaults
from models.fault_reports.repository import FaultReportRepository
from models.fault_reports.rules import check_fault_text
from models.kernel.errors import NotFound
from models.kernel.ids import ReaderId
from models.kernel.time_range import local_date, local_instant
from models.library.entities import SeatId
from models.reference_data import ReferenceData


class FaultReportService:
    """Keeps what is broken until somebody has looked after it. A report changes no booking."""

    def __init__(self, reports: FaultReportRepository, reference: ReferenceData) -> None:
        self._reports, self._reference = reports, reference

    async def report(
        self, reader_id: ReaderId, seat_id: str, kind: FaultKind, text: str, now: datetime
    ) -> FaultReport:
        """The kept report. The same one again, with the same words, is that report.

        Raises: NotFound, Malformed, TooManyFaults; FaultReported where the
        reader's open report of the same seat and kind says something else.
        """
        check_fault_text(kind, text)
        seat, day = self._reference.seat(seat_id), local_date(now)
        kept = await self._reports.add(reader_id, seat.id, kind, text, day, now)
        if kept is None:
            tomorrow = local_instant(day + timedelta(days=1), time())
            raise TooManyFaults((tomorrow - now).total_seconds())
        if kept.text != text:
            raise FaultReported()
        return kept

    async def get(self, id: str) -> FaultReport:
        """Raises: NotFound."""
        found = await self._reports.get(id)
        if found is None:
            raise NotFound()
        return found

    async def page_of(
        self, opened: bool, skip: int, limit: int, seats: Collection[SeatId] | None = None
    ) -> tuple[list[FaultReport], int]:
        """A page of the open reports, the oldest first, or of the closed ones, the newest first,
        of these seats or (None) of all; and how many there are."""
        state = FaultState.OPEN if opened else None
        return await self._reports.page_of(state, skip, limit, seats)

    async def open_of(self, reader_id: ReaderId) -> list[FaultReport]:
        """What the reader has reported and nobody has looked after yet."""
        return await self._reports.open_of(reader_id)

    async def open_of_seats(self) -> Mapping[SeatId, int]:
        """How many reports are open of each seat that has one."""
        return await self._reports.open_of_seats()

    async def close(self, id: str, state: FaultState, answer: str, now: datetime) -> FaultReport:
        """The closed report; the same closing again changes nothing. Raises: NotFound; FaultClosed
        where it was closed otherwise."""
        found = await self._reports.close(id, state, answer, now)
        if found is None:
            raise NotFound()
        if found.state is not state or found.answer != answer:
            raise FaultClosed()
        return found
