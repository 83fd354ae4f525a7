from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from models.fault_reports.entities import FaultKind, FaultReport, FaultState
from models.fault_reports.errors import FaultClosed, FaultReported, TooManyFaults
from models.fault_reports.repository import FaultReportRepository
from models.fault_reports.rules import check_fault_text
from models.kernel.errors import NotFound
from models.kernel.ids import ReaderId
from models.library.entities import SeatId
from models.reference_data import ReferenceData


class FaultReportService:
    """Stores, lists and closes readers' fault reports. A report changes no booking."""

    def __init__(self, reports: FaultReportRepository, reference: ReferenceData) -> None:
        self._reports, self._reference = reports, reference

    async def report(
        self, reader_id: ReaderId, seat_id: str, kind: FaultKind, text: str, now: datetime
    ) -> FaultReport:
        """Stores a report; a repeated call with the same text returns the first one. Raises:
        NotFound, Malformed, TooManyFaults; FaultReported if the reader's open report of the same
        seat and kind has another text."""
        check_fault_text(kind, text)
        seat, day = self._reference.seat(seat_id), self._reference.zone.day(now)
        report = await self._reports.add(reader_id, seat.id, kind, text, day, now)
        if report is None:
            tomorrow = self._reference.zone.midnight(day + timedelta(days=1))
            raise TooManyFaults((tomorrow - now).total_seconds())
        if report.text != text:
            raise FaultReported()
        return report

    async def get(self, id: str) -> FaultReport:
        """The report with this id. Raises: NotFound."""
        report = await self._reports.get(id)
        if report is None:
            raise NotFound()
        return report

    async def page_of(
        self, opened: bool, skip: int, limit: int, seats: Collection[SeatId] | None = None
    ) -> tuple[list[FaultReport], int]:
        """A page of the open reports, oldest first (``opened``), or of the closed ones, newest
        first; and their total number. ``seats``: only reports of these seats; None: of all."""
        state = FaultState.OPEN if opened else None
        return await self._reports.page_of(state, skip, limit, seats)

    async def open_of(self, reader_id: ReaderId) -> list[FaultReport]:
        """The reader's open reports, newest first."""
        return await self._reports.open_of(reader_id)

    async def open_of_seats(self) -> Mapping[SeatId, int]:
        """The number of open reports by seat. At most 1000 reports are counted."""
        return await self._reports.open_of_seats()

    async def close(self, id: str, state: FaultState, answer: str, now: datetime) -> FaultReport:
        """Closes the report; returns it. Raises: NotFound; FaultClosed if it was closed before
        with another state or answer."""
        report = await self._reports.close(id, state, answer, now)
        if report is None:
            raise NotFound()
        if report.state is not state or report.answer != answer:
            raise FaultClosed()
        return report
